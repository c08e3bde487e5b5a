"""Scans in several threads of one process take turns, and leave it as it was."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import warnings
from pathlib import Path

import datasets
import pytest
import torch
from transformers.utils import logging

import gradsentry
from gradsentry import OutputError, ScanOptions, ScanReport

pytestmark = pytest.mark.slow

ROWS = [{"prompt": f"Q{number}: ", "response": "yes " * (1 + number % 9)} for number in range(40)]
# With a data type of its own, loading a model changes torch's default for a while.
OPTIONS = [
    ScanOptions(detector="spectral", batch_tokens=200, model=gradsentry.ModelOptions(dtype=dtype))
    for dtype in ("bfloat16", "float32", "float64", "bfloat16")
]


def state_of_the_process() -> list[object]:
    return [
        sys.stdout,
        sys.stderr,
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.nn.Linear.reset_parameters,
        torch.nn.init.normal_,
        logging.is_progress_bar_enabled(),
        logging.get_verbosity(),
        datasets.are_progress_bars_disabled(),
        list(warnings.filters),
    ]


def in_threads(model: Path, outs: list[Path | None]) -> list[ScanReport | BaseException]:
    found: list[ScanReport | BaseException] = [RuntimeError()] * len(outs)

    def run(number: int) -> None:
        try:
            found[number] = gradsentry.scan(
                ROWS, model=model, options=OPTIONS[number], out=outs[number]
            )
        except BaseException as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(outs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def in_asyncio(model: Path, outs: list[Path | None]) -> list[ScanReport | BaseException]:
    async def run() -> list[ScanReport | BaseException]:
        return await asyncio.gather(
            *(
                asyncio.to_thread(gradsentry.scan, ROWS, model=model, options=options, out=out)
                for options, out in zip(OPTIONS, outs, strict=False)
            ),
            return_exceptions=True,
        )

    return asyncio.run(run())


@pytest.mark.parametrize("run", [in_threads, in_asyncio])
@pytest.mark.parametrize("writes", [False, True])
def test_scans_in_threads_give_what_they_give_alone(
    run: type[in_threads], writes: bool, tiny_folder: Path, tmp_path: Path
) -> None:
    alone = [gradsentry.scan(ROWS, model=tiny_folder, options=options) for options in OPTIONS]
    before = state_of_the_process()
    outs = [tmp_path / f"out-{number}" if writes else None for number in range(len(OPTIONS))]
    found = run(tiny_folder, outs)
    for result, expected in zip(found, alone, strict=True):
        assert isinstance(result, ScanReport), result
        assert (result.scores == expected.scores).all()
    assert state_of_the_process() == before
    for out in outs:
        assert out is None or json.loads((out / "summary.json").read_text())["scored"] == 40
    again = gradsentry.scan(ROWS, model=tiny_folder, options=OPTIONS[0])
    assert (again.scores == alone[0].scores).all()


@pytest.mark.parametrize("run", [in_threads, in_asyncio])
def test_one_of_two_scans_into_one_folder_is_refused(
    run: type[in_threads], tiny_folder: Path, tmp_path: Path
) -> None:
    found = run(tiny_folder, [tmp_path / "out"] * 2)
    assert sorted(type(result).__name__ for result in found) == ["OutputError", "ScanReport"]
    assert any(isinstance(result, OutputError) for result in found)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
