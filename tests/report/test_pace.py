"""How long a step will still take."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.report.pace import Pace, time_left


def test_a_steady_step_ends_when_it_should() -> None:
    pace = Pace(1000, 100.0)
    for second in range(1, 11):
        pace.advance(10, 100.0 + second)
    assert pace.seconds_left(110.0) == pytest.approx(90.0)


def test_what_went_before_counts_no_more_after_a_while() -> None:
    pace = Pace(100_000, 0.0)
    pace.advance(50_000, 1.0)  # an interrupted scan had done them
    for second in range(2, 200):
        pace.advance(10, float(second))
    left = pace.seconds_left(199.0)
    assert left == pytest.approx((50_000 - 1980) / 10, rel=0.05)


def test_nothing_is_said_too_early_or_of_what_has_no_end() -> None:
    pace = Pace(100, 0.0)
    assert pace.seconds_left(50.0) is None
    pace.advance(1, 1.0)
    assert pace.seconds_left(1.0) is None
    endless = Pace(None, 0.0)
    endless.advance(5, 10.0)
    assert endless.seconds_left(20.0) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 100)), max_size=30))
def test_no_time_is_negative(steps: list[tuple[int, float]]) -> None:
    pace, now = Pace(100, 0.0), 0.0
    for done, seconds in steps:
        now += seconds
        pace.advance(done, now)
        left = pace.seconds_left(now)
        assert left is None or left >= 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "about 10 s left, step done 14:28"),
        (38, "about 40 s left, step done 14:28"),
        (240, "about 4 min left, step done 14:32"),
        (3600, "about 1 h left, step done 15:28"),
        (9000, "about 2 h 30 min left, step done 16:58"),
        (36_000, "about 10 h left, step done 00:28 tomorrow"),
        (200_000, "about 2 days left, step done 22:01 on 2026-03-03"),
    ],
)
def test_a_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert time_left(seconds, datetime(2026, 3, 1, 14, 28)) == said
