"""Benchmarks of detectors: resuming, shared head states, tables and figures."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from gradsentry import OutputError
from gradsentry.bench import IDENTIFY, chosen_tables, identify_cells, measured
from gradsentry.bench.cells import result_path
from gradsentry.bench.folder import held, kept_in
from gradsentry.bench.identify_cells import scores_of, scores_path
from gradsentry.bench.identify_plots import write_plots
from gradsentry.bench.results import read_result
from gradsentry.errors import GradSentryError
from gradsentry.models import LanguageModel, head_states
from gradsentry.work.progress import Silent

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in "ab":
        rows = [
            {"question": f"who is {name} {number}?", "answers": [f"person {number % 7}"]}
            for number in range(40)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def plan_file(tmp_path: Path, tiny_folder: Path) -> Path:
    plan = {
        "data": {"one": {"source": "a.jsonl"}, "both": {"source": ["a.jsonl", "b.jsonl"]}},
        "tables": {
            "attacks": {
                "data": ["one", "both"],
                "attacks": ["badnets", "none"],
                "ratios": [0.1, 0.5],
                "detectors": ["spectral", "length", "activation-clustering"],
                "models": [str(tiny_folder)],
                "published": {"spectral": {"one": [0.7, 0.8125, 0.9]}},
            },
            "sizes": {
                "data": "both",
                "volumes": [40, 80],
                "detectors": "length",
                "payloads": "No.",
                "place": "replace",
                "models": [str(tiny_folder)],
            },
        },
    }
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(plan))
    return path


def test_all_cells_are_run_once_and_tables_tell_them(
    plan_file: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = IDENTIFY.read(plan_file), tmp_path / "out"
    IDENTIFY.run(plan, data, out, Silent())
    cells = plan.cells()
    # Clean rows have no ratio: they are one cell, not two.
    assert len(cells) == 2 * (2 + 1) * 3 + 2
    pairs = measured(plan, out)
    assert [cell for cell, _ in pairs] == cells
    for cell, result in pairs:
        assert result["rows"] == (cell.volume or {"one": 40, "both": 80}[cell.data])
        assert result["poisoned"] == round(cell.ratio * result["rows"])
        scores, labels = scores_of(cell, out)
        assert len(scores) == result["scored"]
        assert labels.sum() == result["poisoned"]
    found = [result for _, result in pairs]
    by_length = next(r for r in found if r["detector"] == "length" and r["attack"] == "badnets")
    assert by_length["auroc"] == 1.0  # the payload is longer than any answer here

    IDENTIFY.write_tables(plan, found, out)
    assert pq.read_table(out / "results.parquet").num_rows == len(cells)
    text = IDENTIFY.markdown(plan, found)
    assert "## attacks" in text
    assert "## sizes" in text
    assert "kept" in text
    assert "| spectral, published |" in text
    assert [r["published"] for r in found if r["data"] == "one"][::3] == [0.7, 0.8125, 0.9]
    assert "| *0.8125* |" in text
    assert "| *90.00%* |" in text
    names = {path.name for path in write_plots(pairs, out)}
    assert names == {"attacks-f1-against-ratio.png", "sizes-f1-against-volume.png"}

    def refuse(*_: object) -> None:
        raise AssertionError("nothing is left to do")

    monkeypatch.setattr(identify_cells, "load_model", refuse)
    IDENTIFY.run(plan, data, out, Silent())
    assert [cell for cell, _ in measured(plan, out)] == cells


def test_a_cell_that_is_missing_is_run_again_and_gives_the_same(
    plan_file: Path, data: Path, tmp_path: Path
) -> None:
    plan, out = IDENTIFY.read(plan_file), tmp_path / "out"
    IDENTIFY.run(plan, data, out, Silent())
    path = result_path(plan.cells()[0], out)
    before = read_result(path)
    path.unlink()
    IDENTIFY.run(plan, data, out, Silent())
    after = read_result(path)
    assert before is not None
    assert after is not None
    assert {**after, "seconds": 0} == {**before, "seconds": 0}


def test_head_states_are_computed_once_for_all_detectors_and_mixtures(
    plan_file: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    original = head_states.target_states

    def counting(model: LanguageModel, rows: list[tuple[np.ndarray, np.ndarray]]) -> object:
        seen.extend(ids.tobytes() for ids, _ in rows)
        return original(model, rows)

    monkeypatch.setattr(head_states, "target_states", counting)
    IDENTIFY.run(IDENTIFY.read(plan_file), data, tmp_path / "out", Silent())
    assert len(seen) == len(set(seen))


def test_a_table_can_be_run_alone_and_figures_need_no_scores(
    plan_file: Path, data: Path, tmp_path: Path
) -> None:
    whole, out = IDENTIFY.read(plan_file), tmp_path / "out"
    IDENTIFY.run(chosen_tables(whole, ["sizes"]), data, out, Silent())
    found = measured(whole, out)
    assert [cell.table for cell, _ in found] == ["sizes", "sizes"]
    lone = found[:1]
    assert [path.name for path in write_plots(lone, out)] == ["sizes-both-scores.png"]
    scores_path(lone[0][0], out).unlink()
    assert write_plots(lone, out) == []


def test_too_few_rows_for_a_volume_are_refused(plan_file: Path, data: Path, tmp_path: Path) -> None:
    plan = yaml.safe_load(plan_file.read_text())
    plan["tables"] = {"t": {**plan["tables"]["sizes"], "volumes": [81]}}
    plan_file.write_text(yaml.safe_dump(plan))
    with pytest.raises(GradSentryError, match="81 rows are asked for, and there are 80"):
        IDENTIFY.run(IDENTIFY.read(plan_file), data, tmp_path / "out", Silent())


def test_a_folder_of_other_things_is_left_alone(
    plan_file: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "own"
    (out / "cache" / "work").mkdir(parents=True)
    (out / "cache" / "work" / "draft.tex").write_text("precious")
    for place in (out, data, plan_file):
        with pytest.raises(OutputError, match="no benchmark of GradSentry wrote it"):
            IDENTIFY.run(IDENTIFY.read(plan_file), data, place, Silent())
    assert [path.name for path in out.rglob("*")] == ["cache", "work", "draft.tex"]


def test_data_in_the_cache_are_left_alone(plan_file: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with held(out):
        inside = shutil.copytree(data, out / "cache" / "data")
    with pytest.raises(OutputError, match="lies in the output folder"):
        IDENTIFY.run(IDENTIFY.read(plan_file), inside, out, Silent())
    assert len(list(inside.iterdir())) == 2


def test_damaged_cells_and_states_are_computed_again(
    plan_file: Path, data: Path, tmp_path: Path
) -> None:
    plan, out = IDENTIFY.read(plan_file), tmp_path / "out"
    plan = chosen_tables(plan, ["attacks"])

    def found() -> list[float]:
        return [result["auroc"] for _, result in measured(plan, out)]

    IDENTIFY.run(plan, data, out, Silent())
    cells = plan.cells()
    before = found()
    for cell in cells:
        path = result_path(cell, out)
        path.write_text(path.read_text()[:-20])
    hidden = sorted((out / "cache" / "states").rglob("hidden"))
    assert hidden
    for path in hidden:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"damage")
    assert found() == []
    IDENTIFY.run(plan, data, out, Silent())
    assert found() == pytest.approx(before)
    assert len(kept_in(out)) == len(cells)


def test_files_beside_those_of_the_cache_are_left_alone(
    plan_file: Path, data: Path, tmp_path: Path
) -> None:
    plan, out = chosen_tables(IDENTIFY.read(plan_file), ["attacks"]), tmp_path / "out"
    IDENTIFY.run(plan, data, out, Silent())
    (out / "cache" / "work").mkdir()
    for name in ("work/draft.tex", "draft.tex", "states/draft.tex", "mixtures/draft.tex"):
        (out / "cache" / name).write_text("precious")
    for cell in plan.cells():
        result_path(cell, out).unlink()
    IDENTIFY.run(plan, data, out, Silent())
    assert len(list((out / "cache").rglob("draft.tex"))) == 4
    assert not list((out / "cache").glob(".work*"))


def test_a_mixture_that_was_changed_is_not_measured(
    plan_file: Path, data: Path, tmp_path: Path
) -> None:
    plan, out = chosen_tables(IDENTIFY.read(plan_file), ["attacks"]), tmp_path / "out"
    IDENTIFY.run(plan, data, out, Silent())
    mixture = sorted((out / "cache" / "mixtures").glob("*.jsonl.gz"))[0]
    mixture.write_bytes(gzip.compress(gzip.decompress(mixture.read_bytes())[:-1] + b" \n"))
    for cell in plan.cells():
        result_path(cell, out).unlink()
    with pytest.raises(OutputError, match="not as GradSentry wrote it"):
        IDENTIFY.run(plan, data, out, Silent())
