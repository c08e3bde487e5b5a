"""Engines: the same bytes wherever a scan runs, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import gradsentry
from gradsentry import (
    EngineOptions,
    InputError,
    LanguageModel,
    OptionError,
    ScanOptions,
    load_model,
)
from gradsentry.pipeline.engines import open_engine
from gradsentry.pipeline.scanning import resolve_options
from gradsentry.work.engine import Advance, Worker
from gradsentry.work.process_engine import TASKS_PER_WORKER
from gradsentry.work.progress import Silent
from gradsentry.work.workspace import open_workspace
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


def processes(name: str) -> list[int]:
    """Running processes below this one, by what their command lines begin with, or run."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = path.read_text(errors="replace").rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(path.parent.name))
    below, waiting = [], [os.getpid()]
    while waiting:
        own = children.get(waiting.pop(), [])
        below += own
        waiting += own
    return [number for number in below if _is_called(number, name)]


def _is_called(process: int, name: str) -> bool:
    try:
        line = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return False
    return line.startswith(name) or line.endswith(f"/{name}")


def test_an_actor_that_dies_is_started_again(
    data: Path, tiny_folder: Path, tmp_path: Path, expected: dict[str, dict[str, object]]
) -> None:
    out, killing = tmp_path / "out", Killing("ray::_Actor")
    gradsentry.scan(
        data, model=tiny_folder, options=options("transfer", RAY), out=out, progress=killing
    )
    assert killing.killed
    assert results(out) == expected["transfer"]


def test_after_a_cluster_died_the_same_command_goes_on(
    data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    """In a process of its own, which Ray may end before it can say anything."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "gradsentry", "scan", str(data), "-m", str(tiny_folder)]
    command += ["--batch-tokens", "400", "--fit-tokens", "1500", "--out"]
    process = [*command, str(out), "--engine", "ray", "--workers", "2"]
    with subprocess.Popen(process, stderr=subprocess.PIPE, text=True) as scan:
        assert scan.stderr is not None
        for line in scan.stderr:
            if line.startswith("Scoring"):
                break
        (raylet,) = processes("raylet")
        os.kill(raylet, signal.SIGKILL)
        said = scan.stderr.read()
    assert "Traceback" not in said
    wait_until(lambda: processes("ray::_Actor") == [])
    for folder in (out, tmp_path / "undisturbed"):
        subprocess.run([*command, str(folder), "--force"], check=True, capture_output=True)
    assert results(out) == results(tmp_path / "undisturbed")


def test_processes_end_with_a_scan_that_is_killed(
    data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "gradsentry", "scan", str(data), "-m", str(tiny_folder)]
    command += ["--workers", "2", "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as scan:
        assert scan.stderr is not None
        for line in scan.stderr:
            if line.startswith("Scoring"):
                break
        workers = [number for number in processes("") if _is_worker(number)]
        scan.kill()
    assert workers
    wait_until(lambda: not any(map(_is_worker, workers)))


def _is_worker(process: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    """Fails where it takes a minute."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@dataclass(frozen=True)
class FirstWaits:
    """Computes all tasks but the first, which waits until the others' results were kept."""

    folder: Path
    count: int

    def __call__(self, task: int, worker: Worker, advance: Advance) -> int:
        if task == 0:
            wait_until(lambda: len(list(self.folder.iterdir())) >= self.count)
        advance(1)
        return task


@ENGINES
def test_results_are_kept_while_an_earlier_one_is_under_way(
    tiny_folder: Path, tmp_path: Path, engine: EngineOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = str(Path(__file__).parents[2])  # where workers find the stage
    paths = [here, os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    model, kept = load_model(tiny_folder), tmp_path / "kept"
    kept.mkdir()
    count = 12
    asked = resolve_options(options("spectral", engine), model, Silent())
    with (
        open_workspace(None, False, []) as space,
        open_engine(asked, tiny_folder, model, space) as opened,
    ):
        others = count - TASKS_PER_WORKER  # a worker may have been given more than the first
        stage = FirstWaits(kept, others)
        found = []
        for number, result in opened.map_as_done(stage, range(count), [].append):
            assert number == result
            (kept / str(number)).touch()
            found.append(number)
        assert sorted(found) == list(range(count))
        assert 0 not in found[:others]
        assert list(opened.map(stage, range(count), [].append)) == list(range(count))


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
