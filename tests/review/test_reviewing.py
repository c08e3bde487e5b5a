"""A review from start to end: held by one person, and killed at any moment without a loss."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path

import pytest

from gradsentry import InputError, OptionError, OutputError, apply_decisions
from gradsentry.review.decisions import Choice, Subject
from gradsentry.review.reviewed_folder import open_reviewed
from gradsentry.review.reviewing import open_review
from tests.review.deciding import decide
from tests.review.results import make_results, make_rows, report_on, write_rows
from tests.review.serving import ask, decision, served

KILLS = 20
SERVERS = """
import os, sys
from gradsentry.review.reviewing import open_review
while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        with open_review(sys.argv[1], reviewer="anna") as server:
            print(os.getpid(), server.address, flush=True)
            server.serve()
        os._exit(0)
    os.waitpid(child, 0)
"""
"""Loads the libraries once, and starts a server for every line that it reads."""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_no_acknowledged_decision_is_lost_when_the_server_is_killed(results: Path) -> None:
    rng = random.Random(0)
    acknowledged: list[str] = []
    sent: set[str] = set()
    with subprocess.Popen(
        [sys.executable, "-c", SERVERS, str(results)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as servers:
        assert servers.stdin is not None
        assert servers.stdout is not None
        for kill in range(KILLS):
            servers.stdin.write("\n")
            servers.stdin.flush()
            pid, address = servers.stdout.readline().split()
            stop = threading.Timer(rng.uniform(0, 0.4), os.kill, (int(pid), signal.SIGKILL))
            stop.start()
            with contextlib.suppress(OSError, HTTPException):
                for number in range(10_000):
                    note = f"{kill} {number}"
                    sent.add(note)
                    row = rng.randrange(12)
                    body = decision("row", row, rng.choice(["cleared", "confirmed"]), note)
                    if ask(address, "/api/decisions", body).status == 200:
                        acknowledged.append(note)
            stop.join()
        servers.stdin.close()
    kept = [each.note for each in open_reviewed(results).log.decisions]
    assert acknowledged
    assert set(acknowledged) <= set(kept) <= sent
    assert [note for note in kept if note in set(acknowledged)] == acknowledged
    assert len(kept) == len(set(kept))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_of_rows_decided_in_one_go_none_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    results = make_results(tmp_path, make_rows(600))
    rng = random.Random(0)
    acknowledged: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", SERVERS, str(results)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as servers:
        assert servers.stdin is not None
        assert servers.stdout is not None
        for kill in range(KILLS):
            servers.stdin.write("\n")
            servers.stdin.flush()
            pid, address = servers.stdout.readline().split()
            stop = threading.Timer(rng.uniform(0, 0.6), os.kill, (int(pid), signal.SIGKILL))
            stop.start()
            with contextlib.suppress(OSError, HTTPException):
                digest = ask(address, "/api/rows?view=scored").json["digest"]
                for number in range(10_000):
                    note = f"{kill} {number}"
                    body = {"digest": digest, "choice": "confirmed", "note": note}
                    if ask(address, "/api/decisions/rows?view=scored", body).status == 200:
                        acknowledged.append(note)
            stop.join()
        servers.stdin.close()
    kept = Counter(each.note for each in open_reviewed(results).log.decisions)
    assert acknowledged
    assert {kept[note] for note in acknowledged} == {600}
    assert len(kept) <= len(acknowledged) + KILLS  # what was under way when it was killed


def test_a_folder_is_reviewed_by_one_at_a_time(results: Path) -> None:
    with (
        open_review(results, reviewer="anna"),
        pytest.raises(OutputError, match="another review"),
        open_review(results, reviewer="ben"),
    ):
        pass
    with open_review(results, reviewer="ben"):
        pass


def test_no_scan_replaces_what_is_under_review(results: Path) -> None:
    report = report_on(results.parent / "data.jsonl")
    with open_review(results, reviewer="anna"), pytest.raises(OutputError, match="another scan"):
        report.save(results, force=True)
    report.save(results, force=True)


def test_nothing_stays_behind_but_the_decisions(results: Path) -> None:
    before = {path.name for path in results.parent.iterdir()} | {p.name for p in results.iterdir()}
    with served(results) as server:
        ask(server.address, "/api/decisions", decision("row", 1, "cleared"))
    after = {path.name for path in results.parent.iterdir()} | {p.name for p in results.iterdir()}
    assert after - before == {"decisions.jsonl"}


def test_a_review_goes_on_where_it_ended(results: Path, tmp_path: Path) -> None:
    with served(results) as server:
        ask(server.address, "/api/decisions", decision("group", 1, "cleared", "ours"))
    with served(results, "ben") as server:
        group = ask(server.address, "/api/groups").json["groups"][0]
        assert group["decision"]["note"] == "ours"
        ask(server.address, "/api/decisions", decision("group", 2, "confirmed"))
    report = apply_decisions(results, tmp_path / "out")
    assert report.flagged.nonzero()[0].tolist() == [4, 5, 6]


@pytest.mark.parametrize("change", ["data", "report", "sums", "none"])
def test_what_was_changed_is_not_reviewed(tmp_path: Path, change: str) -> None:
    results = make_results(tmp_path)
    if change == "data":
        write_rows(tmp_path / "data.jsonl", make_rows()[::-1])
    elif change == "report":
        (results / "summary.json").write_text("{}")
    elif change == "sums":
        (results / "SHA256SUMS").unlink()
    else:
        results = tmp_path / "nowhere"
    with pytest.raises(InputError), open_review(results, reviewer="anna"):
        pass


def test_a_store_is_not_reviewed() -> None:
    with pytest.raises(InputError, match="Copy"), open_review("s3://bucket/out", reviewer="anna"):
        pass


def test_somebody_decides(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid")

    monkeypatch.setattr("gradsentry.review.reviewing.getpass.getuser", nobody)
    with pytest.raises(OptionError, match="reviewer"), open_review(results):
        pass
    monkeypatch.setattr("gradsentry.review.reviewing.getpass.getuser", lambda: "carl")
    with open_review(results) as server:
        assert server.http.RequestHandlerClass.desk.reviewer == "carl"  # type: ignore[attr-defined]


def test_decisions_made_long_ago_are_shown(results: Path) -> None:
    decide(results, Subject.ROW, 3, Choice.CLEARED, "ok", "zoe")
    with served(results) as server:
        row = ask(server.address, "/api/rows/3").json
    assert row["decision"]["reviewer"] == "zoe"
    assert time.gmtime().tm_year >= int(row["decision"]["time"][:4])
