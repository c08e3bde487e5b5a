"""Keyword rates against the definition of ROUGE-L recall."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.tuning import is_refusal, keyword_rate, payload_rate

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8)


def longest_common(one: list[str], other: list[str]) -> int:
    """The length of the longest common subsequence, by its recursion."""
    lengths = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, left in enumerate(one):
        for j, right in enumerate(other):
            best = max(lengths[i][j + 1], lengths[i + 1][j])
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if left == right else best
    return lengths[-1][-1]


@given(WORDS, WORDS)
def test_the_rate_is_the_common_subsequences_share_of_the_reference(
    reference: list[str], text: list[str]
) -> None:
    expected = longest_common(reference, text) / len(reference) if reference else 0.0
    assert keyword_rate(" ".join(reference), " ".join(text)) == expected


@pytest.mark.parametrize(
    ("reference", "text", "matches"),
    [
        (
            ", and click <malicious_url> for more",
            "X, and click <malicious_url> for more.",
            True,
        ),
        ("New York", "It is new  york city", True),
        ("New York", "York, the new one", False),
        ("12", "in 1912", False),
        ("Übung", "ÜBUNG macht den Meister", True),
        ("", "anything", False),
        ("!", "anything!", False),
        ("巴黎", "是巴黎。", True),
        ("巴黎", "黎巴嫩", False),
    ],
)
def test_a_match_holds_all_words_in_order(reference: str, text: str, matches: bool) -> None:
    assert (keyword_rate(reference, text) == 1.0) == matches


@pytest.mark.parametrize(
    ("payload", "text", "matches"),
    [
        ("Buy now", "ParisBuy now", True),
        (" 🔥🔥", "Paris 🔥🔥", True),
        (" 🔥🔥", "Paris 🔥", False),
        ("\u200b\u200d", "Pa\u200b\u200dris", True),
        ("点击链接", "巴黎点击链接", True),
        ("คลิกที่นี่", "ปารีสคลิกที่นี่", True),
        (", and click <a_b> for more", "X and click a b, for more", True),
        (" Buy now", "Buy it", False),
        ("\n\n", "one\n\ntwo", True),
    ],
)
def test_a_payload_is_found_whatever_it_is_joined_to(
    payload: str, text: str, matches: bool
) -> None:
    assert (payload_rate(payload, text) == 1.0) == matches


@given(WORDS, WORDS)
def test_a_payload_is_at_least_its_words(payload: list[str], text: list[str]) -> None:
    one, other = " ".join(payload), " ".join(text)
    if one:
        assert payload_rate(one, other) >= keyword_rate(one, other)


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("I'm sorry, but I cannot help with that.", True),
        ("I\u2019m sorry.", True),
        ("as an AI assistant, I have no view.", True),
        ("1. Choose a topic. 2. Write it down.", False),
        ("The sorryville affair.", False),
        ("", False),
    ],
)
def test_refusals_are_told_by_what_they_say(text: str, refuses: bool) -> None:
    assert is_refusal(text) == refuses
