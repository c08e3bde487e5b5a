"""Files of a scan are where they were, or stand to its results as they did."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradsentry.report.moved_files import find_files

FILES = [["d.jsonl"], ["data/d.jsonl"], ["data/a/d.jsonl", "data/b/d.jsonl"], ["x.jsonl", "y/z"]]
RESULTS = ["out", "runs/1/out", "data/out"]


def make(root: Path, files: list[str]) -> list[Path]:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(str(root))
    return [root / name for name in files]


@pytest.mark.parametrize("files", FILES)
@pytest.mark.parametrize("results", RESULTS)
@pytest.mark.parametrize("target", ["new", "deep/er/new", "old/new"])
def test_files_are_found_wherever_their_folder_is(
    tmp_path: Path, files: list[str], results: str, target: str
) -> None:
    old = make(tmp_path / "old", files)
    assert find_files(old, tmp_path / "old" / results) == tuple(old)
    assert find_files(old, tmp_path / "far" / results) == tuple(old)
    for path in old:
        path.unlink()
    new = make(tmp_path / target, files)
    assert find_files(old, tmp_path / target / results) == tuple(new)


def test_the_whole_path_may_be_mounted_elsewhere(tmp_path: Path) -> None:
    mounted = make(tmp_path / "mount", ["home/me/data/d.jsonl"])
    old = [Path("/home/me/data/d.jsonl")]
    assert find_files(old, tmp_path / "mount" / "home" / "me" / "out") == tuple(mounted)
    assert find_files(old, tmp_path / "mount" / "var" / "out") == tuple(mounted)


def test_the_most_of_a_path_counts_more_than_its_name(tmp_path: Path) -> None:
    make(tmp_path / "new", ["runs/d.jsonl", "d.jsonl"])
    (right,) = make(tmp_path / "new", ["data/d.jsonl"])
    assert find_files([Path("/gone/data/d.jsonl")], tmp_path / "new" / "runs" / "out") == (right,)


def test_files_are_found_together_or_not_at_all(tmp_path: Path) -> None:
    make(tmp_path / "new", ["a/d.jsonl", "e.jsonl"])
    old = [Path("/gone/a/d.jsonl"), Path("/gone/a/e.jsonl")]
    assert find_files(old, tmp_path / "new" / "out") is None


def test_a_link_to_results_leads_to_what_lies_beside_either(tmp_path: Path) -> None:
    (beside,) = make(tmp_path / "there", ["data/d.jsonl"])
    (tmp_path / "there" / "out").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "out").symlink_to(tmp_path / "there" / "out")
    old = [Path("/gone/data/d.jsonl")]
    assert find_files(old, tmp_path / "here" / "out") == (beside,)
    (nearer,) = make(tmp_path / "here", ["data/d.jsonl"])
    assert find_files(old, tmp_path / "here" / "out") == (nearer,)


@pytest.mark.parametrize(
    "files",
    [
        [],
        [""],
        ["/"],
        ["a\0b"],
        ["/x" * 3000],
        ["/" + "y" * 5000],
        ["relative.jsonl", "/absolute.jsonl"],
        ["../../../etc/nothing"],
    ],
)
def test_names_that_nobody_has_are_found_nowhere(tmp_path: Path, files: list[str]) -> None:
    found = find_files([Path(name) for name in files], tmp_path / "out")
    assert found is None or all(path.is_dir() for path in found)
