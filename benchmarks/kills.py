"""Scans on Ray whose processes are killed at random moments: are the results the same bytes?

    python benchmarks/kills.py DATA MODEL [--kind driver|actor|raylet ...] [--kills N] [--seed N]

DATA is a JSONL file of some thousand rows, MODEL a small model's folder. One scan runs undisturbed:
its results are expected, and its time is that in which moments are drawn. Then, for each kind of
process, scans run on two actors until it was killed (SIGKILL) N times. The driver is the process
that is started, an actor has the model, and the raylet is what Ray needs on each machine. A scan
that ends with that is started again by the same command, and may be killed again.

The table says how many kills there were, how many scans were finished and how many of these gave
the expected bytes, how many shards had to be computed again (in all, and the most at one kill:
begun before it and not kept), and the most seconds and lines that a scan took to say that it can't
go on. Below is what lies in the folders for temporary files and of shared memory afterwards.
Processes that outlive their scan are an error, and so is a scan that hangs (Linux).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from engines import digest_of, scan_command
from process_tree import Watched, adopt_orphans, bury_orphans, descendants, kill

ACTORS = 2
KINDS = {"driver": r"^$", "actor": r"^ray::_Actor", "raylet": r"/raylet/raylet "}
_SECONDS_TO_END = 120.0
"""For the children of what was killed: Ray's agents try for a minute to reach a dead head."""
_SECONDS_TO_TELL = 300.0
_ACTOR_KILLS = 3
"""Moments in the time of a scan, which goes on with new actors."""
_HEAD = """\
| killed | times | scans finished | same bytes | shards again | most at once | s to say | lines |
|---|---|---|---|---|---|---|---|"""
_PROBE = """
import os, sys, time
from importlib.util import find_spec

class Probe:  # writes down when the computation of a shard begins
    def find_spec(self, name, path, target=None):
        if name != "gradsentry.work.batch_results":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        load = spec.loader.exec_module

        def load_probed(module):
            load(module)
            stage = module._OfBatches
            compute = stage.__call__

            def probed(self, task, worker, advance):
                with open(os.environ["KILLS_BEGUN"], "a") as file:
                    file.write(f"{time.time()}\\n")
                return compute(self, task, worker, advance)

            stage.__call__ = probed

        spec.loader.exec_module = load_probed
        return spec

sys.meta_path.insert(0, Probe())
"""
"""`sitecustomize` of all processes of a scan."""


@dataclass(frozen=True)
class Place:
    """Where scans run."""

    folder: Path
    command: list[str]
    log: Path

    @property
    def out(self) -> Path:
        """Where results come."""
        return self.folder / "out"

    @property
    def shards(self) -> int:
        """Those that lie there."""
        kept = (self.folder / ".out.gradsentry" / "shards").rglob("*-*")
        return sum(path.suffix != ".part" for path in kept)

    def begun(self, until: float) -> int:
        """Shards whose computation began before a time, in all scans."""
        path = self.folder / "begun"
        return (
            sum(float(line) <= until for line in path.read_text().split()) if path.exists() else 0
        )

    def start(self) -> Watched:
        """The scan."""
        os.environ["KILLS_BEGUN"] = str(self.folder / "begun")
        return Watched(self.command, KINDS, self.log)


@dataclass
class Case:
    """Scans in which one kind of process is killed."""

    kind: str
    place: Place
    expected: str
    shards: int
    seconds: float
    """Of a whole scan."""
    kills: int = 0
    finished: int = 0
    equal: int = 0
    lost: list[int] = field(default_factory=list)
    """Shards, at each kill."""
    told_after: list[float] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    """Lines."""

    def run(self, kills: int) -> None:
        """Scan until it's done, killing meanwhile, but so many times in all at most."""
        place, ended = self.place, 0
        while ended != 0 or self.kills < kills:
            before, begun = place.shards, place.begun(math.inf)
            scan, started = place.start(), time.monotonic()
            first = self.kills
            moment, ended = self._disturb(scan, kills)
            if self.kills == first and not before:
                self.seconds = min(self.seconds, time.monotonic() - started)
            bury(self.kind)
            kept = (self.shards if ended == 0 else place.shards) - before
            if self.kills > first:
                lost = place.begun(moment) - begun - kept
                self.lost.append(-(-lost // (self.kills - first)))
            if ended == 0:
                self.finished += 1
                self.equal += digest_of(place.out) == self.expected
                shutil.rmtree(place.out)

    def _disturb(self, scan: Watched, kills: int) -> tuple[float, int]:
        """Kill what belongs to a scan until it ends, or there were so many; the time until which it
        went on, and the exit code."""
        while self.kills < kills:
            longest = self.seconds / _ACTOR_KILLS if self.kind == "actor" else self.seconds
            ended = scan.wait(random.uniform(0, longest))
            if ended is not None:
                return math.inf, ended
            victims = [scan.process.pid] if self.kind == "driver" else scan.those_of(self.kind)
            if not victims:
                continue  # it isn't there yet, or no more
            size = self.place.log.stat().st_size
            kill(random.choice(victims))
            moment = time.time()
            self.kills += 1
            if self.kind != "actor":
                ended = self._ended(scan)
                self.told_after.append(time.time() - moment)
                self.said.append(self.place.log.read_bytes()[size:].count(b"\n"))
                return moment, ended
        return math.inf, self._ended(scan)

    def _ended(self, scan: Watched) -> int:
        ended = scan.wait(_SECONDS_TO_TELL)
        if ended is None:
            sys.exit(f"A scan hangs ({self.kind} killed); see {self.place.log}")
        return ended

    def row(self) -> str:
        """Of the table."""
        told = f"{max(self.told_after):.1f} | {max(self.said)}" if self.kind == "raylet" else "|"
        return (
            f"| {self.kind} | {self.kills} | {self.finished} | {self.equal} | {sum(self.lost)} | "
            f"{max(self.lost)} | {told} |"
        )


def bury(kind: str) -> None:
    """Wait until all that a scan had started has ended.

    **Raises:**

    `SystemExit` if it doesn't.
    """
    deadline = time.monotonic() + _SECONDS_TO_END
    while left := descendants(os.getpid()):
        bury_orphans()
        if time.monotonic() > deadline:
            sys.exit(f"Processes are left after a {kind} was killed: {left}")
        time.sleep(0.2)
    bury_orphans()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("model")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, default=Path("kills.log"), help="what scans say")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    adopt_orphans()
    shared = Path("/dev/shm")
    before = set(shared.iterdir())
    with tempfile.TemporaryDirectory(prefix="k-") as name:
        folder, temporary = Path(name), Path(name) / "t"
        temporary.mkdir()
        (folder / "sitecustomize.py").write_text(_PROBE)
        paths = [name, os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        os.environ["TMPDIR"] = str(temporary)
        more = "--engine", "ray", "--workers", str(ACTORS)
        command = scan_command(arguments.data, arguments.model, folder / "out", *more)
        place = Place(folder, command, arguments.log)
        started = time.monotonic()
        if place.start().wait():
            sys.exit(f"The scan failed; see {place.log}")
        seconds, shards = time.monotonic() - started, place.begun(math.inf)
        bury("nothing")
        expected = digest_of(place.out)
        shutil.rmtree(place.out)
        print(f"Undisturbed: {seconds:.0f} s, {shards} shards, results {expected}.\n")
        print(_HEAD, flush=True)
        for kind in arguments.kind:
            case = Case(kind, place, expected, shards, seconds)
            case.run(arguments.kills)
            print(case.row(), flush=True)
        left = [*temporary.iterdir(), *set(shared.iterdir()) - before]
        left = [path for path in left if not path.name.startswith("torchinductor_")]  # a cache
        print("\nLeft:", ", ".join(map(str, left)) or "nothing")


if __name__ == "__main__":
    main()
