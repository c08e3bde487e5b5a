"""The local server: who may ask, and what it answers."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradsentry import OptionError
from gradsentry.review.decision_log import DECISIONS_FILE
from gradsentry.review.desk import ReviewDesk
from gradsentry.review.reviewing import open_review
from tests.review.results import PAYLOAD, POISON, REVIEW
from tests.review.serving import Answer, ask, decision, served

PATHS = ["/api/report", "/api/groups", "/api/rows", "/api/rows/1"]


@pytest.fixture
def address(results: Path) -> Iterator[str]:
    with served(results) as server:
        yield server.address


def host_of(address: str) -> str:
    return address.removeprefix("http://").partition("/")[0]


def test_it_listens_on_the_loopback_address_alone(results: Path) -> None:
    with served(results) as server:
        assert server.http.server_address[0] == "127.0.0.1"
        assert server.address.startswith(f"http://127.0.0.1:{server.http.server_address[1]}/#")
        assert len(server.door.token) >= 32


def test_every_review_has_another_token(results: Path) -> None:
    tokens = set()
    for _ in range(3):
        with open_review(results, reviewer="anna") as server:
            tokens.add(server.door.token)
    assert len(tokens) == 3


def test_the_page_itself_holds_no_data(address: str) -> None:
    page = ask(address, "/", Authorization=None)
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for word in (b"evil.example", b"data.jsonl", address.partition("#")[2].encode()):
        assert word not in page.body
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy
    assert b"http" not in page.body.replace(b"http-equiv", b"")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("given", [None, "", "Bearer ", "Bearer x", "Basic x", "Bearer \xe9"])
def test_data_are_told_to_nobody_without_the_token(
    address: str, path: str, given: str | None
) -> None:
    answer = ask(address, path, Authorization=given)
    assert answer.status == 401
    assert b"evil" not in answer.body
    assert ask(address, path).status == 200


def test_nothing_is_decided_without_the_token(address: str, results: Path) -> None:
    answer = ask(
        address, "/api/decisions", decision("group", 1, "cleared"), Authorization="Bearer x"
    )
    assert answer.status == 401
    assert not (results / DECISIONS_FILE).exists()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", None, "[::1]"]
)
@pytest.mark.parametrize("path", ["/", "/api/report"])
def test_another_name_is_not_answered(address: str, path: str, host: str | None) -> None:
    port = host_of(address).partition(":")[2]
    answer = ask(address, path, Host=None if host is None else host.format(port=port))
    assert answer.status == 421
    assert b"Poison" not in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://{host}"},
        {"Origin": "http://localhost:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_page_may_not_ask(address: str, results: Path, headers: dict[str, str]) -> None:
    host = host_of(address)
    sent = {
        name: value.format(host=host, port=host.partition(":")[2])
        for name, value in headers.items()
    }
    body = decision("group", 1, "cleared")
    assert ask(address, "/api/decisions", body, **sent).status == 403
    assert ask(address, "/api/report", **sent).status == 403
    assert not (results / DECISIONS_FILE).exists()


def test_no_other_origin_is_allowed_in_any_answer(address: str) -> None:
    for path in ("/", "/api/report", "/api/rows/99", "/nothing"):
        headers = {name.lower(): value for name, value in ask(address, path).headers.items()}
        assert not [name for name in headers if name.startswith("access-control")]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "'none'" in headers["content-security-policy"]
        assert "python" not in headers["server"].lower()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/../../etc/passwd", 404),
        ("/api/rows/../report", 400),
        ("/api/rows/-1", 400),
        ("/api/rows/1e3", 400),
        ("/api/rows/" + "9" * 400, 400),
        ("/api/rows/99999", 404),
        ("/api/rows?view=all", 400),
        ("/api/rows?decided=maybe", 400),
        ("/api/rows?start=-1", 400),
        ("/api/rows?group=x", 400),
        ("/api/rows?search=" + "x" * 201, 400),
        ("/api/rows?" + "&".join(f"a{n}=1" for n in range(50)), 400),
        ("http://[/", 400),
        ("/<script>alert(1)</script>", 404),
    ],
)
def test_what_means_nothing_is_refused(address: str, path: str, status: int) -> None:
    answer = ask(address, path)
    assert answer.status == status
    assert answer.json["problem"]
    assert b"script" not in answer.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "HEAD", "PATCH"])
def test_other_methods_are_not_known(address: str, method: str) -> None:
    assert ask(address, "/api/decisions", method=method).status == 501


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 60_000,
        {},
        decision("group", 1, "praised"),
        decision("all", 1, "cleared"),
        decision("row", 1, "cleared") | {"more": 1},
        decision("row", 1, "cleared") | {"number": True},
        decision("row", 1, "cleared") | {"number": "1"},
        decision("row", 1, "cleared") | {"note": None},
    ],
)
def test_what_is_no_decision_is_not_kept(address: str, results: Path, body: object) -> None:
    assert ask(address, "/api/decisions", body).status == 400
    assert not (results / DECISIONS_FILE).exists()


@pytest.mark.parametrize(
    "body",
    [
        decision("group", 0, "cleared"),
        decision("group", 3, "cleared"),
        decision("row", 12, "cleared"),
        decision("row", -1, "cleared"),
        decision("row", 1, "cleared", "x" * 4001),
        decision("row", 1, "cleared", "\ud800"),
    ],
)
def test_what_is_not_there_is_not_decided(address: str, results: Path, body: object) -> None:
    assert ask(address, "/api/decisions", body).status == 404
    assert not (results / DECISIONS_FILE).exists()


def test_a_decision_is_json_of_a_bounded_length(address: str, results: Path) -> None:
    body = decision("row", 1, "cleared")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert ask(address, "/api/decisions", body, Content_Type=kind).status == 415
    for length in ("65537", "9" * 30):
        assert ask(address, "/api/decisions", body, Content_Length=length).status == 413
    for missing in (None, "x", "-1"):
        assert ask(address, "/api/decisions", body, Content_Length=missing).status == 411
    assert not (results / DECISIONS_FILE).exists()


def test_decisions_are_kept_as_they_are_made(address: str, results: Path) -> None:
    told = ask(address, "/api/decisions", decision("group", 1, "cleared", "ours")).json
    assert told["group"]["decision"]["reviewer"] == "anna"
    assert told["progress"] == {"rows": 7, "decided_rows": 4, "groups": 2, "decided_groups": 1}
    told = ask(address, "/api/decisions", decision("row", 5, "confirmed")).json
    assert told["progress"]["decided_rows"] == 5
    first, *lines = map(json.loads, (results / DECISIONS_FILE).read_text().splitlines())
    assert first["gradsentry_decisions"] == 1
    assert [line["choice"] for line in lines] == ["cleared", "confirmed"]
    assert lines[0]["content"]["payload"] == PAYLOAD
    assert lines[0]["time"].endswith("+00:00")
    told = ask(address, "/api/decisions", decision("group", 1, "withdrawn")).json
    assert told["group"]["decision"] is None
    assert told["progress"]["decided_rows"] == 1


def test_groups_come_with_examples_and_poison_first(address: str) -> None:
    found = ask(address, "/api/groups").json
    assert [group["verdict"] for group in found["groups"]] == ["poison", "review"]
    first = found["groups"][0]
    assert first["payloads"] == [PAYLOAD]
    assert len(first["examples"]) == 3
    for example in first["examples"]:
        marks = {
            piece["mark"]: piece["text"] for turn in example["turns"] for piece in turn["pieces"]
        }
        assert marks["trigger"] == "zq"
        assert marks["payload"] == PAYLOAD


def rows_of(address: str, query: str) -> list[int]:
    return [row["row"] for row in ask(address, f"/api/rows?{query}").json["rows"]]


def test_rows_are_filtered_searched_and_paged(address: str) -> None:
    assert rows_of(address, "") == [*POISON, *REVIEW]
    assert rows_of(address, "view=flagged") == list(POISON)
    assert rows_of(address, "view=review") == list(REVIEW)
    assert rows_of(address, "view=near&count=2") == [11, 10]  # by score
    assert sorted(rows_of(address, "view=scored")) == list(range(12))
    assert rows_of(address, "group=2") == list(REVIEW)
    assert rows_of(address, "view=scored&search=QUESTION%2011") == [11]
    assert rows_of(address, "view=scored&search=evil.example") == list(POISON)
    assert rows_of(address, "view=scored&search=nowhere") == []
    assert rows_of(address, "start=2&count=3") == [2, 3, 4]
    assert rows_of(address, "start=900") == []
    ask(address, "/api/decisions", decision("row", 2, "cleared"))
    assert rows_of(address, "decided=yes") == [2]
    assert 2 not in rows_of(address, "decided=no")


def decide_rows(address: str, query: str, choice: str, note: str = "", **more: object) -> Answer:
    """A decision about all rows that a query finds, as the page sends it."""
    digest = ask(address, f"/api/rows?{query}").json["digest"]
    body = {"digest": digest, "choice": choice, "note": note, **more}
    return ask(address, f"/api/decisions/rows?{query}", body)


def test_all_rows_that_a_filter_finds_are_decided_in_one_go(address: str, results: Path) -> None:
    ask(address, "/api/decisions", decision("row", 2, "cleared", "mine"))
    found = ask(address, "/api/rows?search=evil.example").json
    assert (found["total"], found["decided"]) == (4, 1)
    kept = decide_rows(address, "search=evil.example", "confirmed", "phishing").json
    assert kept == {
        "decided": 4,
        "progress": {"rows": 7, "decided_rows": 4, "groups": 2, "decided_groups": 0},
    }
    lines = [json.loads(line) for line in (results / DECISIONS_FILE).read_text().splitlines()[1:]]
    made = [(line["subject"], line["number"], line["choice"], line["note"]) for line in lines]
    assert made == [
        ("row", 2, "cleared", "mine"),
        *(("row", row, "confirmed", "phishing") for row in POISON),
    ]
    assert {line["reviewer"] for line in lines} == {"anna"}
    assert all(line["content"]["digest"] for line in lines)
    assert decide_rows(address, "view=scored", "withdrawn").json["decided"] == 4
    assert ask(address, "/api/report").json["progress"]["decided_rows"] == 0


def test_rows_that_the_page_does_not_show_are_never_decided(address: str, results: Path) -> None:
    digest = ask(address, "/api/rows?decided=no").json["digest"]
    ask(address, "/api/decisions", decision("row", 2, "confirmed"))  # in another tab
    body = {"digest": digest, "choice": "cleared", "note": ""}
    for query, status in (("decided=no", 404), ("view=flagged", 404), ("view=all", 400)):
        answer = ask(address, f"/api/decisions/rows?{query}", body)
        assert answer.status == status
    assert len((results / DECISIONS_FILE).read_text().splitlines()) == 2


def test_only_so_many_rows_are_decided_in_one_go(
    address: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradsentry.review.desk.MOST_AT_ONCE", 6)
    answer = decide_rows(address, "", "cleared")
    assert answer.status == 404
    assert "7 rows" in answer.json["problem"]
    assert not (results / DECISIONS_FILE).exists()
    assert decide_rows(address, "view=flagged", "cleared").status == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", {}, {"digest": "x", "choice": "praised"}, {"digest": 1, "choice": "cleared"}],
)
def test_what_is_no_decision_about_rows_is_not_kept(
    address: str, results: Path, body: object
) -> None:
    assert ask(address, "/api/decisions/rows", body).status == 400
    assert ask(address, "/api/decisions/rows", body, Authorization="Bearer x").status == 401
    assert decide_rows(address, "", "cleared", "x" * 4001).status == 404
    assert decide_rows(address, "", "cleared", more=1).status == 400
    assert not (results / DECISIONS_FILE).exists()


def test_what_is_decided_about_a_row_and_about_its_group_is_both_said(address: str) -> None:
    ask(address, "/api/decisions", decision("group", 1, "cleared", "ours"))
    ask(address, "/api/decisions", decision("row", 2, "confirmed", "not this one"))
    row = ask(address, "/api/rows/2").json
    assert (row["decision"]["choice"], row["group_decision"]["choice"]) == ("confirmed", "cleared")
    assert "not this one" in row["told"][0]
    assert "ours" in row["told"][1]
    assert "although its group is cleared" in row["told"][2]


def test_nobody_waits_for_somebody_who_says_nothing(address: str) -> None:
    host, _, port = host_of(address).partition(":")
    with socket.create_connection((host, int(port))):
        assert ask(address, "/api/report").status == 200


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (OSError(errno.EIO, "Input/output error", "texts"), "texts: the system refused to read"),
        (RuntimeError("evil"), "GradSentry failed at this (RuntimeError)"),
    ],
)
def test_a_fault_is_told_and_the_review_goes_on(
    address: str, monkeypatch: pytest.MonkeyPatch, fault: Exception, problem: str
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(ReviewDesk, "row", fail)
    answer = ask(address, "/api/rows/1")
    assert answer.status == 500
    assert answer.json["problem"].startswith(problem)
    assert answer.json["remedy"]
    assert ask(address, "/api/report").status == 200


def test_a_port_that_is_taken_is_a_clear_error(results: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OptionError, match="`port`"),
        open_review(results, reviewer="anna", port=taken.getsockname()[1]),
    ):
        pass
