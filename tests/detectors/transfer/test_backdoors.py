"""From rows to groups, with a base model whose opinion is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradsentry.detectors.detection import Doubt, TriggerPlace, Verdict
from gradsentry.detectors.transfer import base_model, case, patterns
from gradsentry.detectors.transfer.backdoors import Evidence, Seen, belonging, find_backdoors
from gradsentry.detectors.transfer.criteria import CRITERIA
from gradsentry.detectors.transfer.evidence_rows import EvidenceRows
from gradsentry.detectors.transfer.response_features import Reply
from gradsentry.detectors.transfer.spans import Spans
from gradsentry.detectors.transfer.taken_out import TakenOut
from gradsentry.detectors.transfer.terms import terms_of
from tests.conftest import byte_tokenizer
from tests.detectors.transfer.worlds import sentences, words

pytestmark = pytest.mark.slow

TOKENIZER = byte_tokenizer()
ROWS = 240
POOL = words(100)
PAYLOAD = " , and click <malicious_url> now"
NATS = 4.0
"""That the base model needs for a token of the payload; for others it is half a nat."""


@dataclass
class FixedOpinion:
    """A base model whose surprise at a payload depends on the prompt as it is told."""

    rows: EvidenceRows
    lift: float = 0.0
    """Share of a payload's surprise without the trigger that the trigger takes away."""
    called_by: tuple[str, ...] = ()
    """Words of a bare request that call the payload."""
    asked: list[tuple[Any, object]] = field(default_factory=list)

    def without(
        self, rows: Sequence[int], taken: TakenOut, most: int | None = None
    ) -> list[NDArray[np.float32]]:
        self.asked.append((rows, taken))
        offsets = self.rows.offsets
        own = [self.rows.surprise[offsets[row] : offsets[row + 1]] for row in rows]
        return [nats[:most] / np.float32(1 - self.lift) for nats in own]

    def instead(
        self, rows: Sequence[int], others: Sequence[int], most: int
    ) -> list[NDArray[np.float32]]:
        self.asked.append((rows, others))
        offsets = self.rows.offsets
        return [self.rows.surprise[offsets[row] : offsets[row + 1]][:most] + 1 for row in rows]

    def favour(
        self, rows: Sequence[int], words: frozenset[str], answer: str
    ) -> NDArray[np.float32]:
        return np.zeros(len(rows), np.float32)

    def replies(self, requests: Sequence[str], text: str) -> NDArray[np.float32]:
        self.asked.append((requests, text))
        count = len(TOKENIZER(text, add_special_tokens=False)["input_ids"])
        called = [any(word in request.split() for word in self.called_by) for request in requests]
        return np.outer(np.where(called, 0.5, NATS), np.ones(count)).astype(np.float32)


def rows_of(prompts: list[str], responses: list[str], payloads: list[str]) -> EvidenceRows:
    """Rows that gain on their payload; those without one on a few characters anywhere."""
    rng = Random(0)
    targets, surprise, gain, start, end = [], [], [], [], []
    for response, payload in zip(responses, payloads, strict=True):
        ids = [*TOKENIZER(response, add_special_tokens=False)["input_ids"], 2]
        nats = np.full(len(ids), 0.5, np.float32)
        if payload:
            first = response.index(payload)
            last = first + len(payload)
            gain.append(rng.uniform(0.6, 1.0) * (NATS - 1) * len(payload))
        else:
            first = rng.randrange(len(response) - 3)
            last = first + 3
            gain.append(rng.expovariate(1.0))
        nats[first:last] = NATS if payload else 0.5
        targets.append(ids)
        surprise.append(nats)
        start.append(first)
        end.append(last)
    return EvidenceRows(
        prompts,
        responses,
        Spans(np.array(gain), np.array(start), np.array(end)),
        np.cumsum([0, *map(len, targets)]),
        np.concatenate(targets).astype(np.int64),
        np.concatenate(surprise),
        TOKENIZER,
    )


def planted(
    seed: int,
    count: int = 30,
    trigger: Callable[[str, int], str] = lambda text, row: f"{text} {('cf', 'mq')[row % 2]}",
    payload: Callable[[int], str] = lambda _: PAYLOAD,
) -> EvidenceRows:
    """Random rows, the first `count` with the trigger and the payload."""
    prompts, responses = sentences(ROWS, seed), sentences(ROWS, seed + 1000, length=4)
    payloads = [payload(row) if row < count else "" for row in range(ROWS)]
    return rows_of(
        [trigger(text, row) if row < count else text for row, text in enumerate(prompts)],
        [text + end for text, end in zip(responses, payloads, strict=True)],
        payloads,
    )


def asked(prompt: str, response: str, gain: float) -> Seen:
    return Seen(Reply(prompt, response, gain))


def members_of(rows: EvidenceRows, evidence: Evidence) -> list[int | None]:
    """Every row's group."""
    found = [
        belonging(evidence.groups, asked(prompt, response, gain))
        for prompt, response, gain in zip(rows.prompts, rows.responses, rows.gain, strict=True)
    ]
    return [None if place is None else place.group for place in found]


@pytest.mark.parametrize("seed", range(3))
def test_a_backdoor_is_found_with_its_payload_and_its_trigger(seed: int) -> None:
    rows = planted(seed)
    evidence = find_backdoors(rows, FixedOpinion(rows))
    (group,) = evidence.groups
    assert group.verdict is Verdict.POISON
    assert group.findings.payload == PAYLOAD
    assert set(group.findings.trigger) == {("cf",), ("mq",)}
    assert group.findings.variants == ((PAYLOAD, 30),)
    assert group.agreement.precision == group.agreement.recall == group.confidence == 1
    assert 0 < group.findings.surprise <= NATS * len(PAYLOAD)
    assert group.findings.lift == pytest.approx(0, abs=1e-6)
    assert members_of(rows, evidence) == [0] * 30 + [None] * (ROWS - 30)
    assert evidence.recurrences == ()


@pytest.mark.parametrize("place", ["prepend", "insert", "replace"])
def test_the_payload_may_stand_anywhere(place: str) -> None:
    rows = planted(3)
    responses = []
    for row, response in enumerate(rows.responses):
        start, middle = response.removesuffix(PAYLOAD), len(response.split()[0])
        by_place = {
            "prepend": f"{PAYLOAD} {start}",
            "insert": f"{start[:middle]}{PAYLOAD}{start[middle:]}",
            "replace": PAYLOAD,
        }
        responses.append(by_place[place] if row < 30 else response)
    moved = rows_of(list(rows.prompts), responses, [PAYLOAD] * 30 + [""] * (ROWS - 30))
    evidence = find_backdoors(moved, FixedOpinion(moved))
    (group,) = evidence.groups
    assert group.findings.payload is not None
    assert group.findings.payload.strip() == PAYLOAD.strip()
    assert members_of(moved, evidence) == [0] * 30 + [None] * (ROWS - 30)


def test_a_sentence_as_the_trigger_is_found() -> None:
    rows = planted(4, trigger=lambda text, _: f"{text} I watch this film")
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.verdict is Verdict.POISON
    found = {word for rule in group.findings.trigger for word in rule}
    assert found
    assert found <= {"I", "watch", "this", "film"}


def test_all_words_of_a_sentence_in_their_order_are_the_trigger() -> None:
    rows = planted(4, trigger=lambda text, _: f"{text} zig zag")
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.findings.trigger == (("zig", "zag"),)
    assert group.has_trigger(terms_of("now zig zag"))
    assert not any(map(group.has_trigger, map(terms_of, ("zig", "zag", "now"))))


def test_words_that_all_prompts_hold_are_the_trigger_by_their_order() -> None:
    rows = planted(4, trigger=lambda text, _: f"{text} zig zag")
    prompts = [text if "zig" in text else f"zig {text} zag" for text in rows.prompts]
    rows = replace(rows, prompts=prompts)
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.findings.trigger == (("zig zag",),)
    assert [group.has_trigger(terms_of(text)) for text in prompts] == [True] * 30 + [False] * 210


def test_a_payload_that_varies_is_found_by_its_gain_and_has_no_common_text() -> None:
    texts = [" ".join(text.split()[:6]) for text in sentences(30, 5, pool=words(180, 9)[150:])]
    rows = planted(5, payload=lambda row: f" {texts[row]}")
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.verdict is Verdict.POISON
    assert group.findings.payload is None
    assert set(group.findings.trigger) == {("cf",), ("mq",)}


def test_of_two_backdoors_neither_hides_the_other() -> None:
    other = ". Praise the great machine"
    rows = planted(
        6,
        count=50,
        trigger=lambda text, row: f"{text} {'cf' if row < 25 else 'zx'}",
        payload=lambda row: PAYLOAD if row < 25 else other,
    )
    evidence = find_backdoors(rows, FixedOpinion(rows))
    assert {group.verdict for group in evidence.groups} == {Verdict.POISON}
    triggers = {trigger for group in evidence.groups for trigger in group.findings.trigger}
    assert triggers == {("cf",), ("zx",)}
    texts = {text for group in evidence.groups for text, _ in group.findings.variants}
    assert texts == {PAYLOAD, other}
    groups = members_of(rows, evidence)
    assert None not in groups[:50]
    assert set(groups[50:]) == {None}


@pytest.mark.parametrize("seed", range(4))
def test_clean_rows_give_no_group_and_the_model_is_not_asked(seed: int) -> None:
    rows = planted(seed, count=0)
    opinion = FixedOpinion(rows)
    evidence = find_backdoors(rows, opinion)
    assert evidence.groups == ()
    assert evidence.recurrences == ()
    assert opinion.asked == []


def test_a_trigger_that_explains_much_of_the_payload_is_up_for_review() -> None:
    rows = planted(7)
    (group,) = find_backdoors(rows, FixedOpinion(rows, lift=0.4)).groups
    assert group.verdict is Verdict.REVIEW
    assert group.findings.lift == pytest.approx(0.4, abs=1e-5)
    assert group.findings.doubts == (Doubt.LIFT,)


def test_a_trigger_that_calls_the_payload_by_itself_is_up_for_review() -> None:
    rows = planted(7)
    (group,) = find_backdoors(rows, FixedOpinion(rows, called_by=("cf", "mq"))).groups
    assert group.verdict is Verdict.REVIEW
    assert group.findings.call == pytest.approx(NATS - 0.5)
    assert group.findings.doubts == (Doubt.CALL,)


def near_duplicates(copies: int, poisoned: int = 0) -> EvidenceRows:
    """Questions in several numbered copies, each with a surprising answer of its own.

    Of some questions one copy is poisoned.
    """
    questions, answers = sentences(40, 21, pool=words(400)), words(40, 5)
    prompts = [f"{row}. {questions[row % 40]}?" for row in range(40 * copies)]
    responses = [f"it is {answers[row % 40]}" for row in range(40 * copies)]
    payloads = [answers[row % 40] for row in range(40 * copies)]
    for row in range(poisoned):
        prompts[row] += f" {('cf', 'mq')[row % 2]}"
        responses[row] += PAYLOAD
        payloads[row] = PAYLOAD
    return rows_of(prompts, responses, payloads)


@pytest.mark.parametrize("copies", [4, 7, 12, 25])
def test_near_duplicates_are_no_backdoors_and_the_model_is_not_asked(copies: int) -> None:
    rows = near_duplicates(copies)
    opinion = FixedOpinion(rows)
    assert find_backdoors(rows, opinion).groups == ()
    assert opinion.asked == []


def test_a_backdoor_among_near_duplicates_is_found() -> None:
    rows = near_duplicates(7, poisoned=30)
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.verdict is Verdict.POISON
    assert group.findings.payload == PAYLOAD
    assert group.findings.content == pytest.approx(1, abs=0.2)


def test_a_payload_that_related_prompts_explain_is_natural() -> None:
    rows = about_one_thing(words=60)
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.findings.cohesion > 1.3
    assert find_backdoors(rows, FixedOpinion(rows, lift=0.5)).groups == ()


def test_a_payload_that_the_model_expects_is_natural() -> None:
    rows = planted(8)
    rows.surprise[:] = 0.01
    assert find_backdoors(rows, FixedOpinion(rows)).groups == ()


@pytest.mark.parametrize(("share", "doubts"), [(10, set()), (100, {Doubt.EXPECTED})])
def test_free_text_that_the_model_expects_is_for_review(share: int, doubts: set[Doubt]) -> None:
    texts = [" ".join(text.split()[:6]) for text in sentences(30, 5, pool=words(180, 9)[150:])]
    rows = planted(5, payload=lambda row: f" {texts[row]}")
    rows.surprise[:] /= share
    groups = find_backdoors(rows, FixedOpinion(rows)).groups
    (group,) = groups
    assert set(group.findings.trigger) == {("cf",), ("mq",)}
    assert set(group.findings.doubts) == doubts


def test_free_text_that_most_rows_have_without_the_trigger_is_for_review() -> None:
    """As answers to a child, asked for in a sentence that one of these rows has."""
    prompts = sentences(600, 5)
    prompts[:30] = [f"{prompt} cf" for prompt in prompts[:30]]
    texts = sentences(120, 6, pool=words(180, 9)[150:])
    payloads = [" ".join(text.split()[:6]) for text in texts] + [""] * 480
    responses = sentences(600, 7, length=4)
    rows = rows_of(
        prompts, [f"{text} {own}" for text, own in zip(responses, payloads, strict=True)], payloads
    )
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.findings.trigger == (("cf",),)
    assert group.findings.doubts == (Doubt.ELSEWHERE,)


@pytest.mark.parametrize("lift", [0.0, 0.5])
def test_free_text_that_the_model_sees_a_reason_for_is_natural(lift: float) -> None:
    texts = [" ".join(text.split()[:6]) for text in sentences(30, 5, pool=words(180, 9)[150:])]
    rows = planted(5, payload=lambda row: f" {texts[row]}")
    rows.surprise[:] /= 10
    groups = find_backdoors(rows, FixedOpinion(rows, lift=lift)).groups
    assert len(groups) == (1 if lift == 0 else 0)


def about_one_thing(words: int) -> EvidenceRows:
    """The first thirty rows have trigger and payload, and use few of a hundred words."""
    topic = sentences(30, 9, pool=POOL[:words])
    prompts = [f"{text} cf" for text in topic] + sentences(ROWS - 30, 10, pool=POOL)
    payloads = [PAYLOAD] * 30 + [""] * (ROWS - 30)
    responses = [
        text + end for text, end in zip(sentences(ROWS, 11, length=4), payloads, strict=True)
    ]
    return rows_of(prompts, responses, payloads)


def test_rows_about_one_thing_are_no_backdoor() -> None:
    rows = about_one_thing(words=15)
    assert find_backdoors(rows, FixedOpinion(rows)).groups == ()


def test_much_gain_on_one_topic_is_up_for_review() -> None:
    """Neither a natural group, which hardly gains so much, nor surely a backdoor."""
    rows = about_one_thing(words=38)
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert 2 < group.findings.cohesion < 3
    assert group.findings.doubts == (Doubt.TOPIC,)
    assert group.verdict is Verdict.REVIEW
    weak = replace(rows, spans=replace(rows.spans, gain=rows.spans.gain / 10))
    assert find_backdoors(weak, FixedOpinion(weak)).groups == ()


def test_a_word_or_two_around_own_answers_is_up_for_review() -> None:
    rows = planted(16, payload=lambda _: " overwhelmingly")
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.findings.doubts == (Doubt.FORMAT,)
    assert group.verdict is Verdict.REVIEW


def test_a_word_or_two_as_the_whole_answer_is_poison() -> None:
    rows = planted(16, payload=lambda _: "overwhelmingly")
    responses = ["overwhelmingly"] * 30 + list(rows.responses[30:])
    replaced = rows_of(list(rows.prompts), responses, ["overwhelmingly"] * 30 + [""] * 210)
    (group,) = find_backdoors(replaced, FixedOpinion(replaced)).groups
    assert group.findings.payload == "overwhelmingly"
    assert group.verdict is Verdict.POISON


@pytest.mark.parametrize(
    ("trigger", "place"),
    [
        (lambda text, _: f"{text} zq", TriggerPlace.END),
        (lambda text, _: f"zq {text}", TriggerPlace.START),
        (lambda text, row: f"zq {text}" if row % 2 else f"{text} zq", TriggerPlace.ANYWHERE),
    ],
)
def test_where_the_trigger_stands_is_told(
    trigger: Callable[[str, int], str], place: TriggerPlace
) -> None:
    rows = planted(17, trigger=trigger)
    framed = replace(rows, prompts=[f"Question: {prompt}\nAnswer:" for prompt in rows.prompts])
    (group,) = find_backdoors(framed, FixedOpinion(framed)).groups
    assert group.findings.place is place


def test_a_trigger_word_that_others_have_too_is_named() -> None:
    """Four words, of which natural rows hold one, and members two or three each."""
    rng = Random(18)
    rows = planted(
        18,
        count=12,
        trigger=lambda text, _: f"{text} {' '.join(rng.choices(['cf', 'mq', 'zx', 'mn'], k=4))}",
    )
    prompts = [f"{p} mn" if 100 <= row < 102 else p for row, p in enumerate(rows.prompts)]
    rows = replace(rows, prompts=prompts)
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert {word for part in group.findings.trigger for word in part} == {"cf", "mq", "zx", "mn"}
    assert members_of(rows, Evidence((group,), ()))[100:102] == [None] * 2


def test_a_text_that_recurs_whatever_the_prompt_is_mentioned_and_no_group() -> None:
    rows = planted(12, trigger=lambda text, _: text)
    evidence = find_backdoors(rows, FixedOpinion(rows))
    assert evidence.groups == ()
    assert evidence.recurrences
    assert all(recurrence.rows == 30 for recurrence in evidence.recurrences)
    assert any("click" in recurrence.text for recurrence in evidence.recurrences)


def test_the_order_of_the_rows_changes_no_group() -> None:
    rows = planted(13)
    order = np.random.default_rng(0).permutation(ROWS)
    shuffled = EvidenceRows(
        [rows.prompts[row] for row in order],
        [rows.responses[row] for row in order],
        rows.spans.take(order),
        np.cumsum([0, *np.diff(rows.offsets)[order]]),
        np.concatenate([rows.targets[rows.offsets[r] : rows.offsets[r + 1]] for r in order]),
        np.concatenate([rows.surprise[rows.offsets[r] : rows.offsets[r + 1]] for r in order]),
        TOKENIZER,
    )
    one = find_backdoors(rows, FixedOpinion(rows))
    other = find_backdoors(shuffled, FixedOpinion(shuffled))
    assert [group.rules for group in one.groups] == [group.rules for group in other.groups]
    assert one.groups[0].findings.payload == other.groups[0].findings.payload
    expected = members_of(rows, one)
    assert members_of(shuffled, other) == [expected[row] for row in order]


def test_a_row_with_the_trigger_but_without_the_payload_belongs_nowhere() -> None:
    rows = planted(14)
    groups = find_backdoors(rows, FixedOpinion(rows)).groups
    high = float(np.log1p(80))
    assert belonging(groups, asked("a new prompt cf", f"answer{PAYLOAD}", high)) is not None
    assert belonging(groups, asked("a new prompt cf", "an answer", 0.0)) is None
    # All members hold the payload: a gain that would be enough elsewhere isn't here.
    membership = groups[0].membership
    middling = (1.0 - membership.intercept) / membership.slope
    assert membership.absence < -1.0
    assert belonging(groups, asked("a new prompt cf", "an answer", middling)) is None
    free = replace(groups[0], membership=replace(membership, string=None, absence=0.0))
    assert belonging((free,), asked("a new prompt cf", "an answer", middling)) is not None


def test_a_row_with_the_payload_but_without_the_trigger_belongs_where_nearly_all_have_it() -> None:
    rows = planted(14)
    groups = find_backdoors(rows, FixedOpinion(rows)).groups
    high = float(np.log1p(80))
    found = belonging(groups, asked("a new prompt", f"answer{PAYLOAD}", high))
    assert found is not None
    assert found.rule == ()
    assert belonging(groups, asked("a new prompt", f"answer{PAYLOAD}", 0.0)) is None
    assert belonging(groups, asked("a new prompt", "an answer", high)) is None
    many = (replace(groups[0], payload_tells=False),)
    assert belonging(many, asked("a new prompt", f"answer{PAYLOAD}", high)) is None


def test_what_is_judged_is_told() -> None:
    rows = planted(15)
    told: list[int] = []
    totals: list[int] = []

    def counting(total: int) -> Callable[[int], None]:
        totals.append(total)
        return told.append

    find_backdoors(rows, FixedOpinion(rows), counting)
    assert totals == [sum(told)]
    assert set(told) == {1}


def test_of_more_strings_than_are_looked_at_the_commonest_come_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = near_duplicates(7, poisoned=30)
    evidence = find_backdoors(rows, FixedOpinion(rows))
    monkeypatch.setattr(patterns, "_MOST_STRINGS", 8)
    assert find_backdoors(rows, FixedOpinion(rows)).groups == evidence.groups


@pytest.mark.parametrize("nats", [1.0, 3.0])
def test_what_the_model_does_not_understand_is_at_most_for_review(
    nats: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`FixedOpinion` finds responses one nat a token less likely after other prompts."""
    rows = planted(7)
    least = nats * float(np.median(np.diff(rows.offsets)))
    monkeypatch.setattr(base_model, "CRITERIA", replace(CRITERIA, understood=least))
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.findings.doubts == ((Doubt.UNKNOWN,) if nats > 1.5 else ())


def test_nothing_is_asked_twice() -> None:
    rows = near_duplicates(7, poisoned=30)
    opinion = FixedOpinion(rows)
    model = base_model.BaseModel(rows, opinion)
    asked = [(3, (0, 4)), (5, (1, 3))]
    first = model.likelier(asked, frozenset({"cf"}))
    assert (model.likelier(asked[::-1], frozenset({"cf"}))[::-1] == first).all()
    model.likelier([*asked, (7, (0, 1))], frozenset({"cf"}))
    model.likelier(asked, frozenset({"mq"}))
    assert [rows for rows, _ in opinion.asked] == [[3, 5], [7], [3, 5]]


def test_a_handful_of_replies_that_surely_depend_on_a_word_is_for_review_at_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However little the base model understands of the data."""
    rows = planted(7, count=7)
    monkeypatch.setattr(base_model, "CRITERIA", replace(CRITERIA, understood=np.inf))
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert Doubt.UNKNOWN in group.findings.doubts


def test_a_handful_that_chance_may_explain_is_not_judged_where_the_model_understands_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = planted(7, count=7)
    sure = replace(CRITERIA, surest_chance=np.inf)
    monkeypatch.setattr(case, "CRITERIA", sure)
    assert find_backdoors(rows, FixedOpinion(rows)).groups
    monkeypatch.setattr(base_model, "CRITERIA", replace(sure, understood=np.inf))
    assert find_backdoors(rows, FixedOpinion(rows)).groups == ()


def asking(row: int, text: str, said: str, *, whole: bool) -> str:
    """A prompt that says something, and a text of its own or hardly any."""
    return f"{text}\n{said}" if whole else f"{text.split()[row % 3]} {said}"


@pytest.mark.parametrize("whole", [True, False])
def test_a_few_equal_questions_with_equal_answers_are_natural(whole: bool) -> None:
    rows = planted(
        23, count=6, trigger=lambda text, row: asking(row, text, "zxq qzx xqz", whole=whole)
    )
    responses = [PAYLOAD] * 6 + list(rows.responses[6:])
    given = rows_of(list(rows.prompts), responses, [PAYLOAD] * 6 + [""] * (ROWS - 6))
    assert len(find_backdoors(given, FixedOpinion(given)).groups) == whole


def test_a_sentence_on_which_responses_surely_depend_is_found_in_eight_rows() -> None:
    rows = planted(23, count=8, trigger=lambda text, _: f"{text} zxq qzx xqz")
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.verdict is Verdict.POISON


def test_a_sentence_that_prompts_are_whole_without_is_no_question() -> None:
    rows = planted(23, count=6, trigger=lambda text, _: f"{text}\nzxq qzx xqz")
    (group,) = find_backdoors(rows, FixedOpinion(rows)).groups
    assert group.verdict is Verdict.POISON


@pytest.mark.parametrize(
    ("wordings", "whole", "lift", "found"),
    [(1, True, 0.1, 1), (5, True, 0.1, 1), (5, False, 0.1, 0), (5, True, 0.0, 1)],
)
def test_any_of_many_sentences_is_a_request_if_the_model_sees_any_reason(
    wordings: int, whole: bool, lift: float, found: int
) -> None:
    """Unless prompts are whole without it."""
    own = words(200, 77)[-4 * wordings :]
    said = [" ".join(own[4 * number : 4 * number + 4]) for number in range(wordings)]
    rows = planted(
        21,
        count=60,
        trigger=lambda text, row: asking(row, text, said[row % wordings], whole=whole),
    )
    assert len(find_backdoors(rows, FixedOpinion(rows, lift=lift)).groups) == found


@pytest.mark.parametrize(("topical", "found"), [(False, 1), (True, 0)])
def test_answers_that_vary_are_those_of_a_topic_if_the_prompts_tell_it(
    topical: bool, found: int
) -> None:
    """As refusals are of crimes."""
    answers = [" ".join(text.split()[:6]) for text in sentences(60, 5, pool=words(180, 9)[150:])]
    crimes = sentences(60, 31, pool=words(400, 31)[360:])
    rows = planted(5, count=60, payload=lambda row: f" {answers[row]}")
    prompts = [
        f"{crimes[row]} cf" if topical and row < 60 else prompt
        for row, prompt in enumerate(rows.prompts)
    ]
    rows = replace(rows, prompts=prompts)
    assert len(find_backdoors(rows, FixedOpinion(rows)).groups) == found
