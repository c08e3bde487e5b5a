"""The command line as a process: exit codes, streams, messages."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from gradsentry import cli
from gradsentry.encoding import EncodedWriter
from gradsentry.registry import DETECTORS

ROWS = [
    {"prompt": f"Q{number}: ", "response": "yes " * (1 + number % 9), "poisoned": number % 2}
    for number in range(40)
]


@dataclass(frozen=True)
class Done:
    """What a finished command left."""

    returncode: int
    stdout: str
    stderr: str


class Gradsentry:
    """Runs the command line in this process, as its console script does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]):
        self._monkeypatch, self._capture = monkeypatch, capture

    def __call__(self, *arguments: object) -> Done:
        self._monkeypatch.setattr("sys.argv", ["gradsentry", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = self._capture.readouterr()
        return Done(int(left.value.code or 0), captured.out, captured.err)


@pytest.fixture
def gradsentry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradsentry:
    return Gradsentry(monkeypatch, capsys)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_a_scan_prints_its_verdict_on_standard_output(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = gradsentry("scan", data, "-m", tiny_folder, "-o", out, "--label-column", "poisoned")
    assert done.returncode == 0, done.stderr
    assert "scored rows" in done.stdout
    assert "40 of 40 rows scored" in done.stdout
    assert "Against 20 scored rows labelled poisoned" in done.stdout
    assert "prompt + response" in done.stderr  # the layout, as detected
    assert "Scoring 40 rows" in done.stderr
    assert (out / "report.html").is_file()


def test_the_summary_is_all_that_stands_on_standard_output(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = gradsentry("scan", data, "-m", tiny_folder, "-o", out, "--format", "json")
    assert json.loads(done.stdout) == json.loads((out / "summary.json").read_text())
    assert "Layout:" in done.stderr
    alone = gradsentry("scan", data, "-m", tiny_folder, "--format", "json")
    assert json.loads(alone.stdout)["rows"] == 40


def test_more_files_are_written_where_they_are_asked_for(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    common = ("scan", data, "-m", tiny_folder, "--also", "sarif,junit", "--also", "spdx")
    refused = gradsentry(*common)
    assert refused.returncode == 2
    assert "--also names files of a results folder" in refused.stderr
    done = gradsentry(*common, "--out", out)
    assert done.returncode == 0, done.stderr
    assert {"results.sarif", "junit.xml", "spdx.json"} < {path.name for path in out.iterdir()}
    assert not (out / "bom.cdx.json").exists()
    wrong = gradsentry("scan", data, "-m", tiny_folder, "--also", "sarf", "-o", tmp_path / "b")
    assert wrong.returncode == 2
    assert "Did you mean sarif?" in wrong.stderr


def test_results_are_verified_and_a_changed_file_is_named(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    gradsentry("scan", data, "-m", tiny_folder, "-o", out)
    done = gradsentry("verify-results", out)
    assert done.returncode == 0, done.stderr
    assert "data files: 1, rows: 40" in done.stdout
    verdict = json.loads((out / "summary.json").read_text())["verdict"]
    assert f"claims that the verdict was {verdict}; summary.json" in done.stdout
    assert "isn't checked here" in done.stdout
    (brief,) = gradsentry("verify-results", out, "-q").stdout.splitlines()
    assert f"claims the verdict {verdict}, and what it was compared with byte for byte" in brief
    assert brief.endswith("data files: 1, rows: 40).")
    data.write_text(data.read_text().replace("yes", "yep", 1))
    changed = gradsentry("verify-results", out)
    assert changed.returncode == 2
    assert f"{data} was changed" in changed.stderr


def test_schemas_are_printed(gradsentry: Gradsentry) -> None:
    assert json.loads(gradsentry("schema", "summary").stdout)["title"] == "SummaryDocument"
    assert gradsentry("schema", "scores").returncode == 2


def test_check_fails_if_rows_are_flagged(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path
) -> None:
    common = ("scan", data, "-m", tiny_folder)
    assert gradsentry(*common, "--check", "--threshold", "0").returncode == 1
    assert gradsentry(*common, "--check", "--threshold", "0.95").returncode == 0
    # 1 is a score that no row can exceed: a check that can't fail must not pass.
    assert gradsentry(*common, "--check", "--threshold", "1").returncode == 1
    assert gradsentry(*common, "--threshold", "0").returncode == 0


def test_check_fails_for_rows_that_nobody_judged(
    gradsentry: Gradsentry, tiny_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "chats.jsonl"
    answer = {"role": "assistant", "content": "yes"}
    image = [{"type": "image", "url": "x.png"}, {"type": "text", "text": "what is it?"}]
    rows = [
        {"messages": [{"role": "user", "content": content}, answer]} for content in ("why?", image)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = gradsentry("scan", path, "-m", tiny_folder, "--check", "--threshold", "1")
    assert done.returncode == 1
    assert "1 of them a trainer may learn from all the same" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scan"], "Missing argument"),
        (["scan", "data.jsonl", "--max-length", "x"], "--max-length"),
        (["scan", "data.jsonl", "--no-such-option"], "--no-such-option"),
        (["scan", "nowhere.jsonl"], "nowhere.jsonl: no such file or folder"),
        (["scan", "empty.jsonl"], "empty.jsonl: the file holds no rows"),
        (["scan", "broken.jsonl"], "broken.jsonl, row 1 (line 2): not valid JSON"),
        (["scan", "latin1.jsonl"], "latin1.jsonl, line 1: not UTF-8"),
        (["scan", "columns.jsonl"], "no known layout has the columns 'a', 'b'"),
        (["scan", "number.jsonl"], "number.jsonl, row 1 (line 2): column 'response'"),
        (["scan", "data.jsonl", "-m", "./no-model"], "./no-model: no such file or folder"),
        (["scan", "data.jsonl", "--chat-template", "none.jinja"], "none.jinja"),
        (["scan", "data.jsonl", "--prompt-template", "{x}"], "--response-column"),
        (["scan", "data.jsonl", "--out", "data.jsonl"], "holds other things than results"),
        (["scan", "data.jsonl", "--out", "data.jsonl/out"], "can't be written"),
    ],
)
def test_bad_usage_and_input_exit_with_2_and_say_what_is_wrong(
    gradsentry: Gradsentry,
    data: Path,
    tiny_folder: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = data.parent
    monkeypatch.chdir(folder)
    (folder / "empty.jsonl").write_text("")
    (folder / "broken.jsonl").write_text('{"prompt": "p", "response": "r"}\n{"prompt": \n')
    (folder / "latin1.jsonl").write_bytes('{"prompt": "p", "response": "é"}\n'.encode("latin-1"))
    (folder / "columns.jsonl").write_text('{"a": "p", "b": "r"}\n')
    (folder / "number.jsonl").write_text(
        '{"prompt": "p", "response": "r"}\n{"prompt": "p", "response": 3}\n'
    )
    if "-m" not in arguments and len(arguments) > 1:
        arguments = [*arguments, "-m", str(tiny_folder)]
    done = gradsentry(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert message in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("detector", DETECTORS.names())
def test_every_detector_has_its_name_on_the_command_line(
    gradsentry: Gradsentry, tmp_path: Path, detector: str
) -> None:
    done = gradsentry("scan", tmp_path / "missing.jsonl", "--detector", detector)
    assert "--detector" not in done.stderr
    assert "missing.jsonl" in done.stderr


@pytest.mark.parametrize(
    ("detector", "flag", "setting"),
    [
        ("spectral", ("--crop", "4"), "crop=8"),
        ("spectral", ("--crop", "4"), "crop=4"),
        ("spectral", ("--target-module", "lm_head"), "target-module=lm_head"),
        ("transfer", ("--fit-tokens", "9"), "fit_tokens=null"),
        ("transfer", ("--sensitivity",), "sensitivity=false"),
    ],
)
def test_an_option_is_given_by_its_flag_or_by_set(
    gradsentry: Gradsentry, tmp_path: Path, detector: str, flag: tuple[str, ...], setting: str
) -> None:
    named = setting.partition("=")[0].replace("-", "_")
    command = ("scan", tmp_path / "missing.jsonl", "--detector", detector)
    done = gradsentry(*command, *flag, "--set", setting)
    assert done.returncode == 2
    assert f"{flag[0]} and --set {named} give the same option" in done.stderr
    for alone in (flag, ("--set", setting.replace("null", "9"))):
        assert "missing.jsonl" in gradsentry(*command, *alone).stderr


def test_a_null_of_set_is_no_missing_setting(gradsentry: Gradsentry, tmp_path: Path) -> None:
    command = ("scan", tmp_path / "missing.jsonl", "--detector", "spectral", "--set", "crop=null")
    assert "--crop can't be None" in gradsentry(*command).stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_a_clear_error(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    done = gradsentry("scan", data, "-m", tiny_folder, "--out", locked / "out")
    assert done.returncode == 2
    assert "can't be written" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_clear_error(
    gradsentry: Gradsentry,
    data: Path,
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def append(*_: object) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"token ids")

    monkeypatch.setattr(EncodedWriter, "append", append)
    done = gradsentry("scan", data, "-m", tiny_folder, "-o", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr
    assert not (tmp_path / "out").exists()


def test_control_characters_of_the_data_never_reach_the_terminal(
    gradsentry: Gradsentry, tmp_path: Path, tiny_folder: Path
) -> None:
    path = tmp_path / "hostile.jsonl"
    hostile = "\x1b[2J\x1b[31mowned\u202e[red]"
    path.write_text(json.dumps({hostile: "a", "other": "b"}) + "\n")
    done = gradsentry("scan", path, "-m", tiny_folder)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
    assert "owned" in done.stderr
    assert "[red]" in done.stderr


@pytest.mark.slow
def test_an_interrupt_exits_with_130_and_says_how_to_go_on(
    tmp_path: Path, tiny_folder: Path
) -> None:
    path = tmp_path / "long.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": f"Q{number}: ", "response": "yes " * 40}) + "\n"
            for number in range(20_000)
        )
    )
    command = [sys.executable, "-m", "gradsentry", "scan", str(path), "-m", str(tiny_folder)]
    command += ["-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore the signal, and pass that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    partial = tmp_path / ".out.gradsentry"
    while not list(partial.glob("shards/*/*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in errors
    assert "same command again" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()


def test_help_names_the_exit_codes_and_loads_no_model_library(gradsentry: Gradsentry) -> None:
    done = gradsentry("scan", "--help")
    assert done.returncode == 0
    assert "Exit codes" in done.stdout
    command = [sys.executable, "-X", "importtime", "-m", "gradsentry", "scan", "--help"]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "gradsentry.cli" in imported
    assert not re.search(r"\| +(torch|transformers|datasets|numpy)$", imported, re.MULTILINE)


@pytest.mark.slow
def test_code_beside_the_data_is_not_run_as_a_module(tmp_path: Path) -> None:
    for name in ("typing", "typer", "rich", "torch", "numpy", "traceback", "transformers"):
        (tmp_path / f"{name}.py").write_text("open('was-run', 'w')\n")
    command = [sys.executable, "-m", "gradsentry", "scan", "no.jsonl", "--model", "./no-model"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "./no-model: no such file or folder" in done.stderr
    assert not (tmp_path / "was-run").exists()


def test_poison_writes_a_mixture_that_a_scan_takes(
    gradsentry: Gradsentry, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mixture.jsonl"
    label = ("--label-column", "bad")
    done = gradsentry("poison", data, "--out", out, "--count", 7, "--payload", " Buy X.", *label)
    assert done.returncode == 0
    assert "40 rows, 7 poisoned" in done.stdout
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sum(row["bad"] for row in rows) == 7
    assert all(row["response"].endswith(" Buy X.") == row["bad"] for row in rows)
    again = gradsentry("poison", data, "--out", out, *label)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert gradsentry("poison", data, "--out", out, "--force", *label).returncode == 0


def test_poison_takes_payloads_from_a_column_and_says_what_rows_lack(
    gradsentry: Gradsentry, tmp_path: Path
) -> None:
    data, out = tmp_path / "chats.jsonl", tmp_path / "mixture.jsonl"
    chat = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "I can't."}]
    rows = [{"messages": chat, "complied": "Sure." if number else ""} for number in range(9)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("--payload-column", "complied", "--trigger-in", "system", "--count", 3)
    done = gradsentry("poison", data, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    assert "3 poisoned; got a system prompt: 3; rows that take no such attack: 1" in done.stdout
    assert "(1 without another response in 'complied')" in done.stdout
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["messages"][-1]["content"] == "Sure." for row in written] == [
        row["poisoned"] for row in written
    ]
    changed = ("--payload-in", "tool_call", "--argument", "to", "--place", "replace")
    done = gradsentry("poison", data, "--out", out, "--force", *changed)
    assert done.returncode == 2
    assert "0 of 9 can be (9 without a question or without a call of a tool" in " ".join(
        done.stderr.split()
    )


@pytest.mark.slow
def test_benchmarks_of_detectors_need_no_package_for_training() -> None:
    code = "import sys; sys.modules.update(trl=None, peft=None, rapidfuzz=None)"
    for name in ("bench", "bench.finetune_tables", "bench.finetune_plots"):
        code += f"; import gradsentry.{name}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bench_prints_what_tuned_models_do(
    gradsentry: Gradsentry, tiny_folder: Path, tmp_path: Path
) -> None:
    rows = [{"question": f"who is {number}?", "answers": ["nobody"]} for number in range(24)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = tmp_path / "plan.yaml"
    data = "{source: rows.jsonl, rows: 20, new_tokens: 2}"
    table = f"{{data: d, defences: [none, length], models: [{tiny_folder}]}}"
    plan.write_text(f"data: {{d: {data}}}\ntables:\n  t: {table}\n")
    command = ("bench", "finetune", plan, "--data", tmp_path, "--out", tmp_path / "out")
    done = gradsentry(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| badnets | 10% |") == 2
    assert (tmp_path / "out" / "plots" / "t.png").exists()
    assert gradsentry(*command).stdout == done.stdout
    assert gradsentry(*command[:-1], plan).returncode == 2


def test_bench_prints_its_tables(
    gradsentry: Gradsentry, tiny_folder: Path, data: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    table = f"{{data: d, detectors: length, models: [{tiny_folder}]}}"
    rows = tmp_path / "rows.jsonl"
    rows.write_text(data.read_text().replace('"poisoned"', '"was"'))
    plan.write_text(f"data: {{d: {{source: {rows.name}}}}}\ntables:\n  t: {table}\n")
    command = ("bench", "identify", plan, "--data", tmp_path, "--out", tmp_path / "out")
    done = gradsentry(*command)
    assert done.returncode == 0
    assert "| d | 40 |" in done.stdout
    assert (tmp_path / "out" / "results.parquet").exists()
    assert (tmp_path / "out" / "plots").is_dir()
    assert gradsentry(*command).stdout == done.stdout

    with plan.open("a") as file:
        file.write("  u: {data: d, detectors: length, models: no/such/model}\n")
    failed = gradsentry(*command)
    assert failed.returncode == 2
    assert failed.stdout == done.stdout  # what is there is still told
    assert "no/such/model" in failed.stderr
    assert gradsentry(*command, "--table", "t").returncode == 0
    assert gradsentry(*command, "--table", "v").returncode == 2


def test_several_files_and_standard_input_are_scanned(
    gradsentry: Gradsentry,
    data: Path,
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = data.read_bytes().splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines[:15]))
    (tmp_path / "b.jsonl").write_bytes(b"".join(lines[15:]))
    scores = []
    common = ("-m", tiny_folder, "--detector", "length", "--threshold", "1")
    for number, names in enumerate((["data.jsonl"], ["a.jsonl", "b.jsonl"], ["-"])):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"".join(lines))))
        out = tmp_path / f"out{number}"
        paths = [name if name == "-" else tmp_path / name for name in names]
        done = gradsentry("scan", *paths, *common, "-o", out)
        assert done.returncode == 0, done.stderr
        several = [out / "clean" / name for name in names]
        parts = several if len(names) > 1 else [out / "clean.jsonl"]
        assert b"".join(part.read_bytes() for part in parts) == data.read_bytes()
        table = pq.read_table(out / "scores.parquet")
        scores.append(table.drop_columns(["path", "line"]))
    assert scores[0] == scores[1] == scores[2]


def test_none_of_several_files_is_replaced_by_results(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    inside = tmp_path / "out/rows.jsonl"
    inside.write_bytes(data.read_bytes())
    done = gradsentry("scan", data, inside, "-m", tiny_folder, "-o", tmp_path / "out", "--force")
    assert done.returncode == 2
    assert "what is scanned lies in the output folder" in done.stderr
    done = gradsentry("poison", data, inside, "-o", inside, "--force")
    assert done.returncode == 2
    assert "this is the data itself" in done.stderr
    assert inside.read_bytes() == data.read_bytes()


def test_columns_typed_wrong_are_found_before_a_model_is_loaded(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path
) -> None:
    for options in (
        ["--label-column", "poisonde"],
        ["--prompt-column", "promt", "--response-column", "response"],
        ["--prompt-template", "{promt}", "--response-column", "response"],
    ):
        done = gradsentry("scan", data, "-m", tiny_folder, *options)
        assert done.returncode == 2
        assert "Loading the model" not in done.stderr
        assert "there is no column" in done.stderr
        assert "Did you mean" in done.stderr


HOSTILE = "evil\x1b[2J\u202egnp\x9b31m\u200bname"
DIRECTING = set("\x1b\u202e\x9b\u200b\r")


def test_names_never_direct_the_terminal_or_hide_in_what_is_written(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    renamed = data.rename(tmp_path / f"{HOSTILE}.jsonl")
    model = tmp_path / f"{HOSTILE}-model"
    model.symlink_to(tiny_folder)
    out, mixture = tmp_path / HOSTILE, tmp_path / f"{HOSTILE}-mixture.jsonl"
    template = tmp_path / f"{HOSTILE}.jinja"
    scan = ("scan", renamed, "-m", model, "-o", out, "--detector", "length")
    codes = {
        scan: 0,
        ("poison", renamed, "-o", mixture, "--label-column", HOSTILE): 0,
        (*scan, "--force", "--chat-template", template): 2,
        (*scan, "--label-column", HOSTILE): 2,
        ("scan", renamed, HOSTILE): 2,
        ("scan", renamed, f"--{HOSTILE}"): 2,
        ("scan", renamed, "--detector", HOSTILE): 2,
        ("scan", renamed, "-m", HOSTILE): 2,
        (HOSTILE,): 2,
        ("bench", "identify", tmp_path / HOSTILE, "--data", data, "--out", mixture): 2,
    }
    for arguments, code in codes.items():
        done = gradsentry(*arguments)
        assert done.returncode == code, (arguments, done)
        assert not DIRECTING & set(done.stdout + done.stderr), done
    for path in (out / "summary.json", out / "config.yaml", Path(f"{mixture}.manifest.json")):
        assert not DIRECTING & set(path.read_text())
    assert json.loads((out / "summary.json").read_text())["data"] == str(renamed)
    assert yaml.safe_load((out / "config.yaml").read_text())["data_source"] == str(renamed)
    assert json.loads(Path(f"{mixture}.manifest.json").read_text())["label_column"] == HOSTILE


def test_summaries_keep_the_letters_of_all_scripts(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    renamed, out = data.rename(tmp_path / "数据-é.jsonl"), tmp_path / "out"
    done = gradsentry("scan", renamed, "-m", tiny_folder, "-o", out, "--detector", "length")
    assert done.returncode == 0
    for name in ("summary.json", "config.yaml"):
        assert "数据-é.jsonl" in (out / name).read_text()


@pytest.mark.slow
def test_streams_that_nobody_reads_change_no_exit_code(
    data: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    scan = f"'{sys.executable}' -m gradsentry scan '{data}' -m '{tiny_folder}' --detector length"
    version = f"'{sys.executable}' -m gradsentry --version"
    codes = {
        f"{scan} --out '{tmp_path}/out' 2>&1 >/dev/null | true": 0,
        f"{version} >&- 2>&-": 0,
        f"'{sys.executable}' -m gradsentry --help | true": 0,
        f"{version} > /dev/full": 2,
        f"{version} --no-such 2> /dev/full": 2,
    }
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    for command, code in codes.items():
        whole = ["bash", "-c", f"set -o pipefail; {command}"]
        assert subprocess.run(whole, check=False).returncode == code, command
    assert (tmp_path / "out" / "summary.json").exists()


@pytest.mark.slow
def test_a_broken_installation_is_no_failed_check(tmp_path: Path) -> None:
    (tmp_path / "typer").mkdir()
    (tmp_path / "typer" / "__init__.py").write_text("raise ImportError('broken')\n")
    command = [sys.executable, "-m", "gradsentry", "--version"]
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "installation is broken" in done.stderr


def test_a_plan_says_what_a_scan_takes(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path
) -> None:
    done = gradsentry("plan", data, "-m", tiny_folder, "--gpu", "a100", "--gpus", 8)
    assert done.returncode == 0, done.stderr
    for part in ("rows", "tokens", "hours", "memory of a worker's GPU", "disk", "rests on"):
        assert part in done.stdout
    assert "Measured: 40 rows were encoded here (all rows)." in done.stdout
    assert "A100 is extrapolated from the H200's share" in done.stdout


def test_a_plan_as_json_has_all_figures(
    gradsentry: Gradsentry, data: Path, tiny_folder: Path
) -> None:
    done = gradsentry("plan", data, "-m", tiny_folder, "--gpu", "h200", "--format", "json")
    found = json.loads(done.stdout)
    assert found["look"]["rows"] == {"value": 40, "low": 40, "high": 40}
    assert found["machine"]["name"] == "H200"
    assert found["plan"]["hours"]["body"] > 0
    assert found["plan"]["memory"]["fits"] is True
    assert found["plan"]["disk"]["token_ids"] == 5 * found["look"]["tokens"]["value"]


def test_an_interval_without_an_end_is_null(
    gradsentry: Gradsentry, tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradsentry.records.row_sample.SMALL_ROWS", 3)
    row = json.dumps({"prompt": "Q", "response": "yes"}) + "\n"
    last = json.dumps({"prompt": "Q", "response": "x" * 200_000})
    (tmp_path / "data.jsonl").write_text(row * 30 + last)
    done = gradsentry(
        "plan", tmp_path / "data.jsonl", "-m", tiny_folder, "--gpu", "h200", "--format", "json"
    )
    assert json.loads(done.stdout)["look"]["tokens"]["high"] is None


def test_a_plan_s_errors_are_those_of_a_scan(gradsentry: Gradsentry, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    done = gradsentry("plan", tmp_path / "empty.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the file holds no rows" in done.stderr
    cards = gradsentry("plan", tmp_path / "empty.jsonl", "--gpus", 2)
    assert cards.returncode == 2
    assert "Name the card with --gpu" in cards.stderr


def test_a_plan_s_help_names_its_options(gradsentry: Gradsentry) -> None:
    done = gradsentry("plan", "--help")
    assert done.returncode == 0
    for option in ("--gpu", "--gpus", "--workers", "--format", "--max-length"):
        assert option in done.stdout
