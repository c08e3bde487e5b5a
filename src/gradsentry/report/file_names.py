"""The names of the files of a results folder, which are written and found again."""

SCORES_FILE = "scores.parquet"
SUMMARY_FILE = "summary.json"
CONFIG_FILE = "config.yaml"
PAGE_FILE = "report.html"
ANNOTATED_FILE = "annotated.jsonl"
STATEMENT_FILE = "statement.intoto.json"
APPLIED_FILE = "applied-decisions.jsonl"
"""The decisions that results rest on."""
PARTS = ("clean", "flagged", "review", "skipped")
"""What the data fall into: files of these names, or folders where the data were several."""
