"""Results in a store: whole, or known to be unfinished."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from gradsentry.errors import InputError, OutputError
from gradsentry.work.object_results import object_results, output_place
from gradsentry.work.ownership import SUMS, seal_folder

URL = "memory://bucket/results"


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/data.jsonl", b"x")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def sealed(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    seal_folder(folder)
    return folder


def there(memory: Any) -> dict[str, bytes]:
    found = memory.find("/bucket/results")
    return {path.removeprefix("/bucket/results/"): memory.cat_file(path) for path in found}


def test_the_list_comes_last_and_the_list_of_the_upload_goes(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    original = type(memory).put_file

    def noted(self: Any, source: str, target: str, **more: Any) -> Any:
        order.append(target.rpartition("/")[2])
        return original(self, source, target, **more)

    monkeypatch.setattr(type(memory), "put_file", noted)
    folder = sealed(tmp_path / "new", {"b": "2", "a": "1"})
    object_results(URL + "/").upload(folder, force=False)
    assert order == ["a", "b", SUMS]
    assert there(memory) == {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("puts", [0, 1, 2])
@pytest.mark.parametrize("is_replacing", [False, True])
def test_an_upload_that_was_cut_off_is_no_result_and_can_be_done_again(
    memory: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    puts: int,
    is_replacing: bool,
) -> None:
    if is_replacing:
        old = sealed(tmp_path / "old", {"a": "old", "gone": "old"})
        object_results(URL).upload(old, force=False)
    new = sealed(tmp_path / "new", {"a": "1", "b": "2"})
    left = puts
    original = type(memory).put_file

    def failing(self: Any, *arguments: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return original(self, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "put_file", failing)
        with pytest.raises(KeyboardInterrupt):
            object_results(URL).upload(new, force=is_replacing)
    with pytest.raises(InputError, match="upload isn't done"):
        object_results(URL).fetch(tmp_path, ["a"])
    memory.pipe_file("/bucket/results/mine", b"mine")
    with pytest.raises(OutputError, match="mine was added"):
        object_results(URL).check(True, is_thorough=True)
    memory.rm_file("/bucket/results/mine")
    object_results(URL).upload(new, force=False)
    assert there(memory) == {path.name: path.read_bytes() for path in new.iterdir()}


def test_results_that_were_changed_are_not_read(memory: Any, tmp_path: Path) -> None:
    object_results(URL).upload(sealed(tmp_path / "new", {"a": "1"}), force=False)
    memory.pipe_file("/bucket/results/a", b"2")
    (tmp_path / "fetched").mkdir()
    with pytest.raises(InputError, match="isn't what a scan wrote"):
        object_results(URL).fetch(tmp_path / "fetched", ["a"])


@pytest.mark.parametrize(
    "url",
    ["s3://bucket", "memory://b/../x", "memory://b//x", "memory://b/*", "file:///tmp/x"],
)
def test_some_places_are_refused(url: str) -> None:
    with pytest.raises(OutputError):
        output_place(url)


def test_a_path_is_a_folder() -> None:
    assert output_place("results") == Path("results")


def test_the_same_url_has_the_same_work_folder() -> None:
    assert object_results(URL).folder == object_results(URL + "/").folder
    assert object_results(URL).folder != object_results(URL + "2").folder
    assert ".." not in object_results("memory://b/a..b").folder.name
