"""Nothing that isn't GradSentry's own is ever worked in, replaced or deleted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest

import gradsentry
from gradsentry import InputError, LanguageModel, OutputError, ScanOptions
from gradsentry.attacks.poisoned_files import write_poisoned
from gradsentry.work.ownership import SUMS, foreign_part
from gradsentry.work.work_folder import mark_of

ROWS = [{"prompt": f"Q{number}: ", "response": "yes " * (1 + number % 5)} for number in range(20)]
QUICK = ScanOptions(detector="length")


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): os.fsencode(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture
def out(data: Path, tiny: LanguageModel, tmp_path: Path) -> Path:
    """Results of a scan."""
    gradsentry.scan(data, model=tiny, options=QUICK, out=tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize("there", ["notes.txt", "shards/mine", "lock", "scratch/mine"])
def test_a_users_folder_of_the_work_folders_name_is_left_alone(
    data: Path, tiny: LanguageModel, tmp_path: Path, there: str
) -> None:
    own = tmp_path / ".out.gradsentry" / there
    own.parent.mkdir(parents=True)
    own.write_text("precious")
    for _ in range(2):
        with pytest.raises(OutputError, match="no scan of yours made this folder"):
            gradsentry.scan(data, model=tiny, options=QUICK, out=tmp_path / "out")
    assert everything_in(own.parents[there.count("/")]) == {there: b"precious"}
    assert not (tmp_path / "out").exists()


def test_data_in_the_work_folder_are_left_alone(tiny: LanguageModel, tmp_path: Path) -> None:
    work = tmp_path / ".out.gradsentry"
    work.mkdir()
    data = work / "data.jsonl"
    data.write_text(json.dumps(ROWS[0]) + "\n")
    mark_of(work).mkdir()  # whoever made it
    with pytest.raises(OutputError, match="lies in the output folder"):
        gradsentry.scan(data, model=tiny, options=QUICK, out=tmp_path / "out")
    with pytest.raises(OutputError, match="didn't write this"):
        gradsentry.scan(ROWS, model=tiny, options=QUICK, out=tmp_path / "out")
    assert data.is_file()


def test_a_model_in_the_work_or_output_folder_is_left_alone(
    data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    for place in (tmp_path / ".out.gradsentry" / "model", tmp_path / "out" / "model"):
        shutil.copytree(tiny_folder, place)
        with pytest.raises(OutputError, match="lies in the output folder"):
            gradsentry.scan(data, model=place, options=QUICK, out=tmp_path / "out", force=True)
        assert len(everything_in(place)) == len(everything_in(tiny_folder))
        shutil.rmtree(place.parent)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="nothing says what is redirected")
def test_what_standard_input_is_redirected_from_is_left_alone(
    out: Path, tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything_in(out)
    (tmp_path / "link.jsonl").symlink_to(out / "clean.jsonl")
    for path in (out / "clean.jsonl", tmp_path / "link.jsonl"):
        with path.open() as redirected:
            monkeypatch.setattr(sys, "stdin", redirected)
            with pytest.raises(OutputError, match="lies in the output folder"):
                gradsentry.scan("-", model=tiny, options=QUICK, out=out, force=True)
    assert everything_in(out) == before
    with (out / "clean.jsonl").open() as redirected:
        monkeypatch.setattr(sys, "stdin", redirected)
        gradsentry.scan("-", model=tiny, options=QUICK, out=tmp_path / "other")
        copy = tmp_path / "copy.jsonl"
        redirected.seek(0)
        write_poisoned("-", copy)
    with copy.open() as redirected:
        monkeypatch.setattr(sys, "stdin", redirected)
        with pytest.raises(OutputError, match="this is the data itself"):
            write_poisoned("-", copy, force=True)


def test_a_data_set_in_memory_may_lie_in_the_output_folder_on_disk(
    tiny: LanguageModel, tmp_path: Path
) -> None:
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
    gradsentry.scan(tmp_path / "saved", model=tiny, options=QUICK, out=tmp_path / "out")
    kept = datasets.load_from_disk(tmp_path / "out" / "clean")
    with pytest.raises(OutputError, match="lies in the output folder"):
        gradsentry.scan(kept, model=tiny, options=QUICK, out=tmp_path / "out", force=True)


def test_an_empty_folder_of_that_name_and_links_from_it(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    work = tmp_path / ".out.gradsentry"
    work.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(OutputError, match="somebody else made this"):
        gradsentry.scan(data, model=tiny, options=QUICK, out=tmp_path / "out")
    assert work.is_symlink()
    work.unlink()
    work.mkdir()  # left by a scan that was killed at once
    gradsentry.scan(data, model=tiny, options=QUICK, out=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "elsewhere", "out"]


def test_files_that_are_links_are_never_written_through(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for link in (Path.symlink_to, Path.hardlink_to):
        work = tmp_path / ".out.gradsentry"
        mark_of(work).mkdir(parents=True, mode=0o700)
        (work / "scratch").mkdir()
        (work / "shards").mkdir()
        for name in ("shards/0", "scratch/token_ids", "scratch/gains"):
            link(work / name, precious)
        gradsentry.scan(data, model=tiny, out=tmp_path / "out")
        assert precious.read_text() == "mine"
        shutil.rmtree(tmp_path / "out")


def added(out: Path) -> None:
    (out / "notes.txt").write_text("mine")


def added_empty(out: Path) -> None:
    (out / "plots").mkdir()


def edited(out: Path) -> None:
    with (out / "clean.jsonl").open("a") as file:
        file.write('{"prompt": "p", "response": "mine"}\n')


def edited_summary(out: Path) -> None:
    text = (out / "summary.json").read_text()
    (out / "summary.json").write_text(text.replace('"none"', '"poison"'))


def edited_list(out: Path) -> None:
    (out / "notes.txt").write_text("mine")
    with (out / SUMS).open("a") as file:
        file.write("0" * 64 + "  notes.txt\n")


def linked(out: Path) -> None:
    moved = (out / "clean.jsonl").rename(out.parent / "moved.jsonl")
    (out / "clean.jsonl").symlink_to(moved)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (added, "notes.txt was added"),
        (added_empty, "plots was added"),
        (edited, "clean.jsonl was changed"),
        (edited_summary, "summary.json was changed"),
        (edited_list, SUMS),
        (linked, "clean.jsonl isn't a file"),
    ],
)
def test_force_replaces_only_what_is_as_it_was_written(
    data: Path, tiny: LanguageModel, out: Path, change: Callable[[Path], None], named: str
) -> None:
    change(out)
    before = everything_in(out)
    for save in (
        lambda: gradsentry.scan(data, model=tiny, options=QUICK, out=out, force=True),
        lambda: gradsentry.scan(data, model=tiny, options=QUICK).save(out, force=True),
    ):
        with pytest.raises(OutputError, match=named):
            save()
        assert everything_in(out) == before


def test_force_replaces_results_of_which_some_are_gone(
    data: Path, tiny: LanguageModel, out: Path
) -> None:
    (out / "report.html").unlink()
    os.link(out / "clean.jsonl", out.parent / "kept.jsonl")
    gradsentry.scan(data, model=tiny, options=QUICK, out=out, force=True)
    assert foreign_part(out) is None
    assert len((out.parent / "kept.jsonl").read_text().splitlines()) == len(ROWS)


def test_a_saved_data_set_among_the_results_is_looked_through(
    tiny: LanguageModel, tmp_path: Path
) -> None:
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
    out = tmp_path / "out"
    gradsentry.scan(tmp_path / "saved", model=tiny, options=QUICK, out=out)
    gradsentry.scan(tmp_path / "saved", model=tiny, options=QUICK, out=out, force=True)
    (out / "clean" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"clean/notes\.txt was added"):
        gradsentry.scan(tmp_path / "saved", model=tiny, options=QUICK, out=out, force=True)
    assert (out / "clean" / "notes.txt").read_text() == "mine"


def test_a_look_alike_folder_is_not_replaced(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "summary.json").write_text('{"detector": "x", "files": {"clean": "weights.bin"}}')
    (out / "weights.bin").write_text("precious")
    sums = "".join(f"{0:064x}  {path.name}\n" for path in out.iterdir())
    (out / SUMS).write_text(sums)
    with pytest.raises(OutputError, match="holds other things"):
        gradsentry.scan(data, model=tiny, options=QUICK, out=out, force=True)
    assert (out / "weights.bin").read_text() == "precious"


def test_sums_are_those_of_sha256sum(out: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("needs coreutils")
    assert os.system(f"cd '{out}' && sha256sum --quiet --check {SUMS}") == 0


@pytest.mark.parametrize("force", [False, True])
def test_results_changed_during_a_scan_are_kept(
    data: Path, tiny: LanguageModel, out: Path, force: bool
) -> None:
    from gradsentry.work.progress import Silent

    class Busy(Silent):
        def stage(self, name: str, total: int | None, unit: str = "rows") -> None:
            if name == "Writing the results":
                added(out)

    with pytest.raises(OutputError, match=r"notes\.txt was added" if force else "`force`"):
        gradsentry.scan(data, model=tiny, options=QUICK, out=out, force=force, progress=Busy())
    assert foreign_part(out) == (None if not force else "notes.txt was added")
    assert not (out.parent / ".out.gradsentry" / "replaced").exists()


def test_names_that_lead_nowhere_are_refused(
    data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for name in ("a", "a/out", "x" * 300, "x" * 250, "zero\0byte", "\n" * 5 + "/" * 3):
        try:
            gradsentry.scan(data, model=tiny, options=QUICK, out=str(tmp_path / name))
        except OutputError:
            continue
        assert not name.startswith(("a", "x", "zero"))


def test_a_failed_scan_leaves_nothing_behind(tiny: LanguageModel, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        gradsentry.scan([{"prompt": "", "response": ""}], model=tiny, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_work_that_came_with_the_data_is_not_taken_up(
    data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    """Whoever made the data made up their scores, too, with the key of another user."""
    code = (
        "import gradsentry, sys\n"
        "class Stop(gradsentry.Progress):\n"
        "    def note(self, line): ...\n"
        "    def stage(self, name, total, unit='rows'): self.name, self.done = name, 0\n"
        "    def advance(self, done):\n"
        "        self.done += self.name.startswith('Scoring')\n"
        "        if self.done == 2: raise KeyboardInterrupt\n"
        "gradsentry.scan(sys.argv[1], model=sys.argv[2], out=sys.argv[3],\n"
        "    options=gradsentry.ScanOptions(detector='spectral', batch_tokens=64), progress=Stop())"
    )
    out = tmp_path / "out"
    theirs = {**os.environ, "GRADSENTRY_CACHE": str(tmp_path / "their cache")}
    command = [sys.executable, "-c", code, str(data), str(tiny_folder), str(out)]
    subprocess.run(command, env=theirs, check=False, capture_output=True)
    work = tmp_path / ".out.gradsentry"
    left = everything_in(work)
    assert any(name.startswith("shards/") for name in left)
    with pytest.raises(OutputError, match="no scan of yours made this folder"):
        gradsentry.scan(data, model=tiny_folder, options=QUICK, out=out)
    assert everything_in(work) == left


@pytest.mark.parametrize("name", ["scratch", "shards", "result", "replaced"])
def test_links_in_a_work_folder_are_not_followed(
    name: str, data: Path, tiny: LanguageModel, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "token_ids").write_text("precious")
    work = tmp_path / ".out.gradsentry"
    mark_of(work).mkdir(parents=True)
    (work / name).symlink_to(victim)
    with pytest.raises(OutputError, match="didn't write"):
        gradsentry.scan(data, model=tiny, options=QUICK, out=tmp_path / "out")
    assert everything_in(victim) == {"token_ids": b"precious"}
