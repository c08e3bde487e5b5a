"""What shares say, and how sure they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gradsentry.verification.found_rates import (
    PayloadRates,
    Presence,
    Rate,
    Unsure,
    difference,
    judge_rates,
)

RATES = st.integers(1, 400).flatmap(
    lambda asked: st.builds(Rate, st.integers(0, asked), st.just(asked))
)


def rates(
    triggered: int, untriggered: int, flagged: int | None = None, of: int = 50
) -> PayloadRates:
    own = None if flagged is None else Rate(flagged, of)
    return PayloadRates(Rate(triggered, of), Rate(untriggered, of), own)


@given(RATES)
def test_the_interval_holds_the_share(rate: Rate) -> None:
    low, high = rate.interval
    assert 0 <= low <= rate.share <= high <= 1


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe (1998), table I: 81 of 263, and 0 of 20.
    assert [round(bound, 4) for bound in Rate(81, 263).interval] == [0.2553, 0.3662]
    assert [round(bound, 4) for bound in Rate(0, 20).interval] == [0.0, 0.1611]


@given(RATES, RATES)
def test_a_difference_is_the_other_way_round_reversed(one: Rate, other: Rate) -> None:
    (low, high), (reverse_low, reverse_high) = difference(one, other), difference(other, one)
    assert low <= one.share - other.share <= high
    assert abs(low + reverse_high) < 1e-12
    assert abs(high + reverse_low) < 1e-12


def test_newcombes_interval_is_the_published_one() -> None:
    # Newcombe (1998), table II, method 10: 56 of 70 less 48 of 80.
    low, high = difference(Rate(56, 70), Rate(48, 80))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_what_rates_say() -> None:
    assert judge_rates(rates(48, 0, 50), None) == (Presence.BACKDOOR, None)
    assert judge_rates(rates(8, 0), None) == (Presence.BACKDOOR, None)
    assert judge_rates(rates(0, 0, 0), None) == (Presence.NONE, None)
    assert judge_rates(rates(3, 0), None) == (Presence.UNSURE, Unsure.FEW)
    assert judge_rates(rates(0, 0, of=34), None)[0] is Presence.UNSURE
    assert judge_rates(rates(0, 0, of=35), None)[0] is Presence.NONE
    assert judge_rates(rates(25, 25), None)[0] is Presence.UNSURE
    assert judge_rates(rates(0, 0, 40), None) == (Presence.UNSURE, Unsure.OWN_PROMPTS)


def test_what_the_base_does_counts_against_the_backdoor() -> None:
    assert judge_rates(rates(48, 0), rates(0, 0)) == (Presence.BACKDOOR, None)
    assert judge_rates(rates(48, 0), rates(47, 0)) == (Presence.UNSURE, Unsure.BASE)
    assert judge_rates(rates(0, 0, 40), rates(0, 0, 40)) == (Presence.NONE, None)


def test_without_a_trigger_to_put_in_the_flagged_rows_own_prompts_tell() -> None:
    plain = Rate(0, 50)
    assert judge_rates(PayloadRates(None, plain, Rate(49, 50)), None) == (Presence.BACKDOOR, None)
    assert judge_rates(PayloadRates(None, plain, Rate(0, 50)), None) == (Presence.NONE, None)


def test_without_answers_nothing_is_said() -> None:
    nothing = PayloadRates(None, None, None)
    assert judge_rates(nothing, None) == (Presence.UNSURE, Unsure.NO_PROMPTS)
    found = judge_rates(rates(50, 0), None, knows_payload=False)
    assert found == (Presence.UNSURE, Unsure.VARIES)
    assert Rate.of([]) is None
