"""The bag of words: strong, honest about copies, and unbothered by odd label sets."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import LinearSVC

from engine.evaluation import baseline
from engine.evaluation.baseline import ANALYSERS, FULL_GRID, PARTS, Baseline, fit_baseline
from engine.metrics.scores import macro_f1

SAYINGS = {
    0: [
        "river",
        "burst",
        "its",
        "banks",
        "water",
        "rising",
        "flooded",
        "street",
        "boats",
        "needed",
        "level",
        "dam",
        "overflow",
    ],
    1: [
        "fire",
        "smoke",
        "burning",
        "hills",
        "flames",
        "evacuate",
        "firefighters",
        "wind",
        "ash",
        "houses",
        "spread",
    ],
    2: [
        "quake",
        "shaking",
        "tremor",
        "rubble",
        "collapsed",
        "aftershock",
        "magnitude",
        "epicentre",
        "walls",
        "trapped",
    ],
    3: [
        "concert",
        "tickets",
        "film",
        "premiere",
        "tonight",
        "football",
        "match",
        "score",
        "goal",
        "birthday",
        "party",
    ],
}
FILLER = [
    "the",
    "a",
    "is",
    "on",
    "near",
    "please",
    "they",
    "we",
    "have",
    "seen",
    "people",
    "now",
    "today",
    "just",
    "in",
    "town",
    "road",
]
T26 = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "crisislex_t26"


def messages(
    n: int, seed: int, shares: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
) -> tuple[list[str], np.ndarray]:
    """Made-up messages of which a third of the words tell the label, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(shares), n, p=shares)
    texts = []
    for label in labels:
        words = [
            *rng.choice(SAYINGS[int(label)], 2),
            rng.choice(SAYINGS[int(rng.integers(4))]),
            *rng.choice(FILLER, 6),
        ]
        texts.append(" ".join(rng.permutation(words)))
    return texts, labels


def by_hand(kind: str, c: float) -> object:
    """The same settings, put together plainly from scikit-learn."""
    features = FeatureUnion(
        [(part, TfidfVectorizer(sublinear_tf=True, **ANALYSERS[part])) for part in PARTS[kind]]
    )
    return make_pipeline(
        features,
        LinearSVC(C=c, class_weight="balanced", tol=1e-3, dual=c <= 1, max_iter=10_000, random_state=0),
    )


@pytest.fixture(scope="module")
def fitted() -> tuple[Baseline, list[str], np.ndarray]:
    """One fit on 160 messages, shared by the tests that only look at it."""
    texts, labels = messages(160, 1)
    return fit_baseline(texts, labels), texts, labels


def test_it_learns_and_generalises(fitted: tuple) -> None:
    model, _, _ = fitted
    texts, labels = messages(300, 2)
    answers = model.predict(texts)
    assert answers.shape == (300,) and answers.dtype.kind == "i"
    assert macro_f1(labels, answers, 4) > 0.8
    assert macro_f1(labels, np.zeros(300, int), 4) < 0.2  # what the most common label gives


def test_score_and_predictions_equal_scikit_learn_put_together_plainly(fitted: tuple) -> None:
    model, texts, labels = fitted
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    plain = by_hand(model.kind, model.c)
    left_out = cross_val_predict(plain, texts, labels, cv=folds)
    assert model.cv_score == pytest.approx(macro_f1(labels, left_out, 4))
    unseen, _ = messages(100, 3)
    np.testing.assert_array_equal(model.predict(unseen), plain.fit(texts, labels).predict(unseen))


def test_counting_once_gives_each_fold_what_it_would_have_counted_itself() -> None:
    texts, _ = messages(40, 12)
    learn, check = np.arange(0, 30), np.arange(30, 40)
    for min_df in (1, 2):
        for part, settings in ANALYSERS.items():
            own = TfidfVectorizer(sublinear_tf=True, min_df=min_df, **settings)
            expected = own.fit_transform(texts[:30]), own.transform(texts[30:])
            ours = baseline._weighted(baseline._count(part, texts, min_df), learn, check, min_df)
            for mine, theirs in zip(ours, expected, strict=True):
                np.testing.assert_allclose(mine.toarray(), theirs.toarray())


def test_no_setting_of_the_grid_scores_higher(fitted: tuple) -> None:
    model, texts, labels = fitted
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = {
        (kind, c): macro_f1(labels, cross_val_predict(by_hand(kind, c), texts, labels, cv=folds), 4)
        for kind in PARTS
        for c in (FULL_GRID[0], FULL_GRID[2], FULL_GRID[-1])
    }
    assert len(set(scores.values())) > 1  # else any choice would do
    assert model.cv_score >= max(scores.values()) - 1e-9


def test_pieces_of_words_win_where_words_are_misspelt() -> None:
    texts, labels = messages(200, 4)
    rng = np.random.default_rng(5)

    def misspell(word: str) -> str:
        at = int(rng.integers(len(word)))
        return word[:at] + "xqzjk"[int(rng.integers(5))] + word[at:]

    noisy = [" ".join(misspell(word) for word in text.split()) for text in texts]
    model = fit_baseline(noisy, labels)
    assert model.kind in ("char", "both")
    assert "pieces of words" in model.because and f"C = {model.c:g}" in model.because
    assert "5 folds, 200 documents" in model.because


def test_copies_do_not_flatter_the_score_when_groups_are_named() -> None:
    rng = np.random.default_rng(6)
    letters = list("abcdefghij")
    once = [" ".join("".join(rng.choice(letters, 6)) for _ in range(6)) for _ in range(40)]
    label_of = rng.integers(0, 3, 40)  # nothing to learn: the texts are noise
    texts = [text for text in once for _ in range(4)]
    labels, groups = np.repeat(label_of, 4), np.repeat(np.arange(40), 4)
    fooled, honest = fit_baseline(texts, labels), fit_baseline(texts, labels, groups=groups)
    assert fooled.cv_score > 0.9
    assert honest.cv_score < 0.6
    assert "near-duplicates kept together" in honest.because
    assert "near-duplicates" not in fooled.because


def test_groups_may_be_names_and_change_nothing_when_each_is_alone(fitted: tuple) -> None:
    model, texts, labels = fitted
    again = fit_baseline(texts, labels, groups=[f"g{i}" for i in range(len(texts))])
    assert (again.kind, again.c, again.cv_score) == (model.kind, model.c, model.cv_score)


def test_same_answers_every_time_whatever_the_global_random_state(fitted: tuple) -> None:
    model, texts, labels = fitted
    np.random.seed(99)  # noqa: NPY002 - the very thing that must not matter
    again = fit_baseline(texts, labels)
    assert (again.kind, again.c, again.cv_score, again.because) == (
        model.kind,
        model.c,
        model.cv_score,
        model.because,
    )
    unseen, _ = messages(80, 7)
    np.testing.assert_array_equal(again.predict(unseen), model.predict(unseen))


def test_labels_with_fewer_documents_than_folds_are_kept_and_can_be_predicted() -> None:
    texts, labels = messages(80, 8, (0.5, 0.5))
    texts += ["volcano lava crater eruption", "hail hailstones ice windscreens", "hail hailstones ice roofs"]
    labels = np.append(labels, [7, 9, 9])
    model = fit_baseline(texts, labels)
    assert model.predict(["lava from the crater", "hailstones of ice"]).tolist() == [7, 9]
    assert model.n == 83 and 0 < model.cv_score < 1
    grouped = fit_baseline(texts, labels, groups=np.arange(83) // 2)
    assert grouped.predict(["lava from the crater"]).tolist() == [7]


def test_every_label_rare_and_very_few_documents() -> None:
    texts = [SAYINGS[i][0] + " " + SAYINGS[i][1] for i in range(4)]
    model = fit_baseline(texts, [0, 1, 2, 3])
    assert model.predict(texts).tolist() == [0, 1, 2, 3]
    two = fit_baseline(texts[:2], [3, 1])
    assert two.predict(texts[:2]).tolist() == [3, 1]


def test_one_group_only_takes_the_usual_setting_and_says_so() -> None:
    texts, labels = messages(20, 9)
    model = fit_baseline(texts, labels, groups=np.zeros(20))
    assert (model.kind, model.c, model.cv_score, model.searched) == ("both", 1.0, None, 0)
    assert "usual setting" in model.because
    assert (model.predict(texts) == labels).mean() > 0.9


def test_one_label_is_always_given() -> None:
    model = fit_baseline(["a flood", "a fire"], [4, 4])
    assert (model.kind, model.c, model.cv_score) == ("constant", None, None)
    assert model.predict(["anything", ""]).tolist() == [4, 4]
    assert "same label" in model.because


def test_documents_without_words_do_not_stop_it() -> None:
    blank = fit_baseline(["", " ", "\n", ""], [1, 2, 2, 1])
    assert blank.kind == "constant" and blank.predict(["x"]).tolist() == [1]
    emoji = fit_baseline(["🌊🌊", "🔥🔥"] * 12, [0, 1] * 12)  # no words, but pieces
    assert emoji.kind == "char"
    assert emoji.predict(["🔥🔥🔥", "🌊🌊"]).tolist() == [1, 0]
    mixed = fit_baseline(["", "🌊 water water", "fire fire", "fire 🔥", "water"], [0, 0, 1, 1, 0])
    assert mixed.predict(["water"]).tolist() == [0]


def test_nothing_to_predict_gives_nothing(fitted: tuple) -> None:
    assert fitted[0].predict([]).shape == (0,)


def test_larger_corpora_are_searched_on_a_sample_and_fitted_on_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts, labels = messages(600, 10)
    characters = sum(len(text) for text in texts)
    monkeypatch.setattr(baseline, "SMALL", characters // 10)
    monkeypatch.setattr(baseline, "SEARCHED", characters // 3)
    texts, labels = [*texts, "volcano lava", "volcano lava"], np.append(labels, [5, 5])
    model = fit_baseline(texts, labels)
    assert 180 <= model.searched <= 220 and model.n == 602
    assert f"a random {model.searched} of 602 documents" in model.because
    assert "best of 9 settings" in model.because and "3 folds" in model.because
    assert model.predict(["volcano lava"]).tolist() == [5]  # in no sample of a third by right
    monkeypatch.setattr(baseline, "SEARCHED", 1)
    assert fit_baseline(texts, labels).searched == baseline.SEARCHED_AT_LEAST


@pytest.mark.parametrize(
    ("texts", "labels", "groups"),
    [(["a"], [0, 1], None), ([], [], None), (["a", "b"], [0, 1], [0]), (["a", "b"], [0, -1], None)],
)
def test_what_does_not_match_is_refused(texts: list, labels: list, groups: list | None) -> None:
    with pytest.raises(ValueError, match="texts|label"):
        fit_baseline(texts, labels, groups=groups)


def test_real_tweets_within_seconds() -> None:
    if not T26.is_dir():
        pytest.skip("CrisisLexT26 is not on this machine")
    tweets = []
    for path in sorted(T26.glob("*labeled.csv")):
        with open(path, encoding="utf-8", errors="replace", newline="") as table:
            for row in csv.reader(table, skipinitialspace=True):
                if len(row) == 5 and row[3] not in ("Information Type", "Not labeled", "Not applicable"):
                    tweets.append((row[1], row[3]))
    assert len(tweets) > 20_000
    chosen = np.random.default_rng(0).permutation(len(tweets))[:1300]
    names = sorted({label for _, label in tweets})
    texts = [tweets[i][0] for i in chosen]
    labels = np.array([names.index(tweets[i][1]) for i in chosen])
    started = time.thread_time()  # this thread's own work: other programs do not count
    model = fit_baseline(texts[:300], labels[:300])
    assert time.thread_time() - started < 6
    score = macro_f1(labels[300:], model.predict(texts[300:]), len(names))
    majority = np.full(1000, np.bincount(labels[:300]).argmax())
    assert score > 0.42 > 3 * macro_f1(labels[300:], majority, len(names))
