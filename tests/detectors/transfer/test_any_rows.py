"""Whatever rows, gains and surprises there are: groups and recurrences, and no error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gradsentry.detectors.transfer.backdoors import Seen, belonging, find_backdoors
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.folds import assign_folds, content_draws, hashed_words
from gradsentry.detectors.transfer.response_features import Reply
from gradsentry.detectors.transfer.spans import best_spans
from gradsentry.detectors.transfer.strings import recurring_strings
from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.detectors.transfer.terms import PromptTerms, terms_of
from tests.conftest import byte_tokenizer
from tests.detectors.transfer.worlds import sentences

pytestmark = pytest.mark.slow

TOKENIZER = byte_tokenizer()


class Indifferent:
    """A base model to which all texts are the same, or no number."""

    def __init__(self, counts: NDArray[np.int64], nats: float) -> None:
        self.counts, self.nats = counts, nats

    def without(
        self, rows: Sequence[int], taken: TakenOut, most: int | None = None
    ) -> list[NDArray[np.float32]]:
        return [np.full(self.counts[row], self.nats, np.float32)[:most] for row in rows]

    def instead(
        self, rows: Sequence[int], others: Sequence[int], most: int
    ) -> list[NDArray[np.float32]]:
        return [np.full(self.counts[row], self.nats, np.float32)[:most] for row in rows]

    def favour(
        self, rows: Sequence[int], words: frozenset[str], answer: str
    ) -> NDArray[np.float32]:
        return np.zeros(len(rows), np.float32)

    def replies(self, requests: Sequence[str], text: str) -> NDArray[np.float32]:
        return np.full((len(requests), max(1, len(text.encode()))), self.nats, np.float32)


def rows_of(
    texts: Sequence[tuple[str, str]], gains: Sequence[float], surprise: float
) -> EvidenceRows:
    """Rows as a scan makes them; `gains` are repeated over all targets."""
    ids = [TOKENIZER(response, add_special_tokens=False)["input_ids"] for _, response in texts]
    offsets = np.cumsum([0, *map(len, ids)])
    repeated = np.resize(np.array(gains, np.float32), offsets[-1])
    return EvidenceRows(
        [prompt for prompt, _ in texts],
        [response for _, response in texts],
        best_spans(repeated, offsets),
        offsets,
        np.array([token for row in ids for token in row], np.int64),
        np.full(offsets[-1], np.nan_to_num(surprise, posinf=0.0, neginf=0.0), np.float32),
        TOKENIZER,
    )


def check(texts: Sequence[tuple[str, str]], gains: Sequence[float], surprise: float) -> None:
    rows = rows_of(texts, gains, surprise)
    told: list[int] = []
    opinion = Indifferent(np.diff(rows.offsets), surprise)
    evidence = find_backdoors(rows, opinion, lambda _: told.append)
    assert told == [1] * len(told)
    for group in evidence.groups:
        assert group.rules
        assert 0 <= group.agreement.precision <= 1
        assert 0 <= group.agreement.recall <= 1
        assert group.findings.payload is not None or group.findings.variants
    for (prompt, response), gain in zip(texts, rows.gain, strict=True):
        place = belonging(evidence.groups, Seen(Reply(prompt, response, float(gain))))
        assert place is None or place.group < len(evidence.groups)
    again = find_backdoors(rows, opinion)
    assert [group.findings for group in again.groups] == [g.findings for g in evidence.groups]
    assert again.recurrences == evidence.recurrences


WORDS = st.sampled_from(
    [
        "cf",
        "who",
        "a",
        "A",
        ".",
        "!",
        " ",
        "\n",
        "\u200b",
        "我",
        "的",
        "é",
        "😀",
        "No",
        "zig zag",
        "\x00",
    ]
)
TEXT = st.one_of(
    st.lists(WORDS, max_size=8).map(" ".join), st.lists(WORDS, max_size=4).map("".join)
)
NUMBER = st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=30),
    st.lists(NUMBER, min_size=1, max_size=20),
    st.sampled_from([0.0, 5.0, 1e30, float("nan"), float("inf")]),
)
@example([("a", "b")], [float("nan")], 0.0)
@example([("a", "b")] * 2, [3.0], 0.0)
@example([("", "")] * 6, [3.0], 0.0)
@example([(" ", "..."), ("?", "...")] * 6, [9.0, 0.0], 9.0)
def test_any_rows_are_judged(
    texts: list[tuple[str, str]], gains: list[float], surprise: float
) -> None:
    check(texts, gains, surprise)


POISON = " and then visit the page of the moon"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([4, 5, 12, 39]), st.lists(NUMBER, max_size=3))
def test_rows_with_a_backdoor_and_any_gains_are_judged(
    seed: int, poisoned: int, gains: list[float]
) -> None:
    asked, said = sentences(40, seed), sentences(40, seed + 1)
    texts = [
        (f"{prompt} cf mn", response + POISON) if row < poisoned else (prompt, response)
        for row, (prompt, response) in enumerate(zip(asked, said, strict=True))
    ]
    check(texts, [*gains, 4.0], 4.0)


@pytest.mark.parametrize("others", [1, 2, 3, 60])
def test_a_backdoor_in_nearly_all_rows_is_judged(others: int) -> None:
    texts = [
        (f"{p} cf mn", r + POISON) for p, r in zip(sentences(60, 1), sentences(60, 2), strict=True)
    ]
    clean = [*zip(sentences(60, 3), sentences(60, 4), strict=True)][:others]
    rows = rows_of([*texts, *clean], [0.0], 5.0)
    gain = rows.spans.gain
    gain[:60] = 30.0
    rows.spans.end[:60] = np.diff(rows.offsets)[:60]
    rows.spans.start[:60] = rows.spans.end[:60] - len(POISON)
    find_backdoors(rows, Indifferent(np.diff(rows.offsets), 5.0))


@given(st.lists(TEXT, max_size=12))
def test_terms_strings_and_folds_of_any_texts(texts: list[str]) -> None:
    if texts:
        terms = PromptTerms.of(texts)
        assert terms.names == sorted(terms.names)
        for row, text in enumerate(texts):
            held = {terms.names[term] for term in terms.rows[[row]].indices}
            assert held == terms_of(text) & set(terms.names)
        strings = recurring_strings(texts)
        assert (np.diff(strings.sizes) <= 0).all()
    digests = np.zeros(len(texts), np.dtype((np.void, 16)))
    folds = assign_folds(hashed_words(texts), content_draws(digests, 0))
    assert len(folds) == len(texts)
