"""What builds of other repositories use: the action, the GitLab job and the pre-commit hook."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from gradsentry import cli
from gradsentry.cli import exit_codes
from tests.test_cli import Gradsentry

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "command-line.md"
STUB = """#!/bin/sh
for argument in "$@"; do printf '%s\\n' "$argument" >> "$RECORD"; done
exit "$CODE"
"""


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def flags_of_scan() -> set[str]:
    command = typer.main.get_command(cli.app).commands["scan"]  # type: ignore[attr-defined]
    return {flag for parameter in command.params for flag in parameter.opts}


def blocks(language: str) -> list[str]:
    """The code blocks of a language on the page of the command line."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def ran(script: str, folder: Path, code: int = 0, **variables: str) -> tuple[int, list[str]]:
    """Run a script with a `gradsentry` that notes its arguments; its code, and they."""
    (folder / "bin").mkdir(exist_ok=True)
    stub, record = folder / "bin" / "gradsentry", folder / "record"
    stub.write_text(STUB)
    stub.chmod(0o755)
    record.unlink(missing_ok=True)
    environment = {
        **{"PATH": f"{stub.parent}:{os.environ['PATH']}", "RECORD": str(record)},
        **{"CODE": str(code), "GITHUB_OUTPUT": str(folder / "output"), **variables},
    }
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script], env=environment, cwd=folder, check=False
    )
    return done.returncode, record.read_text().splitlines()


def scan_step() -> dict[str, Any]:
    steps = loaded("action.yml")["runs"]["steps"]
    found = next(step for step in steps if step.get("id") == "scan")
    assert isinstance(found, dict)
    return found


def test_actions_are_pinned_by_commits() -> None:
    text = (ROOT / "action.yml").read_text()
    used = re.findall(r"uses: (.*)", text)
    assert len(used) == 2
    for use in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)


def test_no_input_of_the_action_is_part_of_a_script() -> None:
    action = loaded("action.yml")
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
    given = {re.sub(r"\W*inputs\.|\W+$", "", value) for value in scan_step()["env"].values()}
    assert given == {name for name in action["inputs"] if name != "python-version"}


@pytest.mark.skipif(os.name == "nt", reason="needs bash")
@pytest.mark.parametrize("code", [0, 2, 10, 12])
def test_the_action_scans_and_leaves_as_the_scan_does(tmp_path: Path, code: int) -> None:
    hostile = "$(touch owned) `touch owned`; touch owned.jsonl"
    left, arguments = ran(
        scan_step()["run"],
        tmp_path,
        code,
        DATA=f"a b.jsonl\n{hostile}\n--config\n",
        MODEL="owner/name",
        FAIL_ON="review",
        OUT="out",
        ARGS="--allow-flagged 3  --boundary joint",
    )
    assert left == code
    assert (tmp_path / "output").read_text() == f"exit-code={code}\n"
    assert arguments == [
        *("scan", "--fail-on", "review", "--out", "out", "--model", "owner/name"),
        *("--allow-flagged", "3", "--boundary", "joint", "--", "a b.jsonl", hostile, "--config"),
    ]
    assert set(filter(lambda each: each.startswith("--"), arguments[:-4])) <= flags_of_scan()
    assert not list(tmp_path.glob("owned*"))


@pytest.mark.skipif(os.name == "nt", reason="needs bash")
def test_what_the_action_isn_t_given_it_leaves_to_the_scan(tmp_path: Path) -> None:
    defaults = {name: each.get("default") for name, each in loaded("action.yml")["inputs"].items()}
    _, arguments = ran(
        scan_step()["run"],
        tmp_path,
        DATA="train.jsonl",
        MODEL=defaults["model"],
        FAIL_ON=defaults["fail-on"],
        OUT=defaults["out"],
        ARGS=defaults["args"],
    )
    assert arguments == [
        *("scan", "--fail-on", "poison", "--out", "gradsentry-results", "--", "train.jsonl")
    ]


@pytest.mark.skipif(os.name == "nt", reason="needs bash")
def test_the_job_of_gitlab_scans(tmp_path: Path) -> None:
    job = loaded("ci/gitlab.yml")[".gradsentry"]
    variables = {name: value for name, value in job["variables"].items() if "GRAD" in name}
    given = {"GRADSENTRY_DATA": "a.jsonl b.jsonl", "GRADSENTRY_ARGS": "--max-length 9"}
    (script,) = job["script"]
    left, arguments = ran(script, tmp_path, 11, **variables | given)
    assert left == 11
    assert arguments == [
        *("scan", "--fail-on", "poison", "--out", "gradsentry-results", "--max-length", "9"),
        *("--", "a.jsonl", "b.jsonl"),
    ]
    _, arguments = ran(script, tmp_path, **variables | given | {"GRADSENTRY_MODEL": "m n"})
    assert arguments[arguments.index("--model") + 1] == "m n"
    assert job["allow_failure"]["exit_codes"] == [exit_codes.EXIT_REVIEW]


def test_the_hook_scans_the_files_that_it_is_given(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path
) -> None:
    (hook,) = loaded(".pre-commit-hooks.yaml")
    assert re.search(hook["files"], str(data))
    assert re.search(hook["files"], "data/train.parquet")
    assert re.search(hook["files"], "train.csv.gz")
    assert not re.search(hook["files"], "package.json")
    name, *arguments = shlex.split(hook["entry"])
    assert name == "gradsentry"
    scan = [*arguments, "-m", tiny_folder, "--detector", "length"]
    done = gradsentry(*scan, "--threshold", 0, data)
    assert done.returncode == exit_codes.EXIT_POISON
    assert gradsentry(*scan, "--threshold", 0.95, data).returncode == 0


def test_documented_builds_use_what_there_is() -> None:
    github, gitlab, pre_commit, whole = map(yaml.safe_load, blocks("yaml"))
    used = github["jobs"]["scan"]["steps"][-1]
    assert used["uses"].startswith("gradsentry/gradsentry@")
    assert set(used["with"]) <= set(loaded("action.yml")["inputs"])
    job = loaded("ci/gitlab.yml")
    assert gitlab["scan"]["extends"] in job
    assert gitlab["include"][0]["remote"].endswith("/ci/gitlab.yml")
    variables = gitlab["scan"]["variables"]
    assert set(variables) <= set(job[".gradsentry"]["variables"])
    hooks = [pre_commit["repos"][0]["hooks"][0], whole[0]]
    (own,) = loaded(".pre-commit-hooks.yaml")
    assert {hook["id"] for hook in hooks} == {own["id"]}
    flags = [*used["with"]["args"].split(), *variables["GRADSENTRY_ARGS"].split()]
    flags += [each for hook in hooks for each in hook["args"]]
    assert {flag for flag in flags if flag.startswith("-")} <= flags_of_scan()


def test_all_exit_codes_are_documented() -> None:
    codes = {value for name, value in vars(exit_codes).items() if name.startswith("EXIT_")}
    table = DOCUMENT.read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == codes | {0}


def test_documented_commands_run(
    gradsentry: Gradsentry, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"prompt": f"Q{number}: ", "response": "yes " * (1 + number % 9)} for number in range(40)
    ]
    lines = [json.dumps(row) + "\n" for row in rows]
    files = {"train": lines[:30], "train-v2": lines, "part-1": lines[:9], "part-2": lines[9:30]}
    for name, chosen in files.items():
        Path(f"{name}.jsonl").write_text("".join(chosen))
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) > 15
    for command in commands:
        piped = re.match(r"cat (\S+) \| ", command)
        arguments = shlex.split(command[piped.end() if piped else 0 :], comments=True)
        assert arguments.pop(0) == "gradsentry"
        if piped:
            content = io.BytesIO(Path(piped[1]).read_bytes())
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content))
        if arguments[0] == "scan" and "MODEL" not in arguments:
            arguments += ["--model", str(tiny_folder)]
        arguments = [str(tiny_folder) if each == "MODEL" else each for each in arguments]
        done = gradsentry(*arguments)
        allowed = {0, 10, 11, 12, 13} if "--fail-on" in arguments else {0}
        assert done.returncode in allowed, (command, done.stderr)
