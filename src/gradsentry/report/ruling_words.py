"""What people ruled, in words."""

from __future__ import annotations

from gradsentry.report.rulings import NOT_RULED, RULINGS, GroupRuling, Ruling, Rulings
from gradsentry.safe_text import quoted, visible

_NOTE = 300
_BY_A_PERSON = {Ruling.CONFIRMED: "confirmed", Ruling.CLEARED: "cleared"}
_KINDS = {
    Ruling.CONFIRMED: "Confirmed as poison",
    Ruling.CLEARED: "Cleared",
    Ruling.ACCEPTED: "Known and accepted",
    Ruling.NEW: "New",
}


def kind_of(ruling: GroupRuling) -> str:
    """What a group is called because of a person."""
    return _KINDS[ruling.ruling]


def tell_group(ruling: GroupRuling) -> str:
    """Who ruled about a group, when and why, and which of its rows that leaves out."""
    verb = "confirmed" if ruling.ruling is Ruling.CONFIRMED else "cleared"
    told = f"{visible(ruling.reviewer)} {verb} this on {visible(ruling.time[:10])}"
    if ruling.note:
        told += f": {quoted(ruling.note, _NOTE)}"
    if ruling.new_rows:
        told += f". {_rows(ruling.new_rows)} that the baseline doesn't know: judged as without it"
    return told


def tell_row(rulings: Rulings | None, row: int, group: int | None) -> str | None:
    """What people ruled about a row, and about its group where that is something else; None where
    nobody did.

    **Arguments:**

    - `group`: index of its group.
    """
    code = NOT_RULED if rulings is None else int(rulings.rows[row])
    if rulings is None or code == NOT_RULED:
        return None
    ruling = RULINGS[code]
    if ruling is Ruling.ACCEPTED:
        return "The baseline knows and accepts it."
    if ruling is Ruling.NEW:
        return "The baseline accepts its group, but doesn't know this row."
    so = "It is poison" if ruling is Ruling.CONFIRMED else "It is clean"
    of_group = None if group is None else rulings.groups.get(group)
    if of_group is None:
        return f"{so}: a person {_BY_A_PERSON[ruling]} this row by itself."
    if of_group.ruling is ruling:
        return f"{so}: a person {_BY_A_PERSON[ruling]} its group."
    against = _KINDS[of_group.ruling].lower()
    return (
        f"{so}: a person {_BY_A_PERSON[ruling]} this row by itself, and that stands above its "
        f"group, which is {against}."
    )


def tell_rulings(rulings: Rulings | None) -> list[str]:
    """A sentence on what people decided about the data; none where nobody did."""
    if rulings is None:
        return []
    found = []
    confirmed, cleared = rulings.count(Ruling.CONFIRMED), rulings.count(Ruling.CLEARED)
    if confirmed or cleared:
        who = ", ".join(map(visible, rulings.reviewers))
        first, last = (visible((time or "")[:10]) for time in (rulings.first, rulings.last))
        when = f"on {first}" if first == last else f"between {first} and {last}"
        found.append(
            f"A person decided ({who}, {when}): {_rows(confirmed)} confirmed as poison, "
            f"{_rows(cleared)} cleared; {_rows(rulings.row_decisions)} of these by themselves."
        )
    accepted, new = rulings.count(Ruling.ACCEPTED), rulings.count(Ruling.NEW)
    if accepted or new:
        found.append(
            f"Known and accepted by the baseline: {_rows(accepted)}. New rows in accepted "
            f"groups, judged as without a baseline: {new:,}."
        )
    return found


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
