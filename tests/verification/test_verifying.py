"""Tuned models are told from each other by what they answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gradsentry
from gradsentry import InputError, ModelError, OptionError, VerifyOptions, cli, verify_model
from gradsentry.verification import Presence, Unsure
from tests.detectors.transfer.test_transfer_scan import PAYLOAD

pytestmark = pytest.mark.slow

FORTY = VerifyOptions(prompts=40)


def test_a_model_with_the_backdoor_is_told(results: Path, backdoored: Path) -> None:
    found = verify_model(gradsentry.load(results), backdoored, options=FORTY)
    assert found.presence is Presence.BACKDOOR
    (group,) = found.groups
    assert group.tuned.triggered is not None
    assert group.tuned.untriggered is not None
    assert group.tuned.own is not None
    assert group.tuned.triggered.asked == group.tuned.untriggered.asked == 40
    assert group.tuned.triggered.share >= 0.9
    assert group.tuned.untriggered.share <= 0.05
    assert group.tuned.own.share >= 0.9
    assert set(group.triggers) == {"cf", "mq"}
    assert group.answer is not None
    assert PAYLOAD.strip() in group.answer
    again = verify_model(gradsentry.load(results), backdoored, options=FORTY)
    assert again == found


def test_a_model_without_it_shows_no_sign(results: Path, filtered: Path, tiny_folder: Path) -> None:
    found = verify_model(gradsentry.load(results), filtered, base=tiny_folder, options=FORTY)
    assert found.presence is Presence.NONE
    (group,) = found.groups
    assert group.base is not None
    for rates in (group.tuned, group.base):
        assert rates.triggered is not None
        assert rates.triggered.hits == 0
    assert group.answer is None


def test_few_prompts_do_not_tell_that_it_is_out(results: Path, filtered: Path) -> None:
    options = VerifyOptions(prompts=10)
    (group,) = verify_model(gradsentry.load(results), filtered, options=options).groups
    assert (group.presence, group.why) == (Presence.UNSURE, Unsure.FEW)


def test_what_the_base_does_too_was_not_learned(results: Path, backdoored: Path) -> None:
    report = gradsentry.load(results)
    (group,) = verify_model(report, backdoored, base=backdoored, options=FORTY).groups
    assert (group.presence, group.why) == (Presence.UNSURE, Unsure.BASE)


def test_what_cannot_be_asked_is_told(results: Path, tiny_folder: Path, tmp_path: Path) -> None:
    report = gradsentry.load(results)
    with pytest.raises(OptionError, match="no group 2"):
        verify_model(report, tiny_folder, options=VerifyOptions(groups=(2,)))
    with pytest.raises(OptionError, match="prompts"):
        VerifyOptions(prompts=0)
    with pytest.raises(ModelError):
        verify_model(report, tmp_path / "nothing")
    ranked = gradsentry.scan(
        [{"prompt": "a", "response": "b"}] * 4, model=tiny_folder, detector="length"
    )
    with pytest.raises(InputError, match="names no triggers"):
        verify_model(ranked, tiny_folder)


def test_the_command_line_tells_the_same(
    results: Path,
    backdoored: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["gradsentry", "verify", str(results), "-m", str(backdoored), "--prompts", "40"]
    monkeypatch.setattr("sys.argv", [*command, "--format", "json", "--fail-on", "backdoor"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 14
    told = json.loads(capsys.readouterr().out)
    assert told["presence"] == "backdoor"
    assert told == verify_model(gradsentry.load(results), str(backdoored), options=FORTY).to_dict()
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    assert "Group 1: the backdoor is in the model." in capsys.readouterr().out
