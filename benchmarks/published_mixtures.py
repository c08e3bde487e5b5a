"""Identification on labelled mixtures: the table in docs/findings/spectral.md.

    python benchmarks/published_mixtures.py DATA OUT

DATA holds files such as `poisoned/webqa-badnets-10.jsonl.gz` that carry a 0/1 column `poisoned`:
the training mixtures published with GraCeFul. Results go to OUT, one folder a mixture; a mixture
that is already there is not scanned again, and an interrupted scan goes on.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
from sklearn.metrics import roc_auc_score

import gradsentry
from gradsentry.records import open_source

LABEL = "poisoned"

# F1% of the paper's Table 2 (Llama-2-7B); its recall is 100 in every cell.
PAPER_F1 = {
    "webqa-badnets-10": 71.50,
    "webqa-addsent-10": 73.43,
    "webqa-cba-10": 69.74,
    "freebaseqa-badnets-10": 99.80,
    "freebaseqa-addsent-10": 99.90,
    "freebaseqa-cba-10": 99.90,
}

HEADER = (
    "| mixture | rows | τ | method | recall | precision | F1 | AUROC | AUROC of token count "
    "| F1, paper (Llama-2-7B) |\n|---|---|---|---|---|---|---|---|---|---|"
)


def main(data: Path, out: Path) -> None:
    """Scan every mixture and print the table as Markdown."""
    mixtures = sorted((data / "poisoned").glob("*.jsonl.gz"))
    if not mixtures:
        sys.exit(f"{data / 'poisoned'}: no mixtures (.jsonl.gz) there.")
    print(HEADER)
    for path in mixtures:
        name = path.name.removesuffix(".jsonl.gz")
        folder = out / name
        if not folder.exists():
            options = gradsentry.ScanOptions(
                detector=gradsentry.make_detector("spectral"),
                data=gradsentry.DataOptions(label_column=LABEL),
            )
            gradsentry.scan(path, options=options, out=folder)
        print(table_row(name, path, folder), flush=True)


def table_row(name: str, path: Path, folder: Path) -> str:
    """One line of the table from the results of a scan."""
    summary = json.loads((folder / "summary.json").read_text())
    scores = pq.read_table(folder / "scores.parquet")
    labels = [record.fields[LABEL] for record in open_source(path).records()]
    scored = [status == "scored" for status in scores["status"].to_pylist()]
    lengths = roc_auc_score(
        [bool(label) for label, kept in zip(labels, scored, strict=True) if kept],
        [
            count
            for count, kept in zip(scores["target_tokens"].to_pylist(), scored, strict=True)
            if kept
        ],
    )
    known = summary["identification"]
    paper = PAPER_F1.get(name)
    cells = [
        name,
        f"{summary['rows']:,}",
        f"{summary['threshold']:.4f}",
        summary["threshold_method"],
        f"{known['recall']:.4f}",
        f"{known['precision']:.4f}",
        f"{known['f1']:.4f}",
        f"{known['auroc']:.4f}",
        f"{lengths:.4f}",
        "" if paper is None else f"{paper / 100:.4f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
