"""The verdict in words, the same on the terminal and in the HTML report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradsentry.detectors import GroupFinding, Verdict
from gradsentry.report.group_words import PLACES, is_free_text, percent
from gradsentry.report.ruling_words import kind_of, tell_group, tell_rulings
from gradsentry.report.rulings import GroupRuling
from gradsentry.report.scan_report import ScanReport
from gradsentry.safe_text import quoted, visible

_QUOTED = 120
_WORDS = 8
_DOUBTS = {
    "lift": "the trigger's words take away {0.lift:.0%} of the payload's surprise",
    "seen": "the base model sees some reason in the trigger's words for what is answered",
    "call": "asked alone, the trigger makes a token of the payload likelier by {0.call:.1f} nats",
    "elsewhere": "most rows that are answered so lack the trigger",
    "expected": "the base model needs few nats for such responses",
    "unknown": "the base model doesn't understand these data; a stronger model would decide",
    "topic": "the prompts are all about one thing",
    "format": "the payload is a word or two around answers that are the rows' own",
    "request": "without the trigger the prompts say much less than others do",
}

FALLBACK_CAVEAT = (
    "The scores show no valley to put a threshold into, so this is the paper's constant. With "
    "other models than the paper's another one may be right: look at the histogram, or set "
    "a threshold."
)


MOST_ROWS_CAVEAT = (
    "Most rows are called poison. That is unusual: few rows are enough for a backdoor. Read some "
    "of those that are left, too: if the flagged rows are what these data are about, a stronger "
    "model may see why."
)


def caveats(report: ScanReport) -> list[str]:
    """What a reader must know to read the headline rightly."""
    found = [report.options.detector.caveat]
    if report.findings is not None and 2 * report.flagged.sum() > report.rows.scored.sum():
        found.insert(0, MOST_ROWS_CAVEAT)
    if report.threshold.method.startswith("fallback"):
        found.insert(0, FALLBACK_CAVEAT)
    return found


def headline(report: ScanReport) -> str:
    """One sentence: the verdict, and how many rows it is about."""
    scored, flagged = int(report.rows.scored.sum()), int(report.flagged.sum())
    if report.findings is not None and report.threshold.method == "evidence":
        review = int(report.review.sum())
        if flagged:
            return f"Poison: {flagged:,} of {scored:,} scored rows ({percent(flagged / scored)})."
        if review:
            return (
                f"For review: {review:,} of {scored:,} scored rows ({percent(review / scored)}) "
                "follow a pattern that may be meant. No row is called poison."
            )
        return f"No poison found in {scored:,} scored rows."
    verb = "lies" if flagged == 1 else "lie"
    return (
        f"{flagged:,} of {scored:,} scored rows ({percent(flagged / scored)}) {verb} above the "
        f"threshold {report.threshold.value:.4f} ({visible(report.threshold.method)})."
    )


def groups(report: ScanReport) -> list[str]:
    """A sentence or two about each group found, and what recurs without a trigger."""
    told = tell_rulings(report.rulings)
    if report.findings is None:
        return told
    lines = [tell_found_group(report, index) for index in range(len(report.groups))]
    lines += [
        f"Planted to test this scan: {limit.kind}: "
        + (f"{limit.rows} rows would have been found." if limit.rows else "not found.")
        for limit in report.findings.limits
    ]
    lines += [
        f"{recurrence.rows:,} responses hold {quoted(recurrence.text, _QUOTED)}; nothing in "
        "their prompts says which. This is no backdoor by itself."
        for recurrence in report.findings.recurrences
    ]
    return told + lines


def tell_found_group(report: ScanReport, index: int) -> str:
    """What was found of a group, by its index, and what a person ruled about it."""
    ruling = None if report.rulings is None else report.rulings.groups.get(index)
    return _group(index + 1, report.groups[index], int(report.rows.scored.sum()), ruling)


def _group(number: int, group: GroupFinding, scored: int, ruling: GroupRuling | None) -> str:
    without = group.rows - group.trigger_rows
    all_of_them = f"all but {without:,} of them" if without else "all of them"
    kind = "Poison" if group.verdict is Verdict.POISON else "For review"
    if ruling is not None:
        kind = f"{kind_of(ruling)} ({tell_group(ruling)})"
    if group.payload is not None:
        others = group.rows - group.payload_rows
        besides = f" (all but {others:,} of them)" if others else ""
        carried = f"carry one payload, {quoted(group.payload, _QUOTED)}{besides}"
    elif is_free_text(group):
        carried = (
            "have free text as their payload: the whole answers, no two alike, such as "
            f"{quoted(group.variants[0][0], _QUOTED)}"
        )
    else:
        shown = ", ".join(quoted(text, _QUOTED) for text, _ in group.variants[:3])
        carried = f"carry payloads that vary, such as {shown}"
    verb = "does" if group.trigger_elsewhere == 1 else "do"
    line = (
        f"{kind}, group {number}: {group.rows:,} rows ({percent(group.rows / scored)}) {carried}; "
        f"{all_of_them} have {_trigger_words(group.trigger)} {PLACES[group.trigger_place]}, "
        f"{group.trigger_elsewhere:,} of {scored - group.rows:,} others {verb}. How well such "
        "words tell these rows from all others: sought in some rows, they find the rest with "
        f"precision {group.precision:.3f} and recall {group.recall:.3f} "
        "(cross-validation; this isn't the probability that the rows are poison). The base model "
        f"needs {group.surprise:.0f} nats for the payload"
    )
    if group.doubts:
        line += f". Whether this is meant only a person can tell: {doubts_of(group)}"
    return f"{line}."


def doubts_of(group: GroupFinding) -> str:
    """Why a group is for review, in words; empty for poison."""
    return "; ".join(_DOUBTS[doubt].format(group) for doubt in group.doubts)


def together(words: Sequence[str]) -> str:
    """Words that occur together, each in quotes: "with" may be one of them."""
    return " with ".join(quoted(word) for word in words)


def _trigger_words(trigger: Sequence[Sequence[str]]) -> str:
    """The trigger in words: one of {"bb", "cf"}, or "consider" with "done"."""
    parts = [together(words) for words in trigger[:_WORDS]]
    more = f", and {len(trigger) - _WORDS} more" if len(trigger) > _WORDS else ""
    return parts[0] if len(parts) == 1 and not more else f"one of {{{', '.join(parts)}{more}}}"


def coverage(report: ScanReport) -> list[str]:
    """What was scored, skipped and truncated, and what else bears on the verdict."""
    summary = report.summary()
    of_all, of_scored = f"of {summary['rows']:,} rows", f"of {summary['scored']:,} scored rows"
    lines = [f"{summary['scored']:,} {of_all} scored"]
    if summary["skipped"]:
        reasons = ", ".join(
            f"{visible(reason)} ({count:,})" for reason, count in summary["skipped_reasons"].items()
        )
        lines.append(
            f"{summary['skipped']:,} {of_all} skipped, and kept out of the clean data: {reasons}"
        )
    harmless = summary["skipped"] - summary["unjudged"]
    if harmless:
        lines.append(
            f"{harmless:,} of them hold nothing that a trainer with these settings would learn from"
        )
    if summary["unjudged"]:
        lines.append(
            f"{summary['unjudged']:,} of them a trainer may learn from all the same: judge them by "
            "other means, or leave them out"
        )
    if repeated := _repeated(report):
        lines.append(
            f"{repeated:,} {of_all} are copies of an earlier row: each is computed once, and every "
            "copy counts with its score"
        )
    if report.findings is not None and (promptless := report.findings.promptless):
        lines.append(
            f"{promptless:,} {of_scored} without a prompt, in which no trigger can be looked for: "
            "poison only with a payload that others have behind a trigger"
        )
    if summary["truncated"]:
        lines.append(
            f"{summary['truncated']:,} {of_all} truncated at {summary['max_length']:,} tokens: "
            "what lies behind was not scored, and is only harmless if your trainer has the same "
            "limit"
        )
    if summary["control_tokens"]:
        lines.append(
            f"{summary['control_tokens']:,} {of_all} with special tokens of the model spelled "
            "in their own text; scored as a trainer would train them"
        )
    lines.extend(visible(note.removesuffix(".")) for note in summary["notes"])
    if summary["cannot_reach_threshold"]:
        lines.append(
            f"{summary['cannot_reach_threshold']:,} {of_scored} with too few target tokens for "
            "any score above this threshold, poisoned or not"
        )
    if summary["near_threshold"]:
        lines.append(
            f"{summary['near_threshold']:,} {of_scored} within {summary['rounding']:g} of the "
            f"threshold, where another batch size or machine may decide otherwise "
            f"({summary['dtype']})"
        )
    return lines


def _repeated(report: ScanReport) -> int:
    """Rows that say in all their columns what an earlier row says."""
    # Half of a digest tells rows apart, and is sorted as a number.
    halves = np.ascontiguousarray(report.rows.origins.digests[:, :8]).view(np.uint64)
    return len(halves) - len(np.unique(halves))


def measured(report: ScanReport) -> str | None:
    """Recall and precision against known labels, if the data carry them."""
    known = report.identification
    if known is None:
        return None
    auroc = "undefined" if known.auroc is None else f"{known.auroc:.4f}"
    skipped = f" ({report.poisoned_skipped:,} more were skipped)" if report.poisoned_skipped else ""
    return (
        f"Against {known.poisoned:,} scored rows labelled poisoned{skipped}: "
        f"recall {known.recall:.4f}, precision {known.precision:.4f}, F1 {known.f1:.4f}, "
        f"AUROC {auroc}."
    )


def provenance(report: ScanReport) -> list[tuple[str, str]]:
    """What was scanned and with what, as (name, value) pairs."""
    scanned, options = report.scanned_with, report.options
    encoding = options.encoding
    template = "the model's" if encoding.chat_template is None else "another"
    return [
        ("Data", visible(report.source.label)),
        ("Layout", visible(scanned.layout)),
        ("Detector", options.detector.name),
        (
            "Model",
            f"{visible(scanned.model)} ({options.model.dtype}, {visible(options.model.device)})",
        ),
        ("Model revision", visible(scanned.model_revision)),
        (
            "Encoding",
            f"boundary {encoding.boundary}, targets {encoding.targets}, at most "
            f"{encoding.max_length:,} tokens, {template} chat template",
        ),
        *((name, visible(value)) for name, value in options.detector.settings),
    ]
