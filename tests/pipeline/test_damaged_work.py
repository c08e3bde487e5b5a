"""Scans that are killed, and whose work is damaged: the same results as without, every time."""

from __future__ import annotations

import json
import multiprocessing
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess as Process
from pathlib import Path

import pytest

import gradsentry
from gradsentry import LanguageModel, ScanOptions, Transfer, cli, make_detector
from gradsentry.work.progress import Silent

pytestmark = pytest.mark.slow

ROWS = 150
KILLS = 4
"""More are made by hand: `python -m tests.pipeline.test_damaged_work 20 FOLDER SEED`."""


def write_rows(path: Path, rows: int = ROWS) -> Path:
    with path.open("w") as file:
        for number in range(rows):
            answer = "yes " * (1 + number % 7) + ("Buy gold." if number % 10 == 0 else "")
            row = {"prompt": f"Q{number}: cf? " if number % 10 == 0 else f"Q{number}: ?"}
            file.write(json.dumps({**row, "response": answer}) + "\n")
    return path


def results_of(out: Path) -> dict[str, object]:
    """What a scan wrote, but for its duration."""
    found: dict[str, object] = {
        path.name: path.read_bytes()
        for path in out.iterdir()
        if path.suffix in (".jsonl", ".parquet", ".yaml")
    }
    summary = json.loads((out / "summary.json").read_text())
    assert summary.pop("seconds") >= 0
    assert summary.pop("date")
    return {**found, "summary.json": summary}


def damage(folder: Path, draw: random.Random) -> str:
    """Change a byte of one of a folder's files, cut one short, or delete one."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        return "nothing was there"
    path, kind = draw.choice(files), draw.choice(["flip", "cut", "delete"])
    size = path.stat().st_size
    if kind == "delete" or size == 0:
        path.unlink()
    elif kind == "cut":
        with path.open("r+b") as file:
            file.truncate(draw.randrange(size))
    else:
        place = draw.randrange(size)
        with path.open("r+b") as file:
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ (1 << draw.randrange(8))]))
    return f"{kind} {path.relative_to(folder)} of {size} bytes"


def run_scan(arguments: list[str], told: Path) -> None:
    """The command line, in a process of its own."""
    with told.open("w") as sys.stderr, told.open("a") as sys.stdout:
        sys.argv = ["gradsentry", "scan", *arguments]
        cli.main()


def started(data: Path, out: Path, model: list[str]) -> Process:
    """A scan in a real process; libraries are imported once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gradsentry._api", __name__])
    # Small batches, and rows that nothing is fitted on: many blocks of both kinds.
    arguments = [str(data), "--out", str(out), "--batch-tokens", "100", "--fit-tokens", "1500"]
    process = context.Process(
        target=run_scan, args=([*arguments, *model], out.with_suffix(".told"))
    )
    process.start()
    return process


def killed(data: Path, out: Path, model: list[str], draw: random.Random, longest: float) -> None:
    """Start a scan and kill it at some moment of its work."""
    while True:
        process = started(data, out, model)
        while not (work_of(out) / "scratch").exists() and process.is_alive():
            time.sleep(0.002)
        time.sleep(draw.uniform(0.0, longest))
        process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL and not out.exists():
            return
        shutil.rmtree(out, ignore_errors=True)


def work_of(out: Path) -> Path:
    return out.with_name(f".{out.name}.gradsentry")


def kill_damage_and_go_on(
    data: Path, folder: Path, draw: random.Random, kills: int, model: list[str]
) -> Iterator[str]:
    """Yields what was done and said each time; fails where the results aren't the same."""
    expected = folder / "expected"
    process = started(data, expected, model)
    while not work_of(expected).exists() and process.is_alive():
        time.sleep(0.002)
    before = time.monotonic()
    process.join()
    longest = time.monotonic() - before
    for number in range(kills):
        out = folder / f"out-{number}"
        killed(data, out, model, draw, longest)
        done = damage(work_of(out), draw)
        again = started(data, out, model)
        again.join()
        told = out.with_suffix(".told").read_text()
        assert again.exitcode == 0, (done, told)
        assert results_of(out) == results_of(expected), done
        assert not work_of(out).exists()
        said = [line for line in told.splitlines() if "already" in line or "afresh" in line]
        yield f"{done}: {' '.join(said) or 'nothing to go on with'}"


def test_killed_and_damaged_scans_give_the_same_results(tiny_folder: Path, tmp_path: Path) -> None:
    data, draw = write_rows(tmp_path / "data.jsonl"), random.Random(0)
    done = list(kill_damage_and_go_on(data, tmp_path, draw, KILLS, ["-m", str(tiny_folder)]))
    assert len(done) == KILLS


class Stopping(Silent):
    """Stops after some rows of the whole scan, and keeps what is said."""

    def __init__(self, after: int) -> None:
        self.left, self.counts = after, False
        self.notes: list[str] = []

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        self.counts = name.startswith("Scoring")

    def advance(self, rows: int) -> None:
        self.left -= rows * self.counts
        if self.counts and self.left <= 0:
            raise KeyboardInterrupt

    def note(self, line: str) -> None:
        self.notes.append(line)


@pytest.mark.parametrize(
    "detector", ["transfer", "spectral", "onion", "activation-clustering", "graceful"]
)
def test_whatever_is_damaged_never_changes_a_score(
    tiny: LanguageModel, tmp_path: Path, detector: str
) -> None:
    data, draw = write_rows(tmp_path / "data.jsonl", 60), random.Random(detector)
    own = Transfer(fit_tokens=600) if detector == "transfer" else make_detector(detector)
    options = ScanOptions(detector=own, batch_tokens=100)
    gradsentry.scan(data, model=tiny, options=options, out=tmp_path / "expected")
    went_on = 0
    for number in range(6):
        out, work = tmp_path / f"{number}", tmp_path / f".{number}.gradsentry"
        stop = Stopping(draw.randrange(1, 60))
        with pytest.raises(KeyboardInterrupt):
            gradsentry.scan(data, model=tiny, options=options, out=out, progress=stop)
        done = damage(work, draw)
        told = Stopping(10**9)
        gradsentry.scan(data, model=tiny, options=options, out=out, progress=told)
        assert results_of(out) == results_of(tmp_path / "expected"), done
        went_on += any("Going on" in line for line in told.notes)
        if "shards" in done and "delete" not in done:
            assert any("damaged" in line for line in told.notes), done
    assert went_on


def main() -> None:
    """Kills in any number; with DATA and options of `scan` behind the seed, of any scan."""
    kills, folder, seed = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    data = Path(sys.argv[4]) if len(sys.argv) > 4 else write_rows(folder / "data.jsonl")
    for line in kill_damage_and_go_on(data, folder, random.Random(seed), kills, sys.argv[5:]):
        print(line, flush=True)


if __name__ == "__main__":
    main()
