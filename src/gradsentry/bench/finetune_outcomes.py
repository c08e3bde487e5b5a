"""What tuned models answered, one JSON file each, which cells share."""

from __future__ import annotations

from pathlib import Path

from gradsentry.bench.results import Result, read_result


def outcome_path(out: Path, name: str) -> Path:
    """Where the outcome of a name lies."""
    return out / "outcomes" / f"{name}.json"


def with_outcomes(result: Result, out: Path) -> Result | None:
    """A cell's result with its outcomes, if both of them are there."""
    clean, triggered = (
        read_result(outcome_path(out, result[asked])) for asked in ("clean", "triggered")
    )
    if clean is None or triggered is None:
        return None
    answers = [*clean["answers"], *triggered["answers"]]
    return {**triggered, **clean, **result, "answers": answers}
