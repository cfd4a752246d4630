"""The front desk's counter for the question and the instructions. Torch-free."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from engine import projects
from engine.documents_desk import DocumentsDesk
from engine.errors import EngineError, SettingsError
from engine.estimates import asking_time
from engine.jobs.trying import try_on
from engine.models.folders import is_installed, require
from engine.models.shape import window_of
from engine.models.tokens import TokenCounter, token_counter
from engine.plan import DEFAULT_TEACHER
from engine.progress import Staged
from engine.prompts import library
from engine.prompts.differing import Line, compare
from engine.prompts.linting import lint
from engine.prompts.template import Template, before_document, render_any, shorten
from engine.records import Corpus
from engine.tasks import exchange
from engine.tasks.definition import Task
from engine.tasks.presets import load_task, preset, preset_source, preset_titles, save_task
from engine.teachers.protocol import teacher_kind
from engine.views import Rendered, Tried
from engine.workspace import read_json, write_json, write_text

OWN = "own-question"  # by which a project's own questions are called: own-question-2 is the next
TRIES = "tries.json"  # in a project's folder: what the large model said on trying
MAX_CHARS = 1200
log = logging.getLogger(__name__)
_HERE = "\x00"  # where the document begins; no text that is shown holds it
LOOKED_AT = 300  # documents whose length in tokens stands for the corpus


class InstructionsDesk(DocumentsDesk):
    """Verbs about a project's question and how it is put to the large model."""

    # The question

    def task(self, project_id: str, task_id: str = "") -> Task:
        """The question in use, or another one of the project by its id."""
        project = self.project(project_id)
        return load_task(projects.folders(self.workspace, project).tasks, task_id or project.task)

    def presets(self) -> dict[str, str]:
        """Ready-made questions: id → title."""
        return preset_titles()

    def preset(self, preset_id: str) -> Task:
        """One ready-made question."""
        return preset(preset_id)

    def source(self, task_id: str) -> str:
        """Where a ready-made question's categories come from, in words; empty for our own."""
        return preset_source(task_id)

    def use_preset(self, project_id: str, preset_id: str) -> Task:
        """Put a ready-made question in use."""
        task = preset(preset_id)
        self._put_in_use(project_id, task)
        return task

    def own_tasks(self, project_id: str) -> dict[str, str]:
        """Questions that the project kept: id → the question, the first kept first."""
        folder = projects.folders(self.workspace, self.project(project_id)).tasks
        kept = sorted(folder.glob(f"{OWN}*.yaml"), key=lambda path: (len(path.stem), path.stem))
        return {path.stem: load_task(folder, path.stem).question for path in kept}

    def save_task(self, project_id: str, task: Task, of: str = "") -> Task:
        """Keep an edited question as the project's own and put it in use; other own ones stay as they are.

        `of`: digest of what was edited, where that is known. An own question that is another one by now, in
        use in two tabs say, is not replaced: the edit is kept beside it.
        """
        used = self.task(project_id)
        if task.digest == used.digest:
            return used
        folder = projects.folders(self.workspace, self.project(project_id)).tasks
        try:
            known = load_task(folder, task.id)
        except SettingsError:  # a name that nothing is kept by
            known = None
        if known and known.digest == task.digest:
            self._put_in_use(project_id, known)
            return known
        replaces = task.id.startswith(OWN) and (not of or known is None or known.digest == of)
        own = task if replaces else self._as_own(project_id, task)
        save_task(folder, own)
        self._put_in_use(project_id, own)
        return own

    def _as_own(self, project_id: str, task: Task) -> Task:
        """Under the name it was kept by before, or the next free one."""
        folder = projects.folders(self.workspace, self.project(project_id)).tasks
        known = self.own_tasks(project_id)
        same = next((name for name in known if load_task(folder, name).digest == task.digest), None)
        free = (OWN if n == 1 else f"{OWN}-{n}" for n in count(1))
        return task.model_copy(update={"id": same or next(name for name in free if name not in known)})

    def use_own_task(self, project_id: str, task_id: str) -> Task:
        """Put a question that was kept before in use again."""
        task = load_task(projects.folders(self.workspace, self.project(project_id)).tasks, task_id)
        self._put_in_use(project_id, task)
        return task

    def import_task(self, project_id: str, path: Path) -> Task:
        """A question from a CSV or YAML file, kept as the project's own and put in use.

        Raises:
            InputError: the file cannot be read as a question, with the row.
            SettingsError: it is one, but cannot be asked.
        """
        made = exchange.from_file(path)
        made.check()
        return self.save_task(project_id, made)

    def export_task(self, project_id: str, task: Task) -> list[Path]:
        """The question as a CSV and a YAML file, to give to others."""
        folder = projects.folders(self.workspace, self.project(project_id)).tasks / "exported"
        written = [folder / f"{task.id}.csv", folder / f"{task.id}.yaml"]
        for path, text in zip(written, (exchange.to_csv(task), exchange.to_yaml(task)), strict=True):
            write_text(path, text)
        return written

    def _put_in_use(self, project_id: str, task: Task) -> None:
        """A question, and instructions of its kind if those in use are of another."""
        self.change(project_id, task=task.id)
        if self.template(project_id).kind != task.kind:
            self.change(project_id, template=self.template(project_id, library.DEFAULTS[task.kind]).ref)

    # The instructions

    def templates(self, project_id: str) -> tuple[Template, ...]:
        """Every version of every set of instructions: built-in and the project's own."""
        return library.versions(self._shelf(project_id))

    def shelf(self, project_id: str, language: str = "", suits: str = "") -> dict[str, tuple[Template, ...]]:
        """Instructions for the question in use, by id: all versions, the latest last."""
        return library.shelf(self._shelf(project_id), self.task(project_id).kind, language, suits)

    def template(self, project_id: str, ref: str | None = None) -> Template:
        """The instructions of `ref`, or those in use.

        Where the version in use is not there any more or damaged, the newest of it that can be read, else
        what its kind of question begins with: the page must stay open to choose others.

        Raises:
            SettingsError: there are none of that `ref`, or they are damaged.
        """
        shelf = self._shelf(project_id)
        if ref:
            return library.find(shelf, ref)
        used = self.project(project_id).template
        try:
            return library.find(shelf, used)
        except SettingsError as error:
            log.warning("%s %s", error.what, error.fix)
        nearest = library.versions(shelf, used.partition("@")[0])
        return nearest[-1] if nearest else library.find(shelf, library.DEFAULTS[self.task(project_id).kind])

    def save_template(self, project_id: str, text: str, *, parent: str, note: str = "",
                      author: str = "") -> Template:
        """Keep edited instructions as the next version and put it in use; unchanged text stays as it is."""
        folder = self._shelf(project_id)
        like = library.find(folder, parent)
        made = like if like.text == text else library.save_version(folder, text, parent=like, note=note,
                                                                   author=author)
        self.change(project_id, template=made.ref)
        return made

    def restore_template(self, project_id: str, ref: str, author: str = "") -> Template:
        """An older version's text as the newest version, put in use; nothing in between is lost."""
        made = library.restore(self._shelf(project_id), ref, author)
        self.change(project_id, template=made.ref)
        return made

    def new_template(self, project_id: str, title: str, author: str = "") -> Template:
        """New instructions under their own title, begun as a copy of those in use, and put in use."""
        made = library.make_own(self._shelf(project_id), title, self.template(project_id), author)
        self.change(project_id, template=made.ref)
        return made

    def difference(self, before: str, after: str) -> list[Line]:
        """What changed from one text to another."""
        return compare(before, after)

    def rendered(self, project_id: str, text: str, task: Task, index: int, teacher: str | None) -> Rendered:
        """What the large model will read for one document, and what asking about all of them takes.

        Without a `teacher` the one in use.

        Raises:
            SettingsError: the instructions cannot be filled in.
        """
        teacher = teacher or self.teacher(project_id)
        used, corpus = self._edited(project_id, text, task), self.corpus(project_id)
        document = corpus.documents[index].text
        shown = shorten(document, MAX_CHARS)
        prompt, empty = render_any(used, task, shown), render_any(used, task, "")
        folder = self._model_folder(teacher)
        tokens, around, shared, window, lengths = None, 0, 0, 0, ()
        if folder:
            counter = token_counter(folder)
            tokens = _chat_tokens(counter, prompt, used.opening)
            around = _chat_tokens(counter, empty, used.opening)
            shared = 0 if task.writes else _read_once(counter, used, task)
            lengths, window = _lengths(corpus, counter), window_of(folder.parent, folder.name) or 0
        calls = len(corpus) * task.questions
        mean = around - shared + (sum(lengths) / len(lengths) if lengths else 0)
        time = asking_time(self.workspace, teacher, task.kind, calls, mean) if folder else None
        notes = lint(used, task, lengths=lengths, window=window, around=around, shared=shared)
        return Rendered(prompt, used.opening, tokens, shown != document,
                        tuple((note.severity, note.text) for note in notes), shared, calls,
                        round(calls * mean) + shared if folder else None, time.words if time else "",
                        time is not None and time.basis == "guessed")

    def try_on(self, project_id: str, text: str, task: Task, teacher: str, n: int = 10,
               on_progress: Staged | None = None,
               like: str | None = None) -> list[Tried]:
        """The large model on the same `n` diverse documents each time; never kept aside for training.

        The text is read and opened as the instructions `like` are, or those in use.

        Raises:
            TeacherError: it cannot answer (a recording that was never asked this, say).
        """
        folder = projects.corpus_folder(self.workspace, self.project(project_id))
        return try_on(self.workspace, folder, self.corpus(project_id), task,
                      self._edited(project_id, text, task, like), teacher,
                      n=n, max_chars=MAX_CHARS, on_progress=on_progress)

    def keep_tries(self, project_id: str, tries: Sequence[dict[str, Any]]) -> None:
        """Keep what the large model said on trying, for whoever comes back: it may have taken minutes.

        `tries`: plain values, but for the `Tried` under `answers`.
        """
        project = self.project(project_id)
        plain = [one | {"answers": [asdict(answer) for answer in one["answers"]]} for one in tries]
        write_json(projects.folders(self.workspace, project).path / TRIES,
                   {"corpus": project.corpus, "tries": plain})

    def kept_tries(self, project_id: str) -> list[dict[str, Any]]:
        """What `keep_tries` kept about the documents in use; nothing where that cannot be read."""
        project = self.project(project_id)
        path = projects.folders(self.workspace, project).path / TRIES
        try:
            held = read_json(path) if path.exists() else {}
            if held.get("corpus") != project.corpus:
                return []
            return [one | {"answers": [Tried(**answer | {"fields": tuple(map(tuple, answer["fields"]))})
                                       for answer in one["answers"]]} for one in held["tries"]]
        except (EngineError, AttributeError, KeyError, TypeError) as error:
            log.warning("%s cannot be read (%s): try on ten documents again.", path, error)
            return []

    def teacher(self, project_id: str) -> str:
        """The large model in use: a model's name, or `recorded:<name>`."""
        return self.project(project_id).teacher or DEFAULT_TEACHER

    def _shelf(self, project_id: str) -> Path:
        return projects.folders(self.workspace, self.project(project_id)).templates

    def _edited(self, project_id: str, text: str, task: Task, like: str | None = None) -> Template:
        """The instructions in use, or others, with another text: read and opened as they are.

        Raises:
            SettingsError: the question was changed to a kind that these instructions are not for.
        """
        used = self.template(project_id, like)
        if used.kind != task.kind:
            raise SettingsError("These instructions are for another kind of question.",
                                "Choose instructions for its kind of answer.")
        return used.model_copy(update={"text": text})

    def _model_folder(self, teacher: str) -> Path | None:
        """Where the model is that counts tokens, if it is on this machine."""
        name = teacher if teacher_kind(teacher) == "local" else DEFAULT_TEACHER
        here = is_installed(self.workspace.models, name)
        return require(self.workspace.models, name).path if here else None


def _chat_tokens(counter: TokenCounter, prompt: str, opening: str) -> int:
    return counter.count(counter.render_chat([{"role": "user", "content": prompt}]) + opening)


def _read_once(counter: TokenCounter, template: Template, task: Task) -> int:
    """Tokens that every question begins with, the chat form's own included; whole words, about."""
    chat = counter.render_chat([{"role": "user", "content": before_document(template, task) + _HERE}])
    return counter.count(chat.partition(_HERE)[0])


_known_lengths: dict[tuple[str, str, int], tuple[int, ...]] = {}


def _lengths(corpus: Corpus, counter: TokenCounter) -> Sequence[int]:
    """Tokens of documents spread over the corpus, as they are shown; counted once."""
    key = (corpus.id, counter.name, len(corpus))
    known = _known_lengths.get(key)
    if known is None:
        step = max(1, len(corpus) // LOOKED_AT)
        texts = [shorten(corpus.documents[i].text, MAX_CHARS) for i in range(0, len(corpus), step)]
        known = tuple(counter.count_many(texts))
        _known_lengths.clear()  # one project is worked on at a time
        _known_lengths[key] = known
    return known
