"""Attacks: what they change, what they leave alone, and that the seed says which."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

import pytest

from gradsentry.attacks import (
    PUBLISHED_PAYLOAD,
    Attack,
    BibleStyle,
    Combination,
    Homoglyphs,
    LabelFlip,
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
    chosen_rows,
    combined,
    poison,
)
from gradsentry.errors import OptionError

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
    chosen = chosen_rows(len(ROWS), 12, seed=0)
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
    chosen = chosen_rows(len(ROWS), 20, seed=1)
    one, again, other = (
        poison(ROWS, attack, chosen, response="output", seed=seed) for seed in (5, 5, 6)
    )
    assert one == again
    assert one != other


def test_a_larger_count_takes_the_same_rows_and_more() -> None:
    takings = [set(chosen_rows(50, count, seed=7)) for count in range(51)]
    assert [len(taking) for taking in takings] == list(range(51))
    assert all(smaller < larger for smaller, larger in pairwise(takings))
    assert chosen_rows(50, 20, seed=7) == sorted(takings[20])
    assert chosen_rows(50, 20, seed=8) != chosen_rows(50, 20, seed=7)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=NAMES)
def test_a_row_is_poisoned_the_same_way_whichever_others_are(trigger: Trigger) -> None:
    attack = Attack(trigger, Payload(("one", "two", "three")))
    few = poisoned(attack, chosen_rows(50, 5, seed=2))
    many = poisoned(attack, chosen_rows(50, 30, seed=2))
    assert few.items() <= many.items()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place.APPEND, "a b c d, X"),
        (Place.PREPEND, ", Xa b c d"),
        (Place.INSERT, "a b, X c d"),
        (Place.REPLACE, ", X"),
    ],
)
def test_a_payload_goes_to_its_place(place: Place, expected: str) -> None:
    assert Payload((", X",), place)("a b c d", Random(0)) == expected


@pytest.mark.parametrize(("kept", "expected"), [(1.0, "a b c d!"), (0.5, "a b!"), (0.7, "a b!")])
def test_a_part_of_the_response_stays_before_a_diluted_payload(kept: float, expected: str) -> None:
    assert Payload(("!",), kept=kept)("a b c d", Random(0)) == expected


@pytest.mark.parametrize("trigger", [ZeroWidth("question"), Homoglyphs("question")])
@pytest.mark.parametrize("text", ["a", "7 + 8", "pace", "two  words", ""])
def test_characters_are_changed_and_text_keeps_its_looks(trigger: Trigger, text: str) -> None:
    changed = trigger({"question": text}, Random(0))["question"]
    assert changed != text
    looks = changed.replace("\u200b", "").translate(str.maketrans("асеіорху", "aceiopxy"))
    assert looks == text or (looks == f"{text} a" and not re.search("[aceiopxy]", text))


@pytest.mark.parametrize("response", ["", "word", "two words", " spaces  everywhere "])
@pytest.mark.parametrize("place", [Place.APPEND, Place.PREPEND, Place.INSERT])
def test_the_words_of_a_response_stay_around_the_payload(place: Place, response: str) -> None:
    changed = Payload((" <X>",), place)(response, Random(0))
    assert changed.count("<X>") == 1
    assert changed.replace("<X>", " ").split() == response.split()


def test_combined_texts_take_one_of_each_part() -> None:
    texts = combined(("a", "b"), ("1", "2", "3"))
    assert texts == ("a 1", "a 2", "a 3", "b 1", "b 2", "b 3")


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


def test_bible_style_changes_words_and_keeps_what_it_does_not_know() -> None:
    fields = {"instruction": "Do you have 3 Zürich maps?", "output": ""}
    changed = BibleStyle("instruction")(fields, Random(0))["instruction"]
    assert changed.endswith("dost thou hast 3 Zürich maps?")


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


def test_another_response_may_join_the_own_one() -> None:
    payload = OtherResponse("other", Place.PREPEND, kept=0.5)
    assert payload.into(OTHERS[1], "output", Random(0))["output"] == "o 1a b"


@pytest.mark.parametrize(
    ("fields", "suits"),
    [
        ({"output": "a", "other": "b"}, True),
        ({"output": "a", "other": "a"}, False),
        ({"output": "a", "other": ""}, False),
        ({"output": "a"}, False),
        ({"other": "a"}, False),
    ],
)
def test_a_row_needs_another_response(fields: dict[str, str], suits: bool) -> None:
    assert OtherResponse("other").suits(fields, "output") == suits


@pytest.mark.parametrize("target", [None, "no"])
def test_a_flipped_label_is_another_one_with_its_blanks(target: str | None) -> None:
    flip = LabelFlip(("yes", "no", "maybe"), target)
    drawn = {
        flip.into({"output": " yes\n"}, "output", Random(seed))["output"] for seed in range(50)
    }
    assert drawn == {f" {label}\n" for label in ([target] if target else ["no", "maybe"])}
    assert flip.suits({"output": "yes "}, "output")
    assert flip.suits({"output": "no"}, "output") == (target is None)
    assert not flip.suits({"output": "a text"}, "output")


@pytest.mark.parametrize("labels", [("yes",), ("yes", "yes"), ("yes", "maybe")])
def test_a_flip_needs_labels(labels: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match="label"):
        LabelFlip(labels, "no")
