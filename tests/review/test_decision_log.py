"""The log of decisions: nothing that was acknowledged is lost, and nothing damaged is read."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry import InputError, OutputError
from gradsentry.review.decision_log import DECISIONS_FILE, DecisionLog, dump_log, read_decisions
from gradsentry.review.decisions import Choice, Decision, Subject, dump_decision, load_decision
from tests.outputs.reports import HOSTILE

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(HOSTILE)


def make(note: str = "", row: int = 1, reviewer: str = "anna") -> Decision:
    content = {"digest": "00", "payload": note}
    return Decision(Choice.CLEARED, Subject.ROW, row, content, note, reviewer, "2026-01-01")


def filled(folder: Path, count: int = 3) -> DecisionLog:
    log = read_decisions(folder, "sums")
    for row in range(count):
        log.add(make(row=row))
    return log


@given(TEXTS, TEXTS, st.sampled_from(Choice), st.sampled_from(Subject), st.integers(0, 10**6))
def test_a_decision_is_one_line_of_ascii_and_comes_back(
    note: str, reviewer: str, choice: Choice, subject: Subject, index: int
) -> None:
    decision = Decision(choice, subject, index, {"payload": note}, note, reviewer, "2026")
    line = dump_decision(decision)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert all(32 <= byte < 127 for byte in line[:-1])
    assert load_decision(line) == decision


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_what_was_added_is_read_again(notes: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = read_decisions(folder, "sums")
        for note in notes:
            log.add(make(note))
        assert [each.note for each in read_decisions(folder, "sums").decisions] == notes
        assert (folder / DECISIONS_FILE).read_bytes() == dump_log(log)


def test_many_are_written_at_once_and_none_that_would_not_be_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = read_decisions(tmp_path, "sums")
    log.add(*(make(row=row) for row in range(3)))
    log.add()
    assert [each.index for each in read_decisions(tmp_path, "sums").decisions] == [0, 1, 2]
    size = (tmp_path / DECISIONS_FILE).stat().st_size
    monkeypatch.setattr("gradsentry.review.decision_log._MOST_BYTES", size + 10)
    with pytest.raises(OutputError, match="too large"):
        log.add(make(row=3))
    assert len(log.decisions) == 3
    assert (tmp_path / DECISIONS_FILE).stat().st_size == size
    assert read_decisions(tmp_path, "sums").decisions == log.decisions


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_line_is_no_decision_and_is_written_over(tmp_path: Path, cut: int) -> None:
    filled(tmp_path)
    path = tmp_path / DECISIONS_FILE
    path.write_bytes(path.read_bytes() + dump_decision(make(row=9))[:-cut])
    log = read_decisions(tmp_path, "sums")
    assert [each.index for each in log.decisions] == [0, 1, 2]
    log.add(make(row=5))
    assert [each.index for each in read_decisions(tmp_path, "sums").decisions] == [0, 1, 2, 5]


def test_a_first_line_that_was_torn_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / DECISIONS_FILE).write_bytes(b'{"gradsentry_dec')
    log = read_decisions(tmp_path, "sums")
    log.add(make())
    assert len(read_decisions(tmp_path, "sums").decisions) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"choice": 1}',
        b"[" * 100_000,
        dump_decision(make()).replace(b"cleared", b"praised").strip(),
        dump_decision(make()).replace(b'"note"', b'"nota"').strip(),
    ],
)
def test_a_damaged_line_is_refused_by_its_number(tmp_path: Path, line: bytes) -> None:
    filled(tmp_path)
    path = tmp_path / DECISIONS_FILE
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:2], line, *lines[3:], b""]))
    with pytest.raises(InputError, match=r"decisions\.jsonl, line 3"):
        read_decisions(tmp_path, "sums")


@pytest.mark.parametrize("first", [b"{}", b"[]", b"x", b'{"gradsentry_decisions": 9}'])
def test_another_first_line_is_refused(tmp_path: Path, first: bytes) -> None:
    (tmp_path / DECISIONS_FILE).write_bytes(first + b"\n")
    with pytest.raises(InputError, match=r"decisions\.jsonl"):
        read_decisions(tmp_path, "sums")


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    first = {"gradsentry_decisions": 2, "results_sha256": "sums"}
    (tmp_path / DECISIONS_FILE).write_text(json.dumps(first) + "\n")
    with pytest.raises(InputError, match="version 2"):
        read_decisions(tmp_path, "sums")


def test_decisions_about_other_results_are_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(InputError, match="other results"):
        read_decisions(tmp_path, "others")


def test_a_link_is_neither_read_nor_written_through(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("keep")
    (tmp_path / DECISIONS_FILE).symlink_to(other)
    with pytest.raises(InputError, match="link"):
        read_decisions(tmp_path, "sums")
    log = DecisionLog(tmp_path / DECISIONS_FILE, "sums")
    with pytest.raises(OutputError, match=r"decisions\.jsonl"):
        log.add(make())
    assert other.read_text() == "keep"


def test_lines_of_another_writer_are_never_cut_off(tmp_path: Path) -> None:
    one, other = filled(tmp_path), read_decisions(tmp_path, "sums")
    other.add(make(row=7))
    with pytest.raises(OutputError, match="another program"):
        one.add(make(row=8))
    assert [each.index for each in read_decisions(tmp_path, "sums").decisions] == [0, 1, 2, 7]


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = filled(tmp_path)
    before = (tmp_path / DECISIONS_FILE).read_bytes()
    write, calls = os.write, iter([True])

    def full(descriptor: int, data: bytes) -> int:
        if next(calls, False):
            return write(descriptor, bytes(data)[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gradsentry.review.decision_log.os.write", full)
    with pytest.raises(OutputError, match="disk is full"):
        log.add(make(row=4))
    monkeypatch.undo()
    assert (tmp_path / DECISIONS_FILE).read_bytes() == before
    assert len(log.decisions) == 3
    log.add(make(row=4))
    assert len(read_decisions(tmp_path, "sums").decisions) == 4


def failing(*_: object) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_a_folder_that_is_not_synced_keeps_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = read_decisions(tmp_path, "sums")
    monkeypatch.setattr("gradsentry.review.decision_log.sync", failing)
    with pytest.raises(OutputError, match="wasn't kept"):
        log.add(make(row=4))
    monkeypatch.undo()
    assert log.decisions == read_decisions(tmp_path, "sums").decisions == []
    log.add(make(row=5))
    assert [each.index for each in read_decisions(tmp_path, "sums").decisions] == [5]


def test_a_line_that_can_not_be_taken_back_is_a_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(tmp_path)
    truncate, calls = os.ftruncate, iter([True])

    def truncate_once(descriptor: int, size: int) -> None:
        truncate(descriptor, size) if next(calls, False) else failing()

    monkeypatch.setattr(os, "ftruncate", truncate_once)
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OutputError, match="can't be taken back"):
        log.add(make(row=4))
    monkeypatch.undo()
    assert log.decisions == read_decisions(tmp_path, "sums").decisions
    log.add(make(row=5))
    assert [each.index for each in read_decisions(tmp_path, "sums").decisions] == [0, 1, 2, 4, 5]


def test_a_decision_is_on_the_disk_before_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(number), fsync(number)))
    log = read_decisions(tmp_path, "sums")
    log.add(make())
    assert len(synced) == 2  # the new file, and the folder that has its name
    log.add(make())
    assert len(synced) == 3
