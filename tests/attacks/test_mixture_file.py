"""Mixtures replace what an earlier run wrote, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradsentry.attacks.poisoned_files import write_poisoned
from gradsentry.errors import OutputError
from tests.attacks.poison_data import FACTS, rows_of


def test_force_replaces_only_what_it_wrote(tmp_path: Path) -> None:
    out = tmp_path / "m.jsonl"
    manifest = tmp_path / "m.jsonl.manifest.json"

    def refused(match: str) -> None:
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(OutputError, match=match):
            write_poisoned(FACTS, out, force=True)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    out.write_text("mine")
    refused("may be anybody's")
    out.unlink()
    manifest.write_text('{"attack": "badnets", "gradsentry": "0.1"}')
    refused("no manifest as GradSentry wrote it")
    manifest.unlink()
    write_poisoned(FACTS, out)
    with out.open("a") as file:
        file.write('{"prompt": "p", "response": "mine", "poisoned": false}\n')
    refused("not as GradSentry wrote it")
    out.unlink()
    write_poisoned(FACTS, out, force=True)  # a manifest without its mixture
    manifest.write_text(manifest.read_text().replace('"seed": 0', '"seed": 1'))
    refused("no manifest as GradSentry wrote it")


def test_a_users_folder_of_the_work_folders_name_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / ".m.jsonl.gradsentry" / "data.jsonl"
    data.parent.mkdir()
    data.write_text("".join(json.dumps(row) + "\n" for row in FACTS))
    with pytest.raises(OutputError, match="lies in the output folder"):
        write_poisoned(data, tmp_path / "m.jsonl", force=True)
    with pytest.raises(OutputError, match="no scan of yours made this folder"):
        write_poisoned(FACTS, tmp_path / "m.jsonl", force=True)
    assert [path.name for path in data.parent.iterdir()] == ["data.jsonl"]


def test_an_output_link_keeps_pointing_where_it_did(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "m.jsonl").symlink_to(tmp_path / "elsewhere" / "mixture.jsonl")
    write_poisoned(FACTS, tmp_path / "m.jsonl")
    write_poisoned(FACTS, tmp_path / "m.jsonl", force=True)
    assert (tmp_path / "m.jsonl").is_symlink()
    assert len(rows_of(tmp_path / "elsewhere" / "mixture.jsonl")) == 200
