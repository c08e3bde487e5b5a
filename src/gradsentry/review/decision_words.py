"""What was decided about a row and about its group, in sentences: both are said where both are."""

from __future__ import annotations

from gradsentry.review.decisions import Choice, Decision
from gradsentry.safe_text import visible

_CHOSEN = {Choice.CONFIRMED: "confirmed as poison", Choice.CLEARED: "cleared"}


def tell_decisions(own: Decision | None, of_group: Decision | None) -> list[str]:
    """What holds for a row, a sentence each; none where nobody decided.

    **Arguments:**

    - `own`: about the row by itself, which stands above `of_group`.
    """
    if own is None:
        return [] if of_group is None else [_said(of_group, " with its group")]
    if of_group is None:
        return [_said(own, "")]
    if own.choice is of_group.choice:
        return [_said(own, " by itself"), f"Its group is {_chosen(of_group)}, too{_by(of_group)}"]
    return [
        f"{_said(own, ' by itself')}",
        f"Its group is {_chosen(of_group)}{_by(of_group)}",
        f"What is decided about the row by itself holds: this row is {_chosen(own)}, although its "
        f"group is {_chosen(of_group)}.",
    ]


def tell_decision(decision: Decision) -> str:
    """A decision about a group, or about a row in none."""
    return _said(decision, "")


def _chosen(decision: Decision) -> str:
    return _CHOSEN[decision.choice]


def _said(decision: Decision, how: str) -> str:
    chosen = _chosen(decision)
    return f"{chosen[0].upper()}{chosen[1:]}{how}{_by(decision)}"


def _by(decision: Decision) -> str:
    """Who decided, when and why, as text that hides nothing but its line ends."""
    time = visible(decision.time).replace("T", " ").replace("+00:00", " UTC")
    note = "\n".join(map(visible, decision.note.split("\n")))
    return f" by {visible(decision.reviewer)}, {time}" + (f": {note}" if note else "")
