"""Documents: reading without keeping, putting guesses right, and refusals in words."""

from __future__ import annotations

import codecs
import zipfile
from pathlib import Path

import pytest

from engine.studio import DEFAULT_STEPS, ROLES
from engine.workspace import Workspace
from tests.ui.uploads import (
    PROBLEM,
    WARNING,
    again,
    controls,
    incoming,
    mark,
    read,
    role,
    use,
)
from ui import columns_table
from ui import wording_documents as words
from ui.pages import documents


def test_a_drop_is_read_and_nothing_is_kept(table: Path, workspace: Workspace) -> None:
    shown = read(table)
    assert words.DOCUMENTS_NOT_YET.split(",")[0] in shown["status"]
    assert "<b>33</b>" in shown["numbers"] and "<b>31</b>" in shown["numbers"]
    assert "1 without text, 1 without a single word" in shown["numbers"]
    assert words.documents_labels(["category"]) in shown["remarks"]
    assert words.documents_kept_aside(31 - shown["held"].reading.receipt["duplicates"]) in shown["remarks"]
    assert not workspace.projects.exists()


def test_every_column_shows_its_guess_its_reason_and_its_first_cells(table: Path) -> None:
    shown = read(table)
    assert [role(shown, name) for name in ("id", "message", "note", "category")] == \
        ["id", "text", "ignore", "label"]
    at = shown["held"].order.index("message")
    assert "its name says so" in shown[f"cells_{at}"] and "bridge number 1" in shown[f"cells_{at}"]
    visible = [shown[f"slot_{i}"].visible for i in range(columns_table.SLOTS)]
    assert visible == [True] * 4 + [False] * 8 and not shown["more_box"].visible


def test_every_role_has_words_and_every_encoding_is_one() -> None:
    assert set(words.DOCUMENTS_ROLE_NAMES) == set(ROLES) == set(columns_table.IMPORTANT)
    assert all(codecs.lookup(name) for name in words.DOCUMENTS_ENCODINGS.values())


def test_text_of_files_is_shown_never_interpreted(table: Path) -> None:
    shown = read(table)
    assert "river &lt;b&gt;watch.csv" in shown["how"]
    everything = "".join(v for v in shown.values() if isinstance(v, str))
    assert "<img" not in everything and "<b>watch" not in everything
    found = documents._search("", use(shown)["project"], "OLD MILL")
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; {{ 7*7 }} near the old mill" in found["table"]
    assert "1 of 31 documents" in found["found"]


def test_names_and_reasons_from_files_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "columns.csv"
    path.write_text("id,<script>x</script> message\n" + "\n".join(
        f"{i},<i>Road {i}</i> is closed by snow near village {i}" for i in range(25)), encoding="utf-8")
    shown = read(path)
    everything = "".join(v for v in shown.values() if isinstance(v, str))
    assert "<script" not in everything and "<i>" not in everything


def test_the_receipt_follows_when_a_role_is_put_right(table: Path) -> None:
    first = read(table)
    other = again(first, columns={"note": "text"})
    assert role(other, "note") == "text" and role(other, "message") == "ignore"
    assert "short 0" in other["rows"] and "<b>32</b>" in other["numbers"]
    back = again(other, columns={"message": "text"})
    assert role(back, "message") == "text" and role(back, "note") == "ignore"  # one text, the last one said
    relabelled = again(again(back, columns={"note": "text"}), columns={"category": "ignore"})
    assert role(relabelled, "note") == "text"  # the earlier choice stays
    assert "Labels found" not in relabelled["remarks"]


def test_how_a_file_is_read_can_be_said(table: Path) -> None:
    first = read(table)
    assert first["delimiter"].choices[0] == ("decide for me (semicolon ;)", "")
    no_header = again(first, header="-1")
    assert "<b>34</b>" in no_header["numbers"] and no_header["header"].value == "-1"
    assert "note" not in no_header["held"].order  # that column has another name now
    assert not first["sheet"].visible and not first["lines"].visible
    assert "<b>33</b>" in again(no_header, header="")["numbers"]


def test_another_encoding_is_shown_at_once(tmp_path: Path) -> None:
    path = tmp_path / "letters.csv"
    path.write_bytes("text\n".encode("cp1251") + "\n".join(
        f"Вода поднялась на {i} см у моста" for i in range(25)).encode("cp1251"))
    shown = again(read(path), encoding="cp1252")
    assert "Âîäà" in shown["rows"] and shown["encoding"].value == "cp1252"
    right = again(shown, encoding="cp1251")
    assert "Вода" in right["rows"]
    assert not read(path)["wrong"].open and "wrong" not in shown | right  # open for who tries several


def test_a_sheet_can_be_chosen(shared_data: Path) -> None:
    shown = read(shared_data / "nasty" / "24_messy.xlsx")
    assert shown["sheet"].visible and ("Data", "Data") in shown["sheet"].choices
    assert not shown["encoding"].visible  # a workbook has none
    other = again(shown, sheet="lists")
    assert PROBLEM in other["status"] or "sheet “lists”" in other["how"]


def test_lines_of_a_plain_text_can_be_documents(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("The river rose again overnight. Families left for the school.\n\n" * 3 + "\n".join(
        f"Entry {i}: the road to village {i} is closed by snow." for i in range(30)), encoding="utf-8")
    lines = again(read(path), lines="line")
    assert "<b>33</b>" in lines["numbers"] and lines["lines"].visible
    assert "<b>1</b> <span>kept" in again(lines, lines="file")["numbers"]


def test_a_cleaning_step_can_be_left_out_and_comes_back(table: Path) -> None:
    first = read(table)
    steps = list(first["held"].titles)
    assert steps == list(DEFAULT_STEPS) and "@who" not in first["rows"]
    without = again(first, steps=[s for s in steps if s not in ("retweets", "handles")])
    assert "RT @who: Water" in without["rows"]
    label = {name: said for said, name in without["steps"].choices}["retweets"]
    assert label.endswith("(left out)")
    assert "@who" not in again(without, steps=steps)["rows"]


def test_letters_encoded_twice_are_repaired_only_when_ticked(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("id,text\n" + "\n".join(f"{i},CafÃ© numÃ©ro {i} est fermÃ© ce soir" for i in range(25)),
                    encoding="utf-8")
    first = read(path)
    assert first["doubled_box"].visible and WARNING in first["doubled"]
    assert "Café numéro 0" in first["doubled"] and "CafÃ©" in first["rows"]
    mended = again(first, repair=True)
    assert "Café numéro 0 est fermé" in mended["rows"] and "notice-done" in mended["doubled"]
    assert "CafÃ©" in again(mended, repair=False)["rows"]
    plain = tmp_path / "plain.csv"
    plain.write_text("id,text\n" + "\n".join(f"{i},Café numéro {i} est fermé" for i in range(25)))
    assert not read(plain)["doubled_box"].visible


def test_private_details_are_counted_shown_and_masked_by_choice(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("id,text\n" + "\n".join(
        f"{i},Call my sister at +509 3412-56{i:02d} near village {i}" for i in range(30)), encoding="utf-8")
    first = read(path)
    assert first["private_box"].label == words.documents_private(30, None)
    assert "Phone numbers: 30 in 30 texts" in first["private"] and "at (phone) near" in first["private"]
    assert words.DOCUMENTS_PRIVATE_LIMITS in first["private"] and not first["mask"]
    masked = again(first, mask=True)
    assert "at (phone) near village 0" in masked["rows"] and "3412" not in masked["rows"]
    assert masked["private_box"].label == words.documents_private(30, 30) and masked["mask"]
    assert "Phone numbers" in masked["private"]  # what was found before it was masked
    assert "+509" in again(masked, mask=False)["rows"]


def test_a_public_page_masks_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("text\n" + "\n".join(f"Write to aid{i}@example.org about tent {i}" for i in range(30)))
    monkeypatch.setenv("ANON_PUBLIC", "1")
    shown = documents._read_files("a" * 32, "", [str(path)], None)
    assert shown["mask"] and "(e-mail)" in shown["rows"] and "example.org" not in shown["rows"]
    assert words.documents_masked(30) in shown["private"]
    held = shown["held"]
    other = documents._read_again("a" * 32, held, mark(held), *controls(held, mask=False))
    assert "aid0@example.org" in other["rows"]


@pytest.mark.parametrize("content", ["", "id\n1\n2\n3\n"], ids=["empty", "no text"])
def test_a_refusal_is_said_in_the_page_and_offers_what_could_help(content: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content, encoding="utf-8")
    shown = read(path)
    assert PROBLEM in shown["status"]
    assert shown["preview"].visible and not shown["read"].visible  # the controls, without *Use*
    assert shown["wrong"].open and shown["named"].visible and shown["header"].visible
    assert shown["held"].paths == (str(path),)
    assert documents._use("", "", shown["held"], 0, *controls(shown["held"])) == {}


def test_a_refused_file_is_read_once_its_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("nr,code\n" + "\n".join(f"{i},SOS{i}" for i in range(30)), encoding="utf-8")
    refused = read(path)
    assert PROBLEM in refused["status"]
    assert "no column “kode”" in again(refused, named="kode")["status"]
    shown = again(refused, named="code")
    assert role(shown, "code") == "text" and not shown["named"].visible and "SOS0" in shown["rows"]
    assert PROBLEM not in again(shown, columns={"nr": "ignore"})["status"]  # the choice stays


def test_a_refusal_after_a_reading_leaves_it_and_says_so(table: Path, workspace: Workspace) -> None:
    first = read(table)
    refused = again(first, header="9", delimiter="|", encoding="utf-16")
    assert PROBLEM in refused["status"] and words.DOCUMENTS_STAYS in refused["status"]
    assert not {"numbers", "rows", "held"} & refused.keys()
    assert refused["header"].value == refused["encoding"].value == ""  # the choices of that reading again
    assert refused["role_1"] == "text"
    assert incoming(workspace) == [first["held"].reading.folder.name]
    assert words.documents_kept(31) in use(first)["status"]


def test_several_files_are_one_upload(table: Path, tmp_path: Path) -> None:
    second = tmp_path / "more.csv"
    second.write_text("text\n" + "\n".join(f"Shelter {i} has run out of blankets" for i in range(5)),
                      encoding="utf-8")
    shown = read(table, second)
    assert "<b>36</b>" in shown["numbers"] and "5 of 5 rows kept" in shown["how"]
    assert role(shown, "message") == role(shown, "text") == "text"  # each the text of its file
    assert words.documents_in_file("more.csv") in shown["cells_4"]
    other = again(shown, columns={"note": "text"})
    assert "short 0" in other["rows"] and "Shelter 0" in other["rows"]


def test_what_was_refused_in_a_batch_does_not_hide_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "batch.zip"
    with zipfile.ZipFile(path, "w") as batch:
        batch.writestr("calls.csv", "id,text\n" + "\n".join(f"{i},Road {i} is closed by snow"
                                                            for i in range(25)))
        batch.writestr("<b>scan.pdf", b"%PDF-1.4 cut short")
        batch.writestr("empty.txt", b"")
    shown = read(path)
    assert "<b>25</b>" in shown["numbers"] and shown["read"].visible
    assert words.documents_refused(2) in shown["remarks"] and WARNING in shown["remarks"]
    assert "&lt;b&gt;scan.pdf" in shown["remarks"] and "empty.txt” is empty." in shown["remarks"]
    assert "Leave it out" in shown["remarks"]  # what to do
    assert shown["remarks"].count("is empty.") == 1  # told once


def test_more_columns_than_fit_are_folded_and_can_be_fetched(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    extra = [f"need_{i}" for i in range(15)]
    path.write_text(",".join([*extra, "message", "created"]) + "\n" + "\n".join(
        ",".join([*(str((row + i) % 2) for i in range(15)), f"Water is {row} cm high at bridge {row}",
                  f"2024-01-{1 + row % 28:02d}"]) for row in range(40)), encoding="utf-8")
    shown = read(path)
    held = shown["held"]
    assert held.order[:2] == ("message", "created")  # the important ones first
    assert shown["more_box"].visible and shown["more_box"].label == "5 more columns"
    folded = held.order[columns_table.SLOTS:]
    assert set(shown["to_front"].choices) == {(name, name) for name in folded}
    assert set(shown["labels"].value) | set(shown["left_out"].value) == set(folded)
    label = shown["labels"].value[0]
    unlabelled = again(shown, labels=[n for n in shown["labels"].value if n != label])
    assert label in unlabelled["left_out"].value
    assert label not in unlabelled["held"].reading.receipt["labels_found"]
    assert unlabelled["held"].order == held.order  # nothing jumps about
    fetched = documents._show_column("", held, folded[0])
    assert fetched["role_0"].label == folded[0]
    assert role(again(fetched, columns={folded[0]: "place"}), folded[0]) == "place"


def test_copies_are_shown_as_groups(tmp_path: Path) -> None:
    path = tmp_path / "copies.csv"
    path.write_text("text\n" + "\n".join(["RT @a: The dam at Arda has failed, run"] * 3 + [
        f"Road {i} is closed by snow until further notice" for i in range(25)]), encoding="utf-8")
    shown = read(path)
    assert words.documents_group(3) in shown["copies"] and "dam at Arda" in shown["copies"]


def test_a_data_set_is_refused_in_words_while_offline() -> None:
    told = documents._read_dataset("", "", "owner/floods", None)
    assert PROBLEM in told["status"] and "Offline" in told["status"] and set(told) == {"status"}
    assert documents._read_dataset("", "", "  ", None) == {}


def test_progress_is_told_in_words(table: Path) -> None:
    told: list[tuple[float, str]] = []
    tell = documents._teller(lambda share, desc: told.append((share, desc)))
    tell("reading", 45_000_000, 200_000_000)
    tell("duplicates", 1, 2)
    tell("Fetching the data set: 1 of 3 MB", 0, 0)
    assert told == [(0.225, "Reading · 45 MB of 200 MB"), (0.5, "Looking for copies"),
                    (0.0, "Fetching the data set: 1 of 3 MB")]


def test_nasty_files_end_in_words(shared_data: Path) -> None:
    held = None
    for path in sorted((shared_data / "nasty").glob("*")):
        if path.name == "MANIFEST.tsv":
            continue
        shown = read(path, held=held)
        held = shown["held"]
        assert shown["status"], path.name
        if PROBLEM not in shown["status"]:
            assert "<b>" in shown["numbers"], path.name
