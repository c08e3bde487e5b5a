"""The names of the files of a results folder, which are written and found again."""

SCORES_FILE = "scores.parquet"
SUMMARY_FILE = "summary.json"
CONFIG_FILE = "config.yaml"
PAGE_FILE = "report.html"
ANNOTATED_FILE = "annotated.jsonl"
STATEMENT_FILE = "statement.intoto.json"
