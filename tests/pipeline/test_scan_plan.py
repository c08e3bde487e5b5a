"""The mathematics of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradsentry.pipeline.planning import cpu_share
from gradsentry.pipeline.scan_plan import Machine, ModelSize, plan_scan
from gradsentry.records.row_sample import Drawn
from gradsentry.work.data_look import DataLook, Estimate

SEVEN = ModelSize(
    weights=6_738_000_000,
    body=6_476_000_000,
    hidden=4096,
    intermediate=11008,
    vocabulary=32000,
    bytes_a_weight=2,
)
CARD = Machine(
    name="H200",
    rate=750e12,
    share=0.4,
    devices=8,
    workers=8,
    batch_tokens=16384,
    device_memory=141e9,
)


def look_of(rows: float) -> DataLook:
    return DataLook(
        drawn=Drawn.SPREAD,
        sampled_rows=4000,
        rows=Estimate(rows, 0.9 * rows, 1.1 * rows),
        tokens=Estimate(300 * rows, 280 * rows, 320 * rows),
        targets=150 * rows,
        cut_rows=Estimate.exactly(0),
        scored_rows=rows,
        skipped_rows=0,
        distinct=0.9,
        computed=0.8,
        target_kinds=20_000,
        content_bytes=1200 * rows,
        example_bytes=1100 * rows,
        words=60 * rows,
        encoding_seconds=1e-3 * rows,
    )


MANY = 10_000_000


def test_twice_the_rows_take_twice_the_hours_of_all_that_is_not_bounded() -> None:
    one, two = (plan_scan(look_of(rows), SEVEN, CARD) for rows in (MANY, 2 * MANY))
    for part in ("texts", "body", "head", "driver"):
        once, twice = getattr(one.hours, part), getattr(two.hours, part)
        assert twice == pytest.approx(2 * once, rel=0.01), part
    assert two.hours.fitting == one.hours.fitting
    assert two.hours.evidence == pytest.approx(one.hours.evidence)
    assert two.disk.token_ids == pytest.approx(2 * one.disk.token_ids)


@pytest.mark.parametrize("devices", [2, 8, 64])
def test_more_gpus_take_fewer_hours(devices: int) -> None:
    one = plan_scan(look_of(MANY), SEVEN, replace(CARD, devices=1, workers=1))
    many = plan_scan(look_of(MANY), SEVEN, replace(CARD, devices=devices, workers=devices))
    assert many.hours.body == pytest.approx(one.hours.body / devices)
    assert many.hours.total < one.hours.total
    assert many.hours.driver == one.hours.driver


def test_workers_without_a_gpu_of_their_own_compute_no_faster() -> None:
    one = plan_scan(look_of(MANY), SEVEN, replace(CARD, devices=1, workers=1))
    two = plan_scan(look_of(MANY), SEVEN, replace(CARD, devices=1, workers=2))
    assert two.hours.body == one.hours.body


def test_cards_without_a_worker_do_nothing() -> None:
    few = plan_scan(look_of(MANY), SEVEN, replace(CARD, devices=8, workers=2))
    assert few.hours.body == plan_scan(look_of(MANY), SEVEN, replace(CARD, workers=2)).hours.body
    assert few.hours.body > plan_scan(look_of(MANY), SEVEN, CARD).hours.body


def test_the_interval_of_hours_is_that_of_tokens() -> None:
    hours = plan_scan(look_of(MANY), SEVEN, CARD).hours_of_all
    assert hours.low < hours.value < hours.high


def test_a_model_that_is_too_large_for_its_card_is_told() -> None:
    small = replace(CARD, device_memory=10e9)
    assert plan_scan(look_of(MANY), SEVEN, CARD).memory.fits
    assert plan_scan(look_of(MANY), SEVEN, small).memory.fits is False
    # Many workers share a card's memory.
    crowded = replace(CARD, devices=1, workers=16)
    assert plan_scan(look_of(MANY), SEVEN, crowded).memory.fits is False


def test_a_7b_model_takes_the_memory_that_was_measured() -> None:
    memory = plan_scan(look_of(3_401), SEVEN, CARD).memory
    assert memory.worker == pytest.approx(16_229e6, rel=0.05)


def test_passes_over_memory_cost_a_fast_processor_more_of_its_rate() -> None:
    assert cpu_share(2.16e12, 2, 576) == pytest.approx(0.30, abs=0.005)  # as measured
    assert cpu_share(0.2e12, 1, 576) > 0.6
    assert cpu_share(2.16e12, 2, 4096) > cpu_share(2.16e12, 2, 576)


def test_nothing_is_divided_by_nothing() -> None:
    plan = plan_scan(look_of(0), SEVEN, CARD)
    assert plan.hours.body == 0
    assert plan.hours_of_all.value == plan.hours.total


def test_few_targets_take_as_many_steps_as_a_correction_has() -> None:
    few, fewer = (plan_scan(look_of(rows), SEVEN, CARD).hours.fitting for rows in (100, 200))
    assert few == fewer > 0
