"""Record the large model on the example's documents: the files that ship as assets/example/teacher.*.

    python -m tests.benchmarks.record_teacher

Asks what is not in the answer cache yet, so it can be interrupted. Gold labels are not read.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from engine.cache.answers import AnswerCache
from engine.cache.keys import answer_key, prompt_key
from engine.corpus.ingest import ingest
from engine.devices import choose_device
from engine.models.weights import require
from engine.plan import DEFAULT_TEACHER
from engine.prompts.composing import compose, option_orders
from engine.prompts.library import CAREFUL_TEMPLATE, DEFAULT_TEMPLATE, built_in
from engine.studio import MAX_CHARS
from engine.tasks.presets import preset
from engine.teachers.asking import ask
from engine.teachers.local import LocalTeacher
from engine.teachers.protocol import DEPTHS
from engine.teachers.recorded import save_recording
from engine.workspace import ASSETS, Workspace

ASKED = ((DEFAULT_TEMPLATE, 2, DEPTHS), (CAREFUL_TEMPLATE, 1, ()))


def main() -> None:
    """Ask everything, then write the recording."""
    workspace, example = Workspace.default(), ASSETS / "example"
    documents = ingest([example / "documents.csv"]).corpus.documents
    task, templates = preset("hazard"), {t.id: t for t in built_in()}
    folder, choice = require(workspace.models, DEFAULT_TEACHER), choose_device()
    teacher = LocalTeacher(folder, choice)
    cache = AnswerCache(workspace.cache / "answers.sqlite")
    answers, began = {}, time.monotonic()

    def tell(done: int, total: int) -> None:
        if done % 80 == 0 or done == total:
            print(f"{done} of {total} prompts, {time.monotonic() - began:.0f} s", flush=True)

    for template_id, n_orders, depths in ASKED:
        ask(teacher, documents, task, templates[template_id], n_orders=n_orders, depths=depths,
            cache=cache, max_chars=MAX_CHARS, on_progress=tell)
        for o, order in enumerate(option_orders(len(task.labels), n_orders)):
            prompts = compose(templates[template_id], task, documents, order, MAX_CHARS)
            kept = depths if o == 0 else ()
            keys = [answer_key(teacher.digest, p, kept) for p in prompts]
            found = cache.get(keys)
            answers |= {prompt_key(p): found[k]
                        for p, k in zip(prompts, keys, strict=True)}
    save_recording(example, "teacher", answers, {
        "model": folder.title, "weights_sha256": folder.digest, "weights_source": folder.source,
        "teacher_digest": teacher.digest, "dtype": choice.dtype, "depths": list(DEPTHS),
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "task": task.model_dump(mode="json"),
        "templates": [templates[t].model_dump() for t, _, _ in ASKED]})
    print(f"{len(answers)} prompts recorded, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
