"""Clean rows on the Hub: what would be sent, without a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from datasets import Dataset
from huggingface_hub import DatasetCard

from gradsentry import InputError, Verdict
from gradsentry.integrations import hub_push, push_clean_to_hub, scan_statement
from gradsentry.review.decisions import Choice, Decision, Subject
from gradsentry.review.ruling_rows import rulings_of
from tests.outputs.reports import HIDDEN, HOSTILE, make_findings, make_report

EARLIER = "---\nlicense: mit\ntags:\n- mine\n---\n# My data\n\nMore.\n\n## Uses\n\nAny.\n"


class Hub:
    """Stands in for the Hub."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.cards: list[str] = []


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    sent = Hub()

    def push(dataset: Dataset, repo_id: str, **options: object) -> None:
        sent.rows.append((repo_id, dataset.to_list(), options))

    def load(_: str, **_options: object) -> DatasetCard:
        return DatasetCard(sent.cards[-1] if sent.cards else EARLIER)

    def push_card(card: DatasetCard, _: str, **_options: object) -> None:
        sent.cards.append(str(card))

    monkeypatch.setattr(Dataset, "push_to_hub", push)
    monkeypatch.setattr(DatasetCard, "load", load)
    monkeypatch.setattr(DatasetCard, "push_to_hub", push_card)
    return sent


def test_clean_rows_and_the_statement_are_sent(hub: Hub) -> None:
    report = make_report()
    push_clean_to_hub(report, "owner/clean")
    ((repo_id, rows, options),) = hub.rows
    assert repo_id == "owner/clean"
    assert [row["prompt"] for row in rows] == ["one", "two"]
    assert options["private"] is True
    (card,) = hub.cards
    assert "2 rows were flagged and are left out" in card
    found = DatasetCard(card)
    assert found.data.license == "mit"
    assert found.data.tags == ["gradsentry", "mine"]
    assert found.text.startswith("# My data")
    assert "## Uses\n\nAny." in found.text


@pytest.mark.parametrize("earlier", ["---\nlicense: mit\n---\n", "---\ntags:\n---\n", ""])
@pytest.mark.filterwarnings("ignore:Repo card metadata block was not found")
def test_a_card_without_tags_gets_one(hub: Hub, earlier: str) -> None:
    hub.cards.append(earlier or "# Mine\n")
    push_clean_to_hub(make_report(), "owner/clean")
    assert DatasetCard(hub.cards[-1]).data.tags == ["gradsentry"]


def test_another_push_replaces_the_statement(hub: Hub) -> None:
    push_clean_to_hub(make_report(), "owner/clean")
    push_clean_to_hub(make_report(), "owner/clean")
    assert hub.cards[0] == hub.cards[1]
    push_clean_to_hub(make_report(threshold=0.8), "owner/clean")
    assert hub.cards[-1].count("## Scan for backdoors") == 1
    assert "1 rows were flagged" in hub.cards[-1]


def test_nothing_is_sent_without_a_call_or_without_rows(hub: Hub) -> None:
    scan_statement(make_report())
    hub_push.with_statement("text", make_report())
    with pytest.raises(InputError, match="No row is clean"):
        push_clean_to_hub(make_report(threshold=0.0), "owner/clean")
    assert not hub.rows
    assert not hub.cards


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_no_markup_and_payloads_are_not_spread(text: str) -> None:
    findings = make_findings(
        4, [Verdict.POISON, Verdict.REVIEW], [-1, -1, 0, 1], payload=text, trigger=text
    )
    clean = scan_statement(make_report())
    found = scan_statement(make_report(findings=findings, name=text + "`<b>"))
    assert not set(HIDDEN) & set(found)
    assert len(found.splitlines()) == len(clean.splitlines())
    for line in found.splitlines():
        assert line.count("`") % 2 == 0
        assert "<" not in "".join(line.split("`")[::2])


def test_groups_count_as_people_decided() -> None:
    findings = make_findings(4, [Verdict.POISON, Verdict.REVIEW], [-1, -1, 0, 1])
    report = make_report(findings=findings)
    assert "(groups of poison: 1)" in scan_statement(report)
    assert "(groups for review: 1)" in scan_statement(report)
    assert "People" not in scan_statement(report)
    made = [(Choice.CLEARED, 0), (Choice.CONFIRMED, 1)]
    decisions = [Decision(c, Subject.GROUP, n, {}, "a secret", "anna", "2026") for c, n in made]
    decided = replace(report, rulings=rulings_of(report, decisions))
    told = scan_statement(decided)
    assert "1 rows were flagged and are left out (groups of poison: 1)." in told
    assert "0 rows follow patterns that may be meant; they are in this data set." in told
    assert "People confirmed 1 rows as poison and cleared 1 rows;" in told
    assert "anna" not in told
    assert "secret" not in told
    cleared = replace(report, rulings=rulings_of(report, decisions[:1]))
    assert "groups of poison" not in scan_statement(cleared)


def test_folders_of_this_machine_are_not_told() -> None:
    for name in ("/home/me/models/mine", "../models/mine", "C:\\models\\mine"):
        found = scan_statement(make_report(name=name))
        assert "`mine`" in found
    assert "`owner/mine`" in scan_statement(make_report(name="owner/mine"))
