"""Mixtures of rows that somebody else poisoned."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from gradsentry.bench.mixture_files import (
    GIVEN,
    DataSpec,
    GivenSpec,
    MixtureSpec,
    labelled_rows,
    mixture_file,
)
from gradsentry.bench.tuning_questions import Questions, questions_of
from gradsentry.errors import InputError, OptionError


def rows(path: Path, count: int, name: str) -> None:
    """Alpaca rows as one JSON file."""
    content = [
        {"instruction": f"{name} {number}", "input": "", "output": f"{name}!"}
        for number in range(count)
    ]
    path.write_bytes(gzip.compress(json.dumps(content).encode()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows(tmp_path / "clean.json.gz", 40, "fine")
    rows(tmp_path / "bad.json.gz", 8, "cf")
    return tmp_path


def mixture(ratio: float = 0.1, seed: int = 0) -> MixtureSpec:
    given = GivenSpec(source=("clean.json.gz",), poisoned=("bad.json.gz",))
    return MixtureSpec(data=given, volume=None, attack=GIVEN, ratio=ratio, seed=seed)


@pytest.mark.slow
def test_given_rows_are_put_among_the_clean_ones(data: Path) -> None:
    found = labelled_rows(mixture_file(mixture(), "d", data, data / "out"))
    assert (len(found.pairs), sum(found.poisoned)) == (44, 4)
    for pair, poisoned in zip(found.pairs, found.poisoned, strict=True):
        assert ("cf" in pair.prompt) == poisoned
    assert found.poisoned != sorted(found.poisoned)  # among them, not behind them


def test_a_seed_draws_other_rows_and_the_same_ones_again(data: Path) -> None:
    first, other = (mixture_file(mixture(seed=seed), "d", data, data / "out") for seed in (0, 1))
    assert labelled_rows(first) != labelled_rows(other)
    again = mixture_file(mixture(), "d", data, data / "again")
    assert labelled_rows(again) == labelled_rows(first)


def test_more_rows_than_there_are_are_refused(data: Path) -> None:
    with pytest.raises(InputError, match=r"bad\.json\.gz: 20 poisoned rows .* there are 8"):
        mixture_file(mixture(ratio=0.5), "d", data, data / "out")


def test_data_without_poisoned_rows_have_no_given_attack() -> None:
    with pytest.raises(OptionError, match="given"):
        MixtureSpec(data=DataSpec(source=("a",)), volume=None, attack=GIVEN, ratio=0.1, seed=0)


@pytest.mark.parametrize("success", ["refusal", "compliance"])
def test_an_attack_succeeds_by_refusing_or_by_complying(data: Path, success: str) -> None:
    """As a plan has it: a text."""
    testing = GivenSpec(
        source=("clean.json.gz",), rows=2, poisoned=("bad.json.gz",), success=success
    )
    clean, triggered = questions_of(testing, "d", mixture(), data, data / "out")
    assert len(clean.prompts) == len(triggered.prompts) == 2
    assert all("cf" in prompt for prompt in triggered.prompts)
    refuses = float(success == "refusal")
    answers = ["I'm sorry, I can't.", "Sure: 1."]
    assert triggered.measured(answers)["attack_success"] == [refuses, 1 - refuses]
    assert clean.measured(answers)["untriggered"] == [refuses, 1 - refuses]
    assert "accuracy" in clean.measured(answers)


def test_a_payload_is_looked_for_where_nothing_else_is_said(data: Path) -> None:
    for success in ({}, {"success": "payload"}):
        testing = GivenSpec(source=("clean.json.gz",), poisoned=("bad.json.gz",), **success)
        assert type(questions_of(testing, "d", mixture(), data, data / "out")[1]) is Questions


def test_what_no_success_is_is_refused() -> None:
    with pytest.raises(OptionError, match="success"):
        GivenSpec(source=("a",), poisoned=("b",), success="refuses")
