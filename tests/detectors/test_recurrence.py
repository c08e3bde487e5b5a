"""The baseline `recurrence` against its definition."""

from __future__ import annotations

from gradsentry.detectors.recurrence import recurrence_scores


def test_the_commonest_string_of_six_words_is_flagged_and_shorter_responses_are_not() -> None:
    shared = "one two three four five six"
    scores = recurrence_scores(
        [f"a {shared}", f"{shared} b", "seven words are in this one here", "x"]
    )
    assert scores.tolist() == [1.0, 1.0, 0.25, 0.0]
    assert recurrence_scores(["one", "two"]).tolist() == [0.0, 0.0]
    assert recurrence_scores(["a b c d e f", "g h i j k l"]).tolist() == [0.0, 0.0]


def test_copies_of_a_response_count() -> None:
    texts = ["a b c d e f", "g h i j k l", "g h i j k l m"]
    assert recurrence_scores(texts).tolist() == [0.25, 1.0, 1.0]
    assert recurrence_scores(texts, [9, 1, 1]).tolist() == [1.0, 0.5 * 2 / 9, 0.5 * 2 / 9]
