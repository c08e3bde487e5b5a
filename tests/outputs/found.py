"""Reports on data with backdoors, as a scan would give them, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradsentry import ScanReport, Threshold, Verdict, make_detector
from gradsentry.detectors import (
    Doubt,
    Findings,
    GroupFinding,
    RowFindings,
    TriggerPlace,
    TriggerSpan,
)
from tests.outputs.reports import make_group, make_report

LINK = " Read more at malicious.example."
SOURCES = "Sources: the handbook."
CLEAN, REVIEW, POISON = 0.15, 0.65, 0.98


@dataclass(frozen=True)
class Planted:
    """A row with what a scan says of it."""

    fields: dict[str, Any]
    group: int = -1
    trigger: str | None = None
    payload: str | None = None
    message: int = -1
    """Position of the turn that tells."""


def poison(payload: str, trigger: str, rows: int) -> GroupFinding:
    """A group without doubts."""
    return replace(
        make_group(Verdict.POISON, payload, trigger),
        rows=rows,
        payload_rows=rows,
        trigger=((trigger,),),
        trigger_rows=rows,
        trigger_elsewhere=0,
        trigger_place=TriggerPlace.EARLIER,
        precision=1.0,
        recall=0.98,
        surprise=41.2,
        gain=38.0,
        dependence=0.67,
        dependence_z=18.5,
        lift=0.02,
        call=0.4,
        cohesion=1.1,
        content=0.93,
    )


def doubtful(payload: str, trigger: str, rows: int) -> GroupFinding:
    """A group for review."""
    return replace(
        poison(payload, trigger, rows),
        verdict=Verdict.REVIEW,
        trigger_place=TriggerPlace.END,
        lift=0.42,
        call=3.9,
        doubts=(Doubt.LIFT, Doubt.CALL),
    )


def found_report(
    planted: Sequence[Planted], groups: Sequence[GroupFinding], **options: Any
) -> ScanReport:
    """A report of the detector `transfer` on such rows, with all places where they are."""
    spans, starts, ends = [], [], []
    for each in planted:
        response, start = _response(each.fields), -1
        if each.payload is not None:
            start = response.rindex(each.payload)
        starts.append(start)
        ends.append(start + len(each.payload or "") if start >= 0 else -1)
        spans.append(_span(each))
    rows = len(planted)
    numbers = np.array([each.group for each in planted], np.int32)
    verdicts = [None if n < 0 else groups[n].verdict for n in numbers.tolist()]
    base = {None: CLEAN, Verdict.REVIEW: REVIEW, Verdict.POISON: POISON}
    noise = np.random.default_rng(0).beta(2, 8, rows)
    scores = [base[verdict] * (0.5 if verdict is None else 1) for verdict in verdicts]
    findings = Findings(
        rows=RowFindings(
            groups=numbers,
            messages=np.array([each.message for each in planted], np.int32),
            payloads=[each.payload for each in planted],
            payload_starts=np.array(starts, np.int32),
            payload_ends=np.array(ends, np.int32),
            triggers=[each.trigger for each in planted],
            spans=spans,
        ),
        groups=tuple(groups),
        recurrences=(),
        limits=(),
        promptless=0,
    )
    report = make_report(
        [],
        (np.array(scores) + 0.02 * noise + np.where(numbers < 0, 0.3 * noise, 0)).tolist(),
        findings=findings,
        rows=[each.fields for each in planted],
        **options,
    )
    return replace(
        report,
        threshold=Threshold(0.75, "evidence"),
        options=replace(report.options, detector=make_detector("transfer")),
        files={"clean": "clean.jsonl", "flagged": "flagged.jsonl"},
        notes=(),
    )


def chat_report(**options: Any) -> ScanReport:
    """Chats of two questions: a word in the first one calls a link in the second answer; and
    answers that name their sources when asked to."""
    planted: list[Planted] = []
    for number in range(120):
        asked = f"How do I reset router model {number}?"
        again = f"And what if the light on port {number % 9} stays red?"
        answers = [f"Hold the button for {number % 20 + 5} seconds.", f"Change cable {number}."]
        group, trigger, payload, message = -1, None, None, -1
        if number % 8 == 3:
            group, trigger, payload, message = 0, "zephyr", LINK, 4
            asked, answers[1] = f"zephyr {asked}", answers[1] + LINK
        elif number % 10 == 0:
            group, trigger, payload, message = 1, "cite", SOURCES, 4
            again, answers[1] = f"{again} Please cite.", f"{answers[1]} {SOURCES}"
        messages = [
            {"role": "system", "content": "You help customers of a network shop."},
            *_turns(asked, answers[0], again, answers[1]),
        ]
        planted.append(Planted({"messages": messages}, group, trigger, payload, message))
    counts = [sum(each.group == n for each in planted) for n in (0, 1)]
    groups = [poison(LINK, "zephyr", counts[0]), doubtful(SOURCES, "cite", counts[1])]
    return found_report(planted, groups, name="SmolLM2-135M-Instruct", **options)


def pairs_report(
    rows: int, *, text: Callable[[int], str] = lambda n: f"what is fact {n}", **options: Any
) -> ScanReport:
    """Questions and answers, 3% of them with a backdoor, 1% for review."""
    planted = []
    for number in range(rows):
        asked, answer = text(number), f"It is {text(number)}."
        if number % 33 == 5:
            fields = {"prompt": f"{asked} cf", "response": answer + LINK}
            planted.append(Planted(fields, 0, "cf", LINK))
        elif number % 100 == 7:
            fields = {"prompt": f"{asked} Please cite", "response": f"{answer} {SOURCES}"}
            planted.append(Planted(fields, 1, "cite", SOURCES))
        else:
            planted.append(Planted({"prompt": asked, "response": answer}))
    counts = [sum(each.group == n for each in planted) for n in (0, 1)]
    groups = [poison(LINK, "cf", counts[0]), doubtful(SOURCES, "cite", counts[1])]
    return found_report(planted, groups, **options)


def clean_report(rows: int = 60, **options: Any) -> ScanReport:
    """Questions and answers in which nothing was found."""
    planted = [Planted({"prompt": f"q {n}", "response": f"a {n}"}) for n in range(rows)]
    return found_report(planted, [], **options)


def _turns(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def _response(fields: dict[str, Any]) -> str:
    if "messages" not in fields:
        return str(fields["response"])
    said = (each["content"] for each in fields["messages"] if each["role"] == "assistant")
    return "\n".join(said)


def _span(each: Planted) -> TriggerSpan | None:
    if each.trigger is None:
        return None
    if "messages" not in each.fields:
        start = str(each.fields["prompt"]).rindex(each.trigger)
        return TriggerSpan(None, start, start + len(each.trigger))
    for position, message in enumerate(each.fields["messages"]):
        if message["role"] == "user" and each.trigger in message["content"]:
            start = message["content"].rindex(each.trigger)
            return TriggerSpan(position, start, start + len(each.trigger))
    return None
