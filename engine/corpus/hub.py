"""A data set of the Hugging Face Hub by its name: its data files are fetched and read as uploads are.

Does not: run anything that comes with a data set, sign in (HF_TOKEN is used where it is set), or fetch
without being asked.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, n_of
from engine.downloads import byte_counter
from engine.errors import InputError, SpaceError, disk_errors_in_words
from engine.progress import Staged

if TYPE_CHECKING:
    from huggingface_hub.hf_api import DatasetInfo

HUB = "https://huggingface.co"
PROBE_SECONDS = 3.0
MB = 1_000_000
OTHERWISE = "Or download its files elsewhere and choose them here as files."
_OFFLINE_SETTINGS = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_KINDS = ((".parquet",), (".csv", ".tsv"), (".jsonl", ".ndjson"), (".json",), (".txt",))  # best first
_NOT_DATA = re.compile(
    r"(^|/)(dataset_infos?|dataset_dict|state|config|croissant|requirements|licen[cs]e|readme|citation)\.\w+$",
    re.IGNORECASE,
)
_PART = r"[A-Za-z0-9_][\w.-]{0,95}"
_VIEWS = ("blob", "resolve", "raw", "tree")


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for: `path` is a file or a folder of the data set, "" for all of it."""

    repo: str
    revision: str
    path: str = ""


def parse_name(name: str, revision: str = "main") -> Named:
    """What “owner/name”, “hf://datasets/owner/name/file.csv” or a page's address stands for.

    Raises `InputError` for anything else.
    """
    text = unquote(name.strip()).split("?")[0].split("#")[0].rstrip("/")
    page = re.match(r"https?://[^/]+/", text)
    text = re.sub(r"^(https?://[^/]+/|hf://)", "", text)
    if page and not text.startswith("datasets/"):
        raise InputError(
            f"“{name}” is not the address of a data set.",
            f"Its address begins with {HUB}/datasets/; or write owner/name.",
        )
    parts = text.removeprefix("datasets/").split("/")
    repo, _, given = "/".join(parts[:2]).partition("@")
    if not re.fullmatch(f"{_PART}/{_PART}", repo, re.ASCII) or ".." in parts:
        raise InputError(
            f"“{name}” is not the name of a data set.",
            "Write it as owner/name, as on its page on the Hub; a file of it as owner/name/path/file.csv.",
        )
    rest = parts[2:]
    if rest[:1] and rest[0] in _VIEWS and len(rest) > 1:
        long = 4 if rest[1] == "refs" else 2  # refs/convert/parquet
        given, rest = "/".join(rest[1:long]), rest[long:]
    elif page:
        rest = []  # the viewer, the discussions
    return Named(repo, given or revision, "/".join(rest))


def fetch_dataset(
    name: str,
    into: Path,
    options: ReadOptions,
    on_progress: Staged | None = None,
    revision: str = "main",
    *,
    endpoint: str | None = None,
) -> list[Source]:
    """The data files of a data set, fetched into the folder `into`; finished files are kept there.

    Raises `InputError` (not a name, offline, not reachable, not found, gated, no data, too large),
    `SpaceError`.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HTTPError

    named = parse_name(name, revision)
    tell = on_progress or (lambda _sentence, _done, _total: None)
    _check_reachable(endpoint)
    broken = (HTTPError, EntryNotFoundError, OSError, ValueError)
    try:
        info = HfApi(endpoint=endpoint).dataset_info(
            named.repo, revision=named.revision, files_metadata=True, timeout=20
        )
    except (*broken, KeyError, TypeError, AttributeError) as error:
        raise _in_words(error, named) from error
    files = _choose(info, named)
    total, done = sum(files.values()), 0
    _check_size(named.repo, files, options, into)
    try:
        for file in files:
            with disk_errors_in_words(file):
                hf_hub_download(
                    named.repo,
                    file,
                    repo_type="dataset",
                    revision=info.sha or named.revision,
                    local_dir=into,
                    endpoint=endpoint,
                    tqdm_class=_bar(tell, named.repo, done, total),
                )
            done += (into / file).stat().st_size
            if done > max(total, options.max_upload_mb * MB):  # of some files the Hub knows no size
                (into / file).unlink()
                raise _too_large(named.repo, done, files, options)
            tell(_sentence(named.repo, done, total), done, total)
    except broken as error:
        raise _in_words(error, named) from error
    shutil.rmtree(into / ".cache" / "huggingface", ignore_errors=True)  # the client's notes on halves
    return [Source(f"{named.repo}/{file}", into / file) for file in files]


def _check_reachable(endpoint: str | None) -> None:
    for setting in _OFFLINE_SETTINGS:
        if os.environ.get(setting, "").strip().lower() in ("1", "true", "yes", "on"):
            raise InputError(
                f"Offline mode is set ({setting}), so nothing is fetched from the Hub.",
                f"Unset {setting} and start again. {OTHERWISE}",
            )
    address = (endpoint or os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    answers: list[bool] = []

    def probe() -> None:
        try:
            with urllib.request.urlopen(f"{address}/api/datasets?limit=1", timeout=PROBE_SECONDS) as reply:
                answers.append(reply.status < 400)
        except urllib.error.HTTPError as error:  # the Hub itself refusing is an answer; a proxy is not
            answers.append(error.code in (401, 404, 429))
            error.close()
        except (OSError, ValueError):
            answers.append(False)

    thread = threading.Thread(target=probe, daemon=True)  # looking up a name has no time limit of its own
    thread.start()
    thread.join(PROBE_SECONDS)
    if not (answers and answers[0]):
        raise InputError(
            f"The Hugging Face Hub cannot be reached from here (no answer in {PROBE_SECONDS:.0f} seconds).",
            f"Check the network and start again. {OTHERWISE}",
        )


def _choose(info: DatasetInfo, named: Named) -> dict[str, int]:
    """The files to fetch and their sizes. Raises `InputError` if there are none."""
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or () if _is_safe(file.rfilename)}
    data = [file for file in sorted(sizes) if _rank(file) is not None]
    if named.path:
        chosen = (
            [named.path] if named.path in sizes else _best(f for f in data if f.startswith(f"{named.path}/"))
        )
        missing = f"The data set “{named.repo}” has no data in “{named.path}”."
    else:
        patterns = _default_patterns(info)
        chosen = [file for file in data if any(fnmatchcase(file, pattern) for pattern in patterns)]
        chosen = chosen or _best(data)
        missing = f"The data set “{named.repo}” holds no files that can be read as data."
    if chosen:
        return {file: sizes[file] for file in chosen}
    if data:
        raise InputError(missing, f"It has {', '.join(f'“{file}”' for file in data[:3])}.")
    if any(file.endswith(".py") for file in sizes):
        raise InputError(
            f"The data set “{named.repo}” is made by a program, which is never run here.",
            "The Hub often keeps its data as Parquet: give its address with /tree/refs/convert/parquet at "
            f"the end. {OTHERWISE}",
        )
    raise InputError(missing, "Choose one with Parquet, CSV, TSV, JSON or text files (.gz too).")


def _is_safe(file: str) -> bool:
    parts = file.split("/")
    return "\\" not in file and not any(part in ("", "..") or part.startswith(".") for part in parts)


def _rank(file: str) -> int | None:
    """Which of `_KINDS` a file is of; None if it holds no data."""
    suffix = PurePosixPath(file.lower().removesuffix(".gz")).suffix
    if _NOT_DATA.search(file):
        return None
    return next((i for i, kind in enumerate(_KINDS) if suffix in kind), None)


def _best(files: Iterable[str]) -> list[str]:
    """Files of one kind in one place: a data set often holds the same data twice."""
    files = list(files)
    best = min((rank for file in files if (rank := _rank(file)) is not None), default=None)
    of_kind = [file for file in files if _rank(file) == best]
    for start in ("default/", "data/", ""):
        here = [file for file in of_kind if file.startswith(start) if start or "/" not in file]
        if here:
            return here
    return of_kind


def _default_patterns(info: DatasetInfo) -> list[str]:
    """The patterns of files that the data set's own page names for its default configuration."""
    configs = info.card_data.get("configs") if info.card_data else None
    configs = [c for c in configs if isinstance(c, Mapping)] if isinstance(configs, list) else []
    if not configs:
        return []
    default = next(
        (c for c in configs if c.get("default") is True),
        next((c for c in configs if c.get("config_name") == "default"), configs[0]),
    )
    named, patterns = default.get("data_files"), []
    for entry in named if isinstance(named, list) else [named]:
        path = entry.get("path") if isinstance(entry, Mapping) else entry
        patterns += path if isinstance(path, list) else [path]
    return [pattern.removeprefix("./") for pattern in patterns if isinstance(pattern, str)]


def _check_size(repo: str, files: Mapping[str, int], options: ReadOptions, into: Path) -> None:
    total = sum(files.values())
    if total > options.max_upload_mb * MB:
        raise _too_large(repo, total, files, options)
    if len(files) > options.max_files:
        raise InputError(
            f"The data set “{repo}” has {n_of(len(files), 'file')}; up to {options.max_files:,} are fetched.",
            f"{_one_of(repo, files)}, or raise the setting for the number of files (max_files).",
        )
    with disk_errors_in_words("the data set"):
        into.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(into).free
    if total > free:
        raise SpaceError(
            f"Not enough disk space for “{repo}” ({total / MB:,.0f} MB): {free / MB:,.0f} MB are free.",
            "Free some space, then start again.",
        )


def _too_large(repo: str, total: int, files: Mapping[str, int], options: ReadOptions) -> InputError:
    return InputError(
        f"The data set “{repo}” has {total / MB:,.1f} MB in {n_of(len(files), 'file')}; up to "
        f"{options.max_upload_mb:,} MB are fetched.",
        f"{_one_of(repo, files)}, or raise the setting for the size of an upload (max_upload_mb).",
    )


def _one_of(repo: str, files: Mapping[str, int]) -> str:
    smallest = min(files, key=lambda file: (files[file], file))
    return f"Name one file of it, for example “{repo}/{smallest}” ({files[smallest] / MB:,.1f} MB)"


def _sentence(repo: str, done: int, total: int) -> str:
    return f"Fetching {repo} ({done / MB:,.1f} of {total / MB:,.1f} MB)"


def _bar(tell: Staged, repo: str, before: int, total: int) -> type[Any]:
    """A progress bar that tells what of the data set is here, in words and bytes."""
    def count(here: int) -> None:
        done = min(before + here, total)
        tell(_sentence(repo, done, total), done, total)

    return byte_counter(count)


def _in_words(error: Exception, named: Named) -> InputError:
    """Which sentence an error of the Hub's client deserves."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repo, again = named.repo, "Finished files are kept."
    if isinstance(error.__cause__, HfHubHTTPError):  # the client wraps some refusals in “not found”
        error = error.__cause__
    code = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, OfflineModeIsEnabled):
        return InputError(
            "Offline mode is set, so nothing is fetched from the Hub.",
            f"Unset HF_HUB_OFFLINE and start again. {OTHERWISE}",
        )
    if isinstance(error, GatedRepoError) or code == 403:
        return InputError(
            f"The data set “{repo}” is gated: its makers want you to accept their terms first.",
            f"Sign in at {HUB}/datasets/{repo}, accept the terms, put an access token into the HF_TOKEN "
            "setting, and start again.",
        )
    if isinstance(error, RevisionNotFoundError):
        return InputError(
            f"The data set “{repo}” has no version “{named.revision}”.",
            "Leave the version out for its newest.",
        )
    if isinstance(error, RepositoryNotFoundError) or code == 401:
        return InputError(
            f"The Hub has no data set “{repo}” that you may see.",
            "Check the spelling (owner/name); if it is private, put an access token into the HF_TOKEN "
            "setting.",
        )
    if isinstance(error, EntryNotFoundError) and code == 404:
        return InputError(
            f"A file of “{repo}” is no longer there.", "Start again: its list is read anew.", again
        )
    if code is not None:
        return InputError(
            f"The Hub answered with an error ({code}) for “{repo}”.", "Try again in a minute.", again
        )
    if isinstance(error, ValueError | KeyError | TypeError | AttributeError):
        return InputError(
            f"The Hub's answer about “{repo}” cannot be understood.",
            "Check the spelling (owner/name), and whether this network wants a sign-in first.",
        )
    return InputError(
        f"The connection to the Hub broke while “{repo}” was fetched ({type(error).__name__}).",
        "Check the network and start again.",
        again,
    )
