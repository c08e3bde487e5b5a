"""Engines: the same bytes wherever a scan runs, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gradsentry
from gradsentry import EngineOptions, InputError, LanguageModel, OptionError, ScanOptions
from gradsentry.work.progress import Silent
from tests.pipeline.test_damaged_work import results_of, write_rows

pytestmark = pytest.mark.slow

HERE = EngineOptions()
TWO = EngineOptions(workers=2)
RAY = EngineOptions(kind="ray", workers=2)  # type: ignore[arg-type]
ENGINES = pytest.mark.parametrize("engine", [TWO, RAY], ids=["processes", "ray"])


def options(detector: str, engine: EngineOptions = HERE) -> ScanOptions:
    few = {"fit_tokens": 1500} if detector == "transfer" else {}
    own = gradsentry.make_detector(detector, **few)
    return ScanOptions(detector=own, batch_tokens=400, engine=engine)


def results(out: Path) -> dict[str, object]:
    """What a scan wrote, but for when and where it ran."""
    found = results_of(out)
    del found["config.yaml"]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    return write_rows(folder / "data.jsonl", 200)


@pytest.fixture(scope="module")
def expected(folder: Path, data: Path, tiny_folder: Path) -> dict[str, dict[str, object]]:
    found = {}
    for detector in ("transfer", "spectral"):
        out = folder / detector
        gradsentry.scan(data, model=tiny_folder, options=options(detector), out=out)
        found[detector] = results(out)
    return found


@ENGINES
@pytest.mark.parametrize("detector", ["transfer", "spectral"])
def test_every_engine_gives_the_same_bytes(
    data: Path,
    tiny_folder: Path,
    tmp_path: Path,
    expected: dict[str, dict[str, object]],
    detector: str,
    engine: EngineOptions,
) -> None:
    out = tmp_path / "out"
    gradsentry.scan(data, model=tiny_folder, options=options(detector, engine), out=out)
    assert results(out) == expected[detector]


class Killing(Silent):
    """Kills a worker of this process when some rows are scored."""

    def __init__(self, name: str) -> None:
        self.name, self.killed, self.scoring = name, 0, False

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        self.scoring = name.startswith("Scoring")

    def advance(self, done: int) -> None:
        if self.scoring and not self.killed:
            for number in processes(self.name):
                os.kill(number, signal.SIGKILL)
                self.killed = number
                return


def processes(name: str) -> Iterator[int]:
    """Running processes by what their command lines begin with."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(name.encode()):
                yield int(path.parent.name)
        except OSError:
            continue


def test_an_actor_that_dies_is_started_again(
    data: Path, tiny_folder: Path, tmp_path: Path, expected: dict[str, dict[str, object]]
) -> None:
    out, killing = tmp_path / "out", Killing("ray::_Actor")
    gradsentry.scan(
        data, model=tiny_folder, options=options("transfer", RAY), out=out, progress=killing
    )
    assert killing.killed
    assert results(out) == expected["transfer"]


class Interrupting(Silent):
    """Stops when some rows are scored."""

    def __init__(self, after: int) -> None:
        self.left, self.scoring = after, False
        self.notes: list[str] = []

    def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
        self.scoring = name.startswith("Scoring")

    def advance(self, done: int) -> None:
        self.left -= done * self.scoring
        if self.left <= 0:
            raise KeyboardInterrupt

    def note(self, line: str) -> None:
        self.notes.append(line)


@ENGINES
def test_what_one_engine_began_another_goes_on_with(
    data: Path,
    tiny_folder: Path,
    tmp_path: Path,
    expected: dict[str, dict[str, object]],
    engine: EngineOptions,
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        gradsentry.scan(
            data,
            model=tiny_folder,
            options=options("transfer", engine),
            out=out,
            progress=Interrupting(100),
        )
    told = Interrupting(10**9)
    gradsentry.scan(data, model=tiny_folder, options=options("transfer"), out=out, progress=told)
    assert any("Going on" in line for line in told.notes)
    assert results(out) == expected["transfer"]


@ENGINES
def test_what_is_wrong_in_a_worker_is_told_as_it_would_be_here(
    tiny_folder: Path, engine: EngineOptions
) -> None:
    rows = [{"prompt": "a", "response": "b"}, {"prompt": 3, "response": "b"}]
    told = []
    for own in (HERE, engine):
        with pytest.raises(InputError) as caught:
            gradsentry.scan(rows, model=tiny_folder, options=options("spectral", own))
        told.append(str(caught.value))
    assert told[0] == told[1]


@ENGINES
def test_a_model_in_memory_stays_in_its_process(
    data: Path, tiny: LanguageModel, engine: EngineOptions
) -> None:
    with pytest.raises(OptionError, match="in memory"):
        gradsentry.scan(data, model=tiny, options=options("spectral", engine))


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_workers_import_nothing_from_the_datas_folder(
    data: Path, tiny_folder: Path, tmp_path: Path, engine: str
) -> None:
    for name in ("multiprocessing", "numpy", "torch", "sitecustomize", "msgpack", "gradsentry"):
        code = "from pathlib import Path\nPath('ran').touch()\n"
        (tmp_path / f"{name}.py").write_text(code.replace("ran", str(tmp_path / "ran")))
    script = Path(sys.executable).parent / "gradsentry"
    command = [str(script), "scan", str(data), "-m", str(tiny_folder)]
    command += ["--detector", "spectral", "--engine", engine, "--workers", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_options_of_a_cluster_are_for_ray() -> None:
    with pytest.raises(OptionError, match="for the engine ray"):
        EngineOptions(address="auto")
