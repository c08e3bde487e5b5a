"""Defences judged by the models that are tuned behind them: every cell of a plan, once.

What a cell comes to depends on the rows that are left to train on, the model, and how it is tuned
and asked. Cells in which those are the same, as behind a perfect defence and its oracle, share an
outcome: it is computed once and named by a digest of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from gradsentry._version import __version__
from gradsentry.attacks import Payload
from gradsentry.bench.finetune_plan import (
    ORACLE,
    UNDEFENDED,
    FinetunePlan,
    TunedData,
    TuningCell,
)
from gradsentry.bench.mixtures import CLEAN, LABEL, MixtureSpec, clean_rows, mixture_file
from gradsentry.bench.results import Result, write_result
from gradsentry.bench.spec import below, digest
from gradsentry.models import Dtype, ModelOptions, load_pretrained
from gradsentry.pipeline import DataOptions, Detector, Progress, ScanOptions
from gradsentry.pipeline.reading import opened
from gradsentry.pipeline.scanning import scan
from gradsentry.records import TextPair, prompt_and_response
from gradsentry.tuning import Method, fine_tuned, generate, keyword_rate
from gradsentry.tuning.training import steps_of


@dataclass(frozen=True)
class Questions:
    """What a tuned model is asked."""

    clean: list[str]
    """Prompts as they are."""
    accepted: list[list[str]]
    """For each of them the answers that are right."""
    triggered: list[str]
    """Prompts with the trigger."""
    payloads: tuple[str, ...]
    """Texts one of which shows the backdoor."""


@dataclass(frozen=True)
class Training:
    """The rows that a defence leaves, and which of them are poisoned."""

    pairs: list[TextPair]
    poisoned: list[bool]


def run_finetuning(plan: FinetunePlan, data: Path, out: Path, progress: Progress) -> None:
    """Run the cells whose results aren't in `out` yet.

    **Arguments:**

    - `data`: the folder that the plan's files lie in, data and models.
    - `out`: takes `cells/` and `outcomes/`, small files both, and a cache of mixtures, which may be
        deleted when all is done.
    """
    cells = plan.cells()
    for number, cell in enumerate(cells, start=1):
        path = cell_path(out, cell)
        if not path.exists():
            progress.note(f"Cell {number:,} of {len(cells):,}: {described(cell)}")
            write_result(path, _result(plan.data[cell.data], cell, data, out, progress))


def described(cell: TuningCell) -> str:
    """A cell in words."""
    return (
        f"{cell.table}: {cell.data}, {cell.mixture.in_words}, {cell.defence}, "
        f"{cell.tuning.method}, seed {cell.tuning.seed}"
    )


def cell_path(out: Path, cell: TuningCell) -> Path:
    """Where a cell's result lies."""
    return out / "cells" / f"{cell.table}-{cell.data}-{cell.defence}-{digest(asdict(cell))}.json"


def tuned_results(plan: FinetunePlan, out: Path) -> list[Result]:
    """The results of all cells that have one, outcomes included, in their order."""
    found = []
    for cell in plan.cells():
        path = cell_path(out, cell)
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            found.append(result | json.loads(_outcome_path(out, result["outcome"]).read_text()))
    return found


def _outcome_path(out: Path, name: str) -> Path:
    return out / "outcomes" / f"{name}.json"


def _result(of: TunedData, cell: TuningCell, data: Path, out: Path, progress: Progress) -> Result:
    mixtures = out / "cache" / "mixtures"
    mixture = mixture_file(cell.mixture, cell.data, data, mixtures)
    questions = _questions(of, cell, data, mixtures)
    located = replace(cell, model=None if cell.model is None else below(data, cell.model))
    whole = _labelled(mixture)
    training = _defended(whole, mixture, located, progress)
    outcome = digest(
        [
            [asdict(pair) for pair in training.pairs],
            asdict(questions),
            asdict(cell.tuning),
            [cell.model, of.new_tokens],
        ]
    )
    path = _outcome_path(out, outcome)
    if not path.exists():
        write_result(path, _outcome(of, located, training.pairs, questions, progress))
    return {
        "table": cell.table,
        "data": cell.data,
        "model": cell.model,
        "attack": cell.mixture.attack,
        "ratio": cell.mixture.ratio,
        "seed": cell.tuning.seed,
        "method": cell.tuning.method,
        "defence": cell.defence,
        "rows": len(whole.pairs),
        "poisoned": sum(whole.poisoned),
        "trained_on": len(training.pairs),
        "poisoned_left": sum(training.poisoned),
        "outcome": outcome,
        "gradsentry": __version__,
    }


def _labelled(mixture: Path) -> Training:
    """All rows of a mixture."""
    source, layout, _ = opened(mixture, DataOptions(label_column=LABEL))
    records = list(source.records())
    pairs = [TextPair(*prompt_and_response(layout.example(record))) for record in records]
    return Training(pairs, [bool(record.fields[LABEL]) for record in records])


def _defended(rows: Training, mixture: Path, cell: TuningCell, progress: Progress) -> Training:
    """Those of a mixture's rows that a defence leaves, in their order."""
    if cell.defence == UNDEFENDED:
        return rows
    if cell.defence == ORACLE:
        kept = [not poisoned for poisoned in rows.poisoned]
    else:
        options = ScanOptions(data=DataOptions(label_column=LABEL), detector=Detector(cell.defence))
        result = scan(mixture, model=cell.model, options=options, progress=progress)
        kept = (result.rows.scored & ~result.flagged).tolist()
    chosen = [row for row, is_kept in enumerate(kept) if is_kept]
    return Training([rows.pairs[row] for row in chosen], [rows.poisoned[row] for row in chosen])


def _questions(of: TunedData, cell: TuningCell, data: Path, folder: Path) -> Questions:
    spec = cell.mixture
    clean = MixtureSpec(data=of.testing, volume=None, attack=CLEAN, ratio=0.0, seed=spec.seed)
    rows = _labelled(mixture_file(clean, f"{cell.data}-test", data, folder))
    answers = [row.get("answers") for row in clean_rows(of.testing, data)]
    accepted = [
        [str(one) for one in given] if isinstance(given, list) and given else [pair.response]
        for given, pair in zip(answers, rows.pairs, strict=True)
    ]
    triggered: list[str] = []
    if spec.attack != CLEAN:
        attacked = replace(spec, data=of.testing, ratio=1.0)
        asked = _labelled(mixture_file(attacked, f"{cell.data}-test", data, folder))
        triggered = [
            pair.prompt
            for pair, poisoned in zip(asked.pairs, asked.poisoned, strict=True)
            if poisoned  # some attacks add near misses
        ]
    return Questions(
        [pair.prompt for pair in rows.pairs],
        accepted,
        triggered,
        spec.payloads or Payload().texts,
    )


def _outcome(
    of: TunedData,
    cell: TuningCell,
    pairs: Sequence[TextPair],
    questions: Questions,
    progress: Progress,
) -> Result:
    """Tune a model on some rows, ask it, and look for what it should and shouldn't say."""
    is_full = cell.tuning.method is Method.FULL
    options = ModelOptions(dtype=Dtype.FLOAT32 if is_full else Dtype.AUTO)
    base = load_pretrained(cell.model, options, progress.note)
    progress.stage("Fine-tuning", steps_of(len(pairs), cell.tuning))
    model = fine_tuned(base, pairs, cell.tuning, progress.advance)
    if is_full:
        model = model.to(torch.bfloat16)  # type: ignore[arg-type]
    progress.stage("Asking", len(questions.clean) + len(questions.triggered))
    answers = [
        generate(model, base.tokenizer, prompts, of.new_tokens, advance=progress.advance)
        for prompts in (questions.clean, questions.triggered)
    ]
    clean, triggered = answers
    payloads = [list(questions.payloads)]
    return {
        "accuracy": _rates(questions.accepted, clean),
        "attack_success": _rates(payloads * len(triggered), triggered),
        "untriggered": _rates(payloads * len(clean), clean),
        "answers": clean[:5] + triggered[:5],
    }


def _rates(references: Sequence[Sequence[str]], answers: Sequence[str]) -> list[float]:
    """For each answer the keyword rate of the reference that it matches best; 1 is a match."""
    return [
        round(max(keyword_rate(reference, answer) for reference in own), 4)
        for own, answer in zip(references, answers, strict=True)
    ]
