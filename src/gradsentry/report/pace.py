"""How long a step of a scan will still take, from how fast it went of late."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

_WINDOW = 60.0
"""Seconds that are looked back upon: rows are computed by length, so early ones tell little."""
_LEAST = 5.0
"""Seconds before anything is said."""


class Pace:
    """The units of a step that were done, and when."""

    def __init__(self, total: int | None, now: float) -> None:
        """A step of so many units, if that is known, begins at a time in seconds."""
        self._total = total
        self._done = 0
        self._begun = now
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])

    def advance(self, done: int, now: float) -> None:
        """So many more units are done."""
        self._done += done
        self._marks.append((now, self._done))
        while len(self._marks) > 2 and self._marks[1][0] <= now - _WINDOW:
            self._marks.popleft()

    def seconds_left(self, now: float) -> float | None:
        """None as long as nobody can tell."""
        (since, before), (_, done) = self._marks[0], self._marks[-1]
        if self._total is None or now - self._begun < _LEAST or done <= before:
            return None
        return max(0.0, (self._total - done) * (now - since) / (done - before))


def time_left(seconds: float, now: datetime) -> str:
    """What is left of a step, as a person says it, and the time of day that it ends at."""
    end = now + timedelta(seconds=seconds)
    days = (end.date() - now.date()).days
    day = "" if not days else " tomorrow" if days == 1 else f" on {end:%Y-%m-%d}"
    return f"about {_duration(seconds)} left, step done {end:%H:%M}{day}"


def _duration(seconds: float) -> str:
    """Rounded to what the estimate is worth."""
    if seconds < 50:
        return f"{max(10, round(seconds, -1)):.0f} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 10:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(minutes / 60)} h" if hours < 48 else f"{round(minutes / 1440)} days"
