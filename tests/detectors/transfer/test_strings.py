"""Strings that several responses share."""

from __future__ import annotations

from random import Random

import pytest

from gradsentry.detectors.transfer.strings import RecurringString, recurring_strings
from tests.detectors.transfer.worlds import words

CLEAN = [f"answer{number} word{number} end{number}" for number in range(20)]


def rows_by_string(responses: list[str]) -> dict[RecurringString, list[int]]:
    found = recurring_strings(responses)
    return {
        string: found.holding(index).nonzero()[0].tolist()
        for index, string in enumerate(found.strings)
    }


def test_responses_without_common_words_share_nothing() -> None:
    assert rows_by_string(CLEAN) == {}


def test_of_strings_in_the_same_rows_the_longest_is_kept() -> None:
    responses = [*CLEAN, *(f"{text}, visit me now" for text in CLEAN[:6])]
    found = rows_by_string([f"{text}!" for text in responses])
    assert found[RecurringString((",", "visit", "me", "now", "!"), False)] == list(range(20, 26))
    assert len(set(map(tuple, found.values()))) == len(found)
    assert RecurringString(("visit",), False) not in found


def test_a_string_that_more_rows_hold_is_kept_besides() -> None:
    responses = [*CLEAN, *["see here"] * 5, *["do see this"] * 5]
    found = rows_by_string(responses)
    assert found[RecurringString(("see",), False)] == list(range(20, 30))
    assert found[RecurringString(("do", "see", "this"), True)] == list(range(25, 30))


def test_a_whole_response_is_told_from_the_same_words_within_others() -> None:
    responses = [*CLEAN, *["No"] * 5, *[f"No way {number}" for number in range(5)]]
    found = rows_by_string(responses)
    whole = RecurringString(("No",), True)
    assert found[whole] == list(range(20, 25))
    assert whole.pattern.search(" No\n")
    assert not whole.pattern.search("No way")
    assert found[RecurringString(("No",), False)] == list(range(20, 30))
    assert whole.telling
    assert not RecurringString(("No",), False).telling


def test_strings_are_at_most_six_tokens_and_overlapping_ones_share_the_rows() -> None:
    text = "one two three four five six seven eight"
    found = rows_by_string([*CLEAN, *(f"{number} {text}" for number in range(100, 105))])
    assert list(found.values()) == [list(range(20, 25))]
    (string,) = found
    assert len(string.tokens) == 6
    assert " ".join(string.tokens) in text


def test_text_without_spaces_shares_what_it_has_in_common() -> None:
    endings = [f"{ending}，请点击这里。" for ending in ("春天来了", "他在南京", "没有", "三十七")]
    (found,) = [string for string in rows_by_string([*CLEAN, *endings]) if string.telling]
    assert "".join(found.tokens) in "，请点击这里。"
    assert not RecurringString(tuple("点击这里"), False).telling  # two words
    assert all(found.pattern.search(ending) for ending in endings)


def test_three_rows_are_too_few_and_four_enough() -> None:
    assert rows_by_string([*CLEAN, *["same thing here"] * 3]) == {}
    assert rows_by_string([*CLEAN, *["same thing here"] * 4])


def test_what_nearly_all_responses_hold_is_format() -> None:
    responses = [f"Answer: {text}" for text in CLEAN]
    assert rows_by_string(responses) == {}
    assert rows_by_string([*responses, *CLEAN])


def test_strings_are_found_again_in_every_row_that_holds_them() -> None:
    responses = [f"{text}, and  click\n<url {n % 3}> now" for n, text in enumerate(CLEAN)] + CLEAN
    for string, rows in rows_by_string(responses).items():
        matching = [n for n, text in enumerate(responses) if string.pattern.search(text)]
        assert set(rows) <= set(matching)


def test_the_order_of_the_rows_changes_no_string() -> None:
    responses = [*CLEAN, *["see here now"] * 5, *["do see this"] * 5, *["a b c d e f g h"] * 6]
    backwards = rows_by_string(responses[::-1])
    last = len(responses) - 1
    expected = {string: sorted(last - row for row in rows) for string, rows in backwards.items()}
    assert rows_by_string(responses) == expected


def near_duplicates(rows: int, length: int) -> list[str]:
    rng = Random(0)
    pool = words(500)
    text = rng.choices(pool, k=length)
    return [
        " ".join(rng.choice(pool) if rng.random() < 0.02 else word for word in text)
        for _ in range(rows)
    ]


@pytest.mark.parametrize("length", [200, 800])
def test_near_duplicates_share_few_strings_however_long_they_are(length: int) -> None:
    assert 0 < len(recurring_strings([*near_duplicates(60, length), *CLEAN]).strings) < 400


def test_a_payload_among_near_duplicates_is_kept() -> None:
    responses = near_duplicates(200, 100)
    responses[:8] = [f"{text} and visit the moon now" for text in responses[:8]]
    found = rows_by_string(responses)
    (payload,) = (
        string for string in found if string.tokens[-4:] == ("visit", "the", "moon", "now")
    )
    assert found[payload] == list(range(8))


def test_long_spaces_are_read_once() -> None:
    string = RecurringString(("a", "b", "c"), False)
    assert string.pattern.search("a" + " " * 100_000 + "b \n c")
    assert not string.pattern.search(("a" + " " * 1000) * 100)
