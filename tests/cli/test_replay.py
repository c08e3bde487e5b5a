"""`--config`: an earlier scan's options again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.test_cli import ROWS, Gradsentry

OPTIONS = (
    *("--detector", "spectral", "--crop", "2", "--threshold", "0.4", "--max-length", "60"),
    *("--boundary", "joint", "--targets", "all", "--dtype", "float32", "--batch-tokens", "512"),
    *("--prompt-template", "Ask: {question}\\nSay: ", "--response-column", "reply"),
)


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "asked.jsonl"
    rows = [{"question": row["prompt"], "reply": row["response"]} for row in ROWS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def results(gradsentry: Gradsentry, asked: Path, tiny_folder: Path, tmp_path: Path) -> Path:
    template = tmp_path / "template.jinja"
    template.write_text("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    out = tmp_path / "first"
    done = gradsentry(
        "scan", asked, "-m", tiny_folder, *OPTIONS, "--chat-template", template, "-o", out
    )
    assert done.returncode == 0, done.stderr
    return out


def options_of(folder: Path) -> dict[str, Any]:
    found = yaml.safe_load((folder / "config.yaml").read_text())
    assert isinstance(found, dict)
    return found


def test_the_same_options_and_data_give_the_same_results(
    gradsentry: Gradsentry, results: Path, asked: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    replay = ("--config", results / "config.yaml", "-m", tiny_folder, "-o", again)
    done = gradsentry("scan", asked, *replay)
    assert done.returncode == 0, done.stderr
    assert options_of(results) == options_of(again)
    scores = [pq.read_table(folder / "scores.parquet") for folder in (results, again)]
    assert scores[0] == scores[1]


def test_what_is_given_counts_instead(
    gradsentry: Gradsentry, results: Path, asked: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    other = asked.with_name("other.jsonl")
    other.write_text("".join(asked.read_text().splitlines(keepends=True)[:20]))
    again = tmp_path / "again"
    replay = ("--config", results / "config.yaml", "-m", tiny_folder, "-o", again)
    changed = ("--threshold", "0.3", "--boundary", "separate", "--crop", "4")
    done = gradsentry("scan", other, *replay, *changed)
    assert done.returncode == 0, done.stderr
    found = options_of(again)
    assert found["data_paths"] == [str(other)]
    assert found["threshold"] == 0.3
    assert found["encoding"]["boundary"] == "separate"
    assert found["detector"]["crop"] == 4
    assert found["encoding"]["max_length"] == 60


def test_another_detector_has_its_own_options(
    gradsentry: Gradsentry, results: Path, asked: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    replay = ("--config", results / "config.yaml", "-m", tiny_folder, "-o", again)
    done = gradsentry("scan", asked, *replay, "--detector", "length")
    assert done.returncode == 0, done.stderr
    assert options_of(again)["detector"] == {"name": "length"}


def test_what_is_read_and_fetched_must_be_named(
    gradsentry: Gradsentry, results: Path, asked: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    path, out = results / "config.yaml", tmp_path / "again"
    for given, wanted in (
        ((), "DATA and --model"),
        ((asked,), "--model"),
        (("-m", tiny_folder), "DATA"),
    ):
        done = gradsentry("scan", *given, "--config", path, "-o", out)
        assert done.returncode == 2
        assert f"name {wanted} on the command line" in done.stderr
        told = f"gradsentry scan {asked} --config {path} --model {tiny_folder}"
        assert told in done.stderr
        assert not out.exists()


def test_a_configuration_of_a_stranger_has_nothing_read_or_fetched(
    gradsentry: Gradsentry, results: Path, asked: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "strange.yaml"
    config = options_of(results)
    config["model"]["revision"] = config["model_revision"] = "0" * 40
    strange = {"data_paths": ["/etc/passwd; rm -rf ~"], "model_name": "evil/\x1b[31mmodel"}
    path.write_text(yaml.safe_dump({**config, **strange}))
    done = gradsentry("scan", "--config", path)
    assert done.returncode == 2
    assert "'/etc/passwd; rm -rf ~' --config" in done.stderr
    assert f"--revision {'0' * 40}" in done.stderr
    assert "\x1b" not in done.stderr
    out = tmp_path / "again"
    done = gradsentry("scan", asked, "--config", path, "-m", tiny_folder, "-o", out)
    assert done.returncode == 0, done.stderr
    found = options_of(out)
    assert (found["data_paths"], found["model_name"]) == ([str(asked)], str(tiny_folder))
    assert found["model"]["revision"] is None
    assert "isn't the one of" in done.stderr


def test_of_many_files_some_are_named(
    gradsentry: Gradsentry, results: Path, tmp_path: Path
) -> None:
    path = tmp_path / "many.yaml"
    for names, told in (
        ([f"{n}.jsonl" for n in range(900)], "scan 0.jsonl 1.jsonl 2.jsonl 3.jsonl 4.jsonl ... --"),
        ([], "scan DATA --config"),
    ):
        config = {**options_of(results), "data_paths": names, "data_source": "the rows"}
        path.write_text(yaml.safe_dump(config))
        done = gradsentry("scan", "--config", path)
        assert told in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "results of version 99"),
        ({"detector": {"name": "none"}}, "none"),
        ({"detector": {"name": "spectral", "no": 1}}, "no option no"),
        ({"encoding": {"new": 1}}, "encoding has an option that is unknown here: new"),
        ({"encoding": {"max_length": "x"}}, "--max-length can't be"),
        ({"data": {"split": 3}}, "--split can't be"),
        ({"threshold": 7}, "--threshold can't be"),
        ({"versions": None}, "versions"),
    ],
)
def test_what_cannot_be_replayed_is_a_clear_error(
    gradsentry: Gradsentry, results: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump({**options_of(results), **change}))
    done = gradsentry("scan", "data.jsonl", "-m", "model", "--config", path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", ["", "{", "a: [" * 5000, "!!python/object/apply:os.system [x]"])
def test_what_is_no_configuration_is_a_clear_error(
    gradsentry: Gradsentry, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content)
    for file in (path, tmp_path / "none.yaml", tmp_path):
        done = gradsentry("scan", "--config", file)
        assert done.returncode == 2
        assert str(file) in done.stderr
        assert "Traceback" not in done.stderr


def test_another_model_or_version_is_said(
    gradsentry: Gradsentry, results: Path, asked: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "older.yaml"
    config = options_of(results)
    config["versions"]["torch"] = "1.0"
    path.write_text(yaml.safe_dump({**config, "model_revision": "sha256:0"}))
    done = gradsentry("scan", asked, "-m", tiny_folder, "--config", path)
    assert done.returncode == 0, done.stderr
    assert "is of torch 1.0, and this is" in done.stderr
    assert "isn't the one of" in done.stderr
