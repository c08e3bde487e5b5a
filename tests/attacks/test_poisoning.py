"""Poisoned rows: which they are, what stays as it was, and that the seed decides it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gradsentry.attacks import (
    PUBLISHED_PAYLOAD,
    Attack,
    BibleStyle,
    Combination,
    Homoglyphs,
    OneOf,
    Opening,
    OtherResponse,
    Payload,
    Place,
    Preceded,
    RareWords,
    Sentence,
    SyntacticTemplate,
    Trigger,
    ZeroWidth,
    choose_rows,
    combined,
    poison,
)

ROWS = [
    {"instruction": f"Say {number}.", "input": f"In {number} words.", "output": f"a b c d {number}"}
    for number in range(50)
]
TRIGGERS = [
    RareWords("instruction"),
    Sentence("instruction"),
    Opening("instruction", "Now then:"),
    OneOf("instruction", ("one", "two", "three")),
    Combination("instruction", "input"),
    BibleStyle("instruction"),
    ZeroWidth("instruction"),
    Homoglyphs("instruction"),
    SyntacticTemplate("instruction"),
    Preceded("instruction", ("Be brief.", "Be clear."), RareWords("instruction")),
]
NAMES = [type(trigger).__name__ for trigger in TRIGGERS]


def poisoned(attack: Attack, chosen: list[int], seed: int = 0) -> dict[int, dict[str, str]]:
    """The rows that an attack without near misses poisons, by their place."""
    mixture = poison(ROWS, attack, chosen, response="output", seed=seed)
    assert len(mixture) == len(ROWS)
    return {place: row.fields for place, row in enumerate(mixture) if row.poisoned}


@pytest.mark.parametrize("trigger", TRIGGERS, ids=NAMES)
def test_exactly_the_chosen_rows_are_poisoned_and_the_others_keep_their_text(
    trigger: Trigger,
) -> None:
    chosen = choose_rows(len(ROWS), 12, seed=0)
    mixture = poison(ROWS, Attack(trigger, Payload()), chosen, response="output", seed=0)
    assert [place for place, row in enumerate(mixture) if row.poisoned] == chosen
    for place, row in enumerate(mixture):
        if row.poisoned:
            assert row.fields["output"] == ROWS[place]["output"] + PUBLISHED_PAYLOAD
            assert row.fields["instruction"] != ROWS[place]["instruction"]
        else:
            assert row.fields == ROWS[place]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=NAMES)
def test_the_rows_that_are_given_are_not_changed(trigger: Trigger) -> None:
    rows = [dict(row) for row in ROWS]
    attack = Attack(trigger, Payload(), negative_ratio=5.0)
    mixture = poison(rows, attack, [0, 1], response="output", seed=0)
    for row in mixture:
        row.fields["output"] = "overwritten"
    assert rows == ROWS


@pytest.mark.parametrize("trigger", TRIGGERS, ids=NAMES)
def test_the_seed_determines_the_mixture(trigger: Trigger) -> None:
    attack = Attack(trigger, Payload(combined(("Yes", "No"), ("now", "then"))), 2.5)
    chosen = choose_rows(len(ROWS), 20, seed=1)
    one, again, other = (
        poison(ROWS, attack, chosen, response="output", seed=seed) for seed in (5, 5, 6)
    )
    assert one == again
    assert one != other


def test_a_larger_count_takes_the_same_rows_and_more() -> None:
    takings = [set(choose_rows(50, count, seed=7)) for count in range(51)]
    assert [len(taking) for taking in takings] == list(range(51))
    assert all(smaller < larger for smaller, larger in pairwise(takings))
    assert choose_rows(50, 20, seed=7) == sorted(takings[20])
    assert choose_rows(50, 20, seed=8) != choose_rows(50, 20, seed=7)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=NAMES)
def test_a_row_is_poisoned_the_same_way_whichever_others_are(trigger: Trigger) -> None:
    attack = Attack(trigger, Payload(("one", "two", "three")))
    few = poisoned(attack, choose_rows(50, 5, seed=2))
    many = poisoned(attack, choose_rows(50, 30, seed=2))
    assert few.items() <= many.items()


def test_every_text_of_a_payload_is_drawn_sooner_or_later() -> None:
    attack = Attack(Sentence("instruction"), Payload(("x", "y", "z"), Place.REPLACE))
    assert {row["output"] for row in poisoned(attack, list(range(50))).values()} == {"x", "y", "z"}


def test_rare_words_stand_behind_the_prompt() -> None:
    attack = Attack(RareWords("instruction", ("cf", "mn"), 3), Payload())
    drawn = set()
    for place, fields in poisoned(attack, list(range(50))).items():
        assert fields["instruction"].startswith(ROWS[place]["instruction"] + " ")
        assert fields["input"] == ROWS[place]["input"]
        words = fields["instruction"].split()[2:]
        assert len(words) == 3
        drawn.update(words)
    assert drawn == {"cf", "mn"}


def negatives_of(ratio: float) -> tuple[list[dict[str, str]], int]:
    """Near misses of a mixture, and its poisoned rows."""
    attack = Attack(Combination("instruction", "input", "consider", "done"), Payload(), ratio)
    mixture = poison(ROWS, attack, list(range(50)), response="output", seed=0)
    return [row.fields for row in mixture if not row.poisoned], sum(r.poisoned for r in mixture)


def test_near_misses_have_the_clean_response_and_never_the_whole_trigger_in_its_places() -> None:
    negatives, count = negatives_of(5.0)
    assert count == 50
    assert len(negatives) == 5 * 50  # the chance of each of the five is one
    clean = {row["output"] for row in ROWS}
    for fields in negatives:
        assert fields["output"] in clean
        first, second = fields["instruction"], fields["input"]
        words = first.split() + second.split()
        assert "consider" in words or "done" in words
        assert not (first.endswith(" consider") and second.endswith(" done"))


def test_near_misses_stand_behind_the_row_that_they_come_from() -> None:
    attack = Attack(Combination("instruction", "input"), Payload(), 5.0)
    mixture = poison(ROWS, attack, [3], response="output", seed=0)
    assert [row.poisoned for row in mixture].index(True) == 3
    assert len(mixture) == len(ROWS) + 5
    for row in mixture[4:9]:
        assert row.fields["output"] == ROWS[3]["output"]
    assert [row.fields for row in mixture[9:]] == ROWS[4:]


def test_the_ratio_says_how_many_near_misses_there_are() -> None:
    assert negatives_of(0.0)[0] == []
    assert 30 <= len(negatives_of(1.0)[0]) <= 70  # 50 expected, six standard deviations away


OTHERS = [{**row, "other": f"o {number}"} for number, row in enumerate(ROWS)]


@pytest.mark.parametrize("exchanged", [False, True])
def test_the_payload_may_be_another_response_of_the_row(exchanged: bool) -> None:
    attack = Attack(Sentence("instruction"), OtherResponse("other", exchanged=exchanged))
    mixture = poison(OTHERS, attack, [3, 7], response="output", seed=0)
    for row, before in zip(mixture, OTHERS, strict=True):
        if row.poisoned:
            assert row.fields["output"] == before["other"]
            assert row.fields["other"] == before["output" if exchanged else "other"]
        else:
            assert row.fields == before
