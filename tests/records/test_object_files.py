"""Objects as local copies, in a store of this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from gradsentry.errors import InputError
from gradsentry.records import object_files
from gradsentry.records.object_files import fetch_objects
from gradsentry.records.object_store import is_url, open_store
from gradsentry.records.opening import open_source

ROW = b'{"prompt": "p", "response": "r"}\n'


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_names_of_stores_are_told_from_all_others() -> None:
    assert all(map(is_url, ("s3://b/x", "gs://b", "memory://x", "S3://b/x")))
    others = ("data.jsonl", "owner/name", "hf://datasets/a/b", "c://x", "://x", Path("s3://b/x"))
    assert not any(map(is_url, others))


def test_hostile_names_never_say_where_a_copy_lies(memory: Any) -> None:
    names = ["/b/../../etc/x.jsonl", "/b/\x1b[2J.jsonl", "/b/a.jsonl", "/b//abs.jsonl"]
    for name in names:
        memory.store[name] = type(memory.store.get(name) or _file(memory))(memory, name, ROW)
    copies = fetch_objects(["memory://b/**"])
    assert {copy.path.name for copy in copies} <= {f"{number:06}" for number in range(4)}
    assert len({copy.path.parent for copy in copies}) == 1
    source = open_source("memory://b/a.jsonl")
    assert [record.path for record in source.records()] == ["memory://b/a.jsonl"]
    assert list(source.paths) == []


def _file(memory: Any) -> Any:
    memory.pipe_file("/spare", b"")
    return memory.store.pop("/spare")


def test_a_truncated_object_is_refused(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe_file("/b/x.jsonl", ROW)
    original = MemoryFileSystem.info

    def larger(self: Any, path: str, **more: Any) -> dict[str, Any]:
        return {**original(self, path, **more), "size": len(ROW) + 10}

    monkeypatch.setattr(MemoryFileSystem, "info", larger)
    with pytest.raises(InputError, match=r"x\.jsonl: the store sent 33 of 43 bytes"):
        open_source("memory://b/x.jsonl")


def test_an_object_is_copied_in_small_pieces(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe_file("/b/x.jsonl", ROW * 1000)
    monkeypatch.setattr(object_files, "_CHUNK", 100)
    copy = fetch_objects(["memory://b/x.jsonl"])[0]
    assert copy.path.read_bytes() == ROW * 1000
    assert copy.path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "a file of this machine"),
        ("ftp://me:secret@host/x.jsonl", "holds a user's name"),
        ("s3://b/\x1b[2J", "control characters"),
        ("nothing://b/x", "no store is known"),
        ("memory://b/none.jsonl", "no such"),
    ],
)
def test_other_urls_are_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        open_source(url)
    assert "secret" not in str(caught.value)


def test_objects_and_files_are_not_mixed(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/b/x.jsonl", ROW)
    with pytest.raises(InputError, match="Name objects alone"):
        open_source(["memory://b/x.jsonl", str(tmp_path / "data.jsonl")])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_arguments: object, **_more: object) -> None:
        raise ImportError("Install s3fs")

    monkeypatch.setattr("fsspec.core.url_to_fs", lacking)
    with pytest.raises(InputError, match=r"gradsentry\[s3\]"):
        open_store("s3://bucket/x")
