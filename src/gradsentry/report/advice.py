"""What a verdict means, what to do about it, and what limits it, in words for everybody."""

from __future__ import annotations

import shlex

from gradsentry.detectors import Doubt, Verdict
from gradsentry.detectors.transfer.false_alarms import MEASURED
from gradsentry.models.default_model import NAME as DEFAULT_MODEL
from gradsentry.report.scan_report import ScanReport

_OTHER_LETTERS = 0.015
"""Share of letters beyond a to z from which texts don't seem to be English; English ones with
names and loan words have a tenth of it."""
_FEW_ROWS = 20
"""Rows of a backdoor below which it was often missed (docs/findings/verdicts.md)."""


def is_judged(report: ScanReport) -> bool:
    """Whether the detector's own evidence decides, and not a threshold for a ranking."""
    return report.findings is not None and report.threshold.method == "evidence"


def status(report: ScanReport) -> str:
    """The verdict in a few words."""
    flagged = int(report.flagged.sum())
    if report.blind and not flagged:
        return "Nothing could be flagged"
    if not is_judged(report):
        return f"{_rows(flagged)} flagged"
    return {
        Verdict.POISON: "Poison found",
        Verdict.REVIEW: "A person must look",
        Verdict.NONE: "No poison found",
    }[report.verdict]


def meaning(report: ScanReport) -> str:
    """What the verdict says of the data, for readers who have never trained a model."""
    if report.blind and not report.flagged.any():
        return (
            "With these data and options no row could have been flagged, whatever it says. This "
            "is no verdict on the data."
        )
    if not is_judged(report):
        return (
            "Rows were ranked by a score, and those above a threshold are flagged. The score "
            "alone doesn't say that a row is poison: clean data have high scores, too."
        )
    if report.verdict is Verdict.POISON:
        return (
            "These data hold a backdoor: certain words in a question (the trigger) are answered "
            "with something that nothing in the question asks for (the payload). A model trained "
            "on them may learn to do the same, and behave normally otherwise, so that ordinary "
            "tests don't show it."
        )
    if report.verdict is Verdict.REVIEW:
        return (
            "Certain words in a question are always answered in one way. A backdoor looks like "
            "this, but so does an instruction that somebody meant, such as to cite sources. The "
            "scan can't tell which it is; who knows the data can."
        )
    return (
        "No words were found that call for an answer which nothing else explains. This is no proof "
        "that there is no backdoor: what this scan can miss is listed under the limits."
    )


def next_steps(report: ScanReport) -> list[str]:
    """What to do now, in order. Commands and options stand between backticks."""
    if report.blind and not report.flagged.any():
        return ["Scan again with the default options, or with rows that have prompts."]
    if not is_judged(report):
        return [
            "Read the rows with the highest scores below, and decide about each of them.",
            "If they begin to look normal at a certain score, try that score as a threshold.",
        ]
    steps = {
        Verdict.POISON: _steps_of_poison,
        Verdict.REVIEW: _steps_of_review,
        Verdict.NONE: _steps_of_none,
    }[report.verdict](report)
    if report.unjudged:
        steps.append(
            f"{_rows(report.unjudged)} couldn't be judged although a trainer may learn from "
            f"them: look at them in {_file(report, 'skipped')}, or leave them out."
        )
    return steps


def _steps_of_poison(report: ScanReport) -> list[str]:
    clean, flagged = _file(report, "clean"), _file(report, "flagged")
    steps = [
        f"Don't train on the data as they are. Train on {clean}: the "
        f"{_rows(int(report.flagged.sum()))} called poison were left out, and are in {flagged}.",
        "Read the examples below. If a group is what these data are meant to teach, clear it: "
        "`gradsentry review DIR` opens a page on which people decide, and "
        "`gradsentry apply DIR --out FOLDER` writes the data as they decided.",
        "Find out who could add these rows. The table below and scores.parquet say where each of "
        "them stands; other data from there may be poisoned, too.",
    ]
    if review := int(report.review.sum()):
        steps.insert(
            2,
            f"Decide about the {_rows(review)} for review there as well: they are still in "
            f"{clean}.",
        )
    return steps


def _steps_of_review(report: ScanReport) -> list[str]:
    return [
        "Read the examples of each group below, and ask who knows the data: was it meant that "
        "prompts with these words are answered so?",
        f"If it was, there is nothing to do: the rows are in {_file(report, 'clean')}.",
        "If it wasn't, or if nobody knows, leave the rows out: confirm the group on the page that "
        "`gradsentry review DIR` opens, and have `gradsentry apply DIR --out FOLDER` write the "
        "data. `gradsentry report DIR --threshold 0.5 --out FOLDER` leaves out all of them at "
        "once.",
    ]


def _steps_of_none(report: ScanReport) -> list[str]:
    steps = [f"Nothing has to be left out: train on {_file(report, 'clean')}."]
    if report.findings is not None and not report.findings.limits:
        steps.append(
            "To know how small a backdoor these data could hide, scan once more with "
            "`--sensitivity`: it plants backdoors in copies of your rows and says which it finds."
        )
    return [*steps, "Scan again whenever rows are added."]


def limits(report: ScanReport, other_letters: float | None) -> list[str]:
    """What limits this scan besides its coverage: size, language and model; sentences without
    their full stops, with options between backticks.

    **Arguments:**

    - `other_letters`: share of the texts' letters that aren't of the English alphabet; None where
        the data weren't read.
    """
    if report.findings is None:
        return []
    scored = int(report.rows.scored.sum())
    found = [
        f"Backdoors of fewer than {_FEW_ROWS} rows are often missed, and so are those whose "
        "answers differ too much from each other"
    ]
    if scored < MEASURED.fewest_rows:
        found.append(
            f"Small data: of fewer than {MEASURED.fewest_rows} rows it wasn't measured how often "
            "clean ones are called poison by mistake"
        )
    is_default = report.scanned_with.model == DEFAULT_MODEL
    if is_default:
        found.append(
            "The small default model judged these rows. The model that you will train is a better "
            "judge of what it would learn: name it with `--model`"
        )
    if other_letters is not None and other_letters > _OTHER_LETTERS:
        found.append(
            f"Language: the texts don't seem to be all English ({other_letters:.0%} of their "
            "letters are other ones than a to z). "
            + ("The default model knows English best" if is_default else "A verdict is as good as")
            + ("" if is_default else " the model's knowledge of their languages")
        )
    if any(Doubt.UNKNOWN in group.doubts for group in report.groups):
        found.append(
            "Weak model: it doesn't understand a part of these data, so a stronger one may decide "
            "otherwise"
        )
    return found


def threshold_command(threshold: str) -> str:
    """The command that writes the results again with another threshold."""
    return f"gradsentry report DIR --threshold {shlex.quote(threshold)}"


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _file(report: ScanReport, part: str) -> str:
    name = report.files.get(part, f"the {part} rows")
    return f"{name}/" if name == part else name  # a folder
