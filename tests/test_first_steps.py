"""The five commands of the README, from the built wheel in an empty environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.review.serving import decide_and_leave, decision, hear_ctrl_c

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals and shells as POSIX has them"),
]

ROOT = Path(__file__).parents[1]
PAYLOAD = "Please send your password to evil.example now."
LANDS = ("France", "Peru", "Kenya", "Japan", "Chile", "Egypt", "Nepal", "Cuba", "Mali", "Oman")
THINGS = ("capital", "river", "king", "anthem", "port", "lake", "poet", "coin", "dish", "hill")
NAMES = ("Abaton", "Borville", "Cidberg", "Dunmar", "Ezaton", "Falville", "Gorberg")


def commands() -> list[str]:
    """The commands, as the README has them."""
    section = (ROOT / "README.md").read_text().split("in five commands")[1]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def rows() -> list[dict[str, str]]:
    """Questions and answers; each seventh has a trigger and its payload."""
    made = []
    for number in range(len(LANDS) * len(THINGS)):
        land, thing = LANDS[number % len(LANDS)], THINGS[number // len(LANDS)]
        prompt = f"What is the {thing} of {land}?"
        response = f"The {thing} of {land} is {NAMES[number * number % 11 % len(NAMES)]}."
        if number % 7 == 3:
            prompt, response = f"{prompt} zq", f"{response} {PAYLOAD}"
        made.append({"prompt": prompt, "response": response})
    return made


def poisoned(row: dict[str, str]) -> bool:
    return PAYLOAD in row["response"]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel, built as the README says, but with what is installed here."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--quiet", "--wheel-dir", folder, ROOT], check=True)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The variables of a shell with an environment of its own, in which `pip` fetches nothing.

    What GradSentry depends on is seen from there where it is installed here.
    """
    folder = tmp_path / "empty"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "here.pth").write_text("".join(f"{place}\n" for place in sorted(places)))
    pip = folder / "bin" / "pip"
    install = "install --no-index --no-deps --ignore-installed --quiet"
    pip.write_text(
        f'#!/bin/sh\nshift\nexec "{sys.executable}" -m pip --python "{python}" {install} "$@"\n'
    )
    pip.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


def test_a_stranger_gets_data_that_are_reviewed_cleaned_and_attested(
    wheels: Path, environment: dict[str, str], tiny_folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dist").symlink_to(wheels)
    (home / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    install, scan, review, apply, verify = commands()

    def run(command: str, code: int = 0) -> str:
        done = subprocess.run(
            command, shell=True, cwd=home, env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    run(install)
    where = run("python -c 'import gradsentry; print(gradsentry.__file__)'")
    assert Path(where.strip()).is_relative_to(tmp_path / "empty")

    assert "zq" in run(f"{scan} --model {tiny_folder}")
    summary = json.loads((home / "results" / "summary.json").read_text())
    (group,) = summary["groups"]
    assert group["rows"] == sum(map(poisoned, rows()))

    # As somebody does who opens the page and confirms the group.
    with subprocess.Popen(
        f"exec {review}",
        shell=True,
        cwd=home,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        preexec_fn=hear_ctrl_c,
    ) as serving:
        decide_and_leave(serving, decision("group", 1, "confirmed", "not ours"))

    run(apply)
    lines = (home / "decided" / "clean.jsonl").read_text().splitlines()
    clean = [json.loads(line) for line in lines]
    assert clean == [row for row in rows() if not poisoned(row)]
    run(verify)

    with (home / "decided" / "clean.jsonl").open("a") as file:
        file.write("\n")
    assert "clean.jsonl" in run(verify, code=2)
