"""The command that compares a results folder with its statement."""

from __future__ import annotations

from gradsentry.cli.quiet import quiet_libraries
from gradsentry.cli.shared_options import DataNow, Quiet, ResultsFolder
from gradsentry.safe_text import visible


def verify_results(folder: ResultsFolder, data: DataNow = None, quiet: Quiet = False) -> None:
    """Compare a results folder and its data, byte for byte, with statement.intoto.json in it.

    What was changed is named, and the exit code is 2. The verdict is what the statement claims: it
    is compared with the results, and not found anew. Who wrote the statement is for its signature
    to say.
    """
    quiet_libraries()
    from gradsentry.outputs.verification import verify_results as verify

    found = verify(folder, data or None)
    files = f", data files: {found.data_files:,}" if found.data_files else ""
    compared = f"results: {found.outputs:,}{files}, rows: {found.rows:,}"
    verdict = visible(found.verdict)
    if quiet:
        print(
            f"statement.intoto.json claims the verdict {verdict}, and what it was compared with "
            f"byte for byte is the same ({compared})."
        )
        return
    print(
        "Compared byte for byte with the digests in statement.intoto.json, and the same "
        f"({compared})."
    )
    print(
        f"The statement claims that the verdict was {verdict}; summary.json and scores.parquet say "
        "the same. Whether the scan was right isn't checked here, nor who wrote the statement: its "
        "signature says that."
    )
