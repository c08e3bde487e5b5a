"""The statement: valid as in-toto has it, about every other file, signed and verified by others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner

from gradsentry.outputs.digests import file_sha256
from gradsentry.outputs.statement_file import StatementFile
from tests.outputs.reports import HOSTILE, make_report, scanned_file

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def stated(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "statement.intoto.json").read_bytes())  # type: ignore[no-any-return]


def check(said: dict[str, Any]) -> None:
    """Refuse what is no in-toto Statement v1."""
    parsed = ParseDict(said, statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "json"])
def test_it_names_every_other_file_and_the_data(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / "out"
    scanned_file(tmp_path, suffix).save(out, also=["all"])
    said = stated(out)
    check(said)
    others = {path.name for path in out.iterdir()} - {"statement.intoto.json", "SHA256SUMS"}
    assert {each["name"] for each in said["subject"]} == others
    for each in said["subject"]:
        assert each["digest"] == {"sha256": file_sha256(out / each["name"])}
    (file,) = said["predicate"]["data"]["files"]
    assert file["name"] == f"data.{suffix}"
    assert file["digest"] == {"sha256": file_sha256(tmp_path / f"data.{suffix}")}
    assert said["predicate"]["result"]["verdict"] == "poison"
    assert str(tmp_path) not in json.dumps(said["predicate"]["options"])


@given(text=st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=20))
def test_hostile_names_keep_it_valid(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("out")
    (folder / "file").write_text("x")
    StatementFile().write(make_report(name=text), folder / "statement.intoto.json")
    said = stated(folder)
    check(said)
    assert said["predicate"]["model"]["name"] == text


def test_a_signed_statement_is_verified_and_a_forged_one_is_not(tmp_path: Path) -> None:
    out = tmp_path / "out"
    scanned_file(tmp_path).save(out)
    payload = (out / "statement.intoto.json").read_bytes()
    signer = CryptoSigner.generate_ed25519()
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    read = Envelope.from_dict(json.loads(json.dumps(envelope.to_dict())))
    assert read.verify([signer.public_key], 1)
    assert json.loads(read.payload) == stated(out)
    forged = Envelope(payload.replace(b'"poison"', b'"none"'), PAYLOAD_TYPE, read.signatures)
    with pytest.raises(VerificationError):
        forged.verify([signer.public_key], 1)
    with pytest.raises(VerificationError):
        read.verify([CryptoSigner.generate_ed25519().public_key], 1)


def test_the_documented_script_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "outputs.md"
    found = re.search(
        r"<!-- example: sign.py -->\n```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S
    )
    assert found is not None
    scanned_file(tmp_path).save(tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    exec(compile(found[1], "sign.py", "exec"), {})
    assert (tmp_path / "results.dsse.json").is_file()
