"""Record the large model on the example's documents: the files that ship as assets/example/teacher.*.

    python -m tests.benchmarks.record_teacher

First everything by the short instructions, in two option orders; then, by the longer ones, the documents the
large model was not sure about. Asks only what is neither in the answer cache nor in the recording that
ships, if the same weights answer a sample of that as they did; so it can be interrupted, and instructions can
be exchanged. Gold labels are not read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from engine.cache.answers import AnswerCache
from engine.cache.keys import answer_key, prompt_key
from engine.corpus.ingest import ingest
from engine.devices import choose_device
from engine.models.weights import require
from engine.plan import DEFAULT_TEACHER
from engine.prompts.composing import compose, option_orders
from engine.prompts.library import CAREFUL_TEMPLATE, DEFAULT_TEMPLATE, built_in
from engine.records import Prompt, take
from engine.studio import MAX_CHARS
from engine.tasks.presets import preset
from engine.teachers.asking import Answers, Asker, ask
from engine.teachers.local import LocalTeacher
from engine.teachers.protocol import DEPTHS
from engine.teachers.recorded import RecordedTeacher, save_recording
from engine.teachers.signals import first_signal, letter_pull
from engine.workspace import ASSETS, Workspace

ORDERS, AGAIN_ORDERS = 2, 2
SURE = 0.8
SAMPLE, ROUNDING = 16, 0.5  # nats: 16-bit numbers of another batch, or of another processor


def main() -> None:
    """Ask everything, then write the recording."""
    workspace, example = Workspace.default(), ASSETS / "example"
    documents = ingest([example / "documents.csv"]).corpus.documents
    task, templates = preset("hazard"), {t.id: t for t in built_in()}
    folder, choice = require(workspace.models, DEFAULT_TEACHER), choose_device()
    teacher = LocalTeacher(folder, choice)
    cache = AnswerCache(workspace.answers)
    answers, began = {}, time.monotonic()

    def tell(done: int, total: int) -> None:
        if done % 80 == 0 or done == total:
            print(f"{done} of {total} prompts, {time.monotonic() - began:.0f} s", flush=True)

    first_order = option_orders(len(task.labels), ORDERS)[0]
    recorded = _still_true(teacher, choice.dtype, folder.digest, compose(
        templates[DEFAULT_TEMPLATE], task, documents[:SAMPLE], first_order, MAX_CHARS))

    def record(template_id: str, rows: list[int], n_orders: int, depths: tuple[float, ...]) -> Answers:
        some = take(documents, rows)
        questions = [(compose(templates[template_id], task, some, order, MAX_CHARS), () if o else depths)
                     for o, order in enumerate(option_orders(len(task.labels), n_orders))]
        for prompts, kept in questions if recorded else ():
            told = [p for p, known in zip(prompts, recorded.covers(prompts), strict=True) if known]
            cache.put({answer_key(teacher.digest, p, kept): answer
                       for p, answer in zip(told, recorded.answer(told, kept), strict=True)})
        said = ask(Asker(teacher, MAX_CHARS, cache), some, task, templates[template_id], n_orders=n_orders,
                   depths=depths, on_progress=tell)
        for prompts, kept in questions:
            keys = [answer_key(teacher.digest, p, kept) for p in prompts]
            found = cache.get(keys)
            answers.update({prompt_key(p): found[k] for p, k in zip(prompts, keys, strict=True)})
        return said

    everything = list(range(len(documents)))
    said = record(DEFAULT_TEMPLATE, everything, ORDERS, DEPTHS)
    first = first_signal(said, letter_pull(said, everything, 0), DEPTHS)
    doubt = np.flatnonzero((first.confidence < SURE) | (first.stability < 1)).tolist()
    print(f"in doubt: {len(doubt)} of {len(documents)}", flush=True)
    record(CAREFUL_TEMPLATE, doubt, AGAIN_ORDERS, ())
    save_recording(example, "teacher", answers, {
        "model": folder.title, "weights_sha256": folder.digest, "weights_source": folder.source,
        "teacher_digest": teacher.digest, "dtype": choice.dtype, "depths": list(DEPTHS),
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "task": task.model_dump(mode="json"),
        "templates": [templates[t].model_dump() for t in (DEFAULT_TEMPLATE, CAREFUL_TEMPLATE)]})
    print(f"{len(answers)} prompts recorded, {time.monotonic() - began:.0f} s")


def _still_true(teacher: LocalTeacher, dtype: str, digest: str,
                prompts: Sequence[Prompt]) -> RecordedTeacher | None:
    """The recording that ships, if these weights made it and still answer these prompts as they did."""
    recorded = RecordedTeacher("teacher")
    made_by = (recorded.about["weights_sha256"], recorded.about["dtype"])
    if made_by != (digest, dtype) or not all(recorded.covers(prompts)):
        return None
    now, then = (np.stack([a.log_probs for a in one.answer(prompts, ())]) for one in (teacher, recorded))
    apart = float(np.abs(now - then).max())
    print(f"{len(prompts)} recorded prompts answered anew: at most {apart:.2f} nats apart", flush=True)
    return recorded if apart < ROUNDING else None


if __name__ == "__main__":
    main()
