"""With which codes the commands leave; docs/command-line.md has them in a table."""

EXIT_CHECK = 1
"""Only of the deprecated --check and --check-review; no error leaves with it."""
EXIT_USAGE = 2
EXIT_INTERNAL = 3
EXIT_POISON = 10
EXIT_UNJUDGED = 11
EXIT_REVIEW = 12
EXIT_INCOMPARABLE = 13
EXIT_BACKDOOR = 14
EXIT_UNSURE = 15
EXIT_INTERRUPTED = 130

EPILOG = (
    "Exit codes: 0 done; 2 bad usage, data or model; 3 internal error; 130 interrupted (with "
    "--out, the same command goes on from there). With --fail-on: 10 rows are flagged; 11 rows "
    "could not be judged; 12 rows are for review."
)
