"""Broken data files by the thousand: readers refuse them, or lose nothing.

    python -m tests.records.fuzzing 100000 [SEED]

changes valid files of every format, reads each, and writes its rows back in parts. Either there is
an error with a remedy, or the parts hold the rows exactly. Works in child processes, since a fault
in Arrow would take the process along.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gradsentry.errors import GradSentryError
from gradsentry.records import open_source

PARTS = ("clean", "flagged", "skipped")
_SECONDS = 60
"""More than any of these small files may take."""

ROWS: list[dict[str, object]] = [
    {"prompt": f"Frage {row}: „Wie, bitte?“", "response": f"Zeile 1\nZeile 2, {'ü' * row}"}
    for row in range(6)
]
CHATS: list[dict[str, object]] = [
    {"messages": [{"role": "user", "content": "x" * row}, {"role": "assistant", "content": None}]}
    for row in range(6)
]
TOKENS = (
    *(b"\0", b"\xff", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"\t"),
    *(b"\xef\xbb\xbf", b"\\ud800", b"NaN", b"1e999", b"null", b'"a":', b"PAR1", b"\x1f\x8b"),
    *(b"\xff" * 4, b"\0" * 8, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\x7f"),
    *(b"../", b"/etc/passwd", b"Image", b"Json", b"huggingface", b"9" * 30),
)


def _parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def _media() -> bytes:
    features = datasets.Features(
        {
            "prompt": datasets.Value("string"),
            "response": datasets.Json(),
            "image": datasets.Image(),
            "sounds": datasets.List(datasets.Audio()),
        }
    )
    image = {"bytes": b"no image", "path": "/etc/hostname"}
    row = {"prompt": "p", "response": '{"a": [1]}', "image": image, "sounds": [image, None]}
    return _parquet(pa.Table.from_pylist([row] * 4, schema=features.arrow_schema))


def seeds() -> dict[str, bytes]:
    """Valid files of all formats: name and content."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
    text = io.StringIO()
    csv.writer(text).writerows([list(ROWS[0]), *(list(row.values()) for row in ROWS)])
    plain = {
        "a.jsonl": lines,
        "chats.jsonl": "".join(json.dumps(row) + "\r\n" for row in CHATS).encode(),
        "a.json": json.dumps(ROWS, indent=1).encode(),
        "wrapped.json": json.dumps({"version": 1, "data": ROWS}, indent=1).encode(),
        "a.csv": text.getvalue().encode(),
        "a.tsv": b"prompt\tresponse\n1\t2\n3\t4\n",
        "a.parquet": _parquet(pa.Table.from_pylist(ROWS)),
        "plain.parquet": _parquet(
            pa.Table.from_pylist(CHATS), use_dictionary=False, compression="zstd"
        ),
        "second.parquet": _parquet(pa.Table.from_pylist(CHATS), data_page_version="2.0"),
        "media.parquet": _media(),
    }
    packed = {
        "a.jsonl.gz": gzip.compress(lines),
        "a.csv.bz2": bz2.compress(plain["a.csv"]),
        "a.json.xz": lzma.compress(plain["a.json"]),
        "a.jsonl.zst": pa.compress(lines, codec="zstd", asbytes=True),
        "a.parquet.gz": gzip.compress(plain["a.parquet"]),
    }
    return plain | packed


def saved_folder(folder: Path) -> None:
    """Save a small data set."""
    data = datasets.Dataset.from_list([a | b for a, b in zip(ROWS, CHATS, strict=True)])
    datasets.disable_progress_bars()
    data.save_to_disk(folder)


def changed(content: bytes, random: Random) -> bytes:
    """Content with a few things broken."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        place = random.randrange(len(data) + 1)
        length = min(len(data) - place, random.choice((1, 1, 2, 4, 8, 64, len(data))))
        match random.randrange(7):
            case 0:
                data[place : place + 1] = bytes([random.randrange(256)])
            case 1 if place < len(data):
                data[place] ^= 1 << random.randrange(8)
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = random.choice(TOKENS)
            case 4:
                data[place : place + length] = random.choice(TOKENS)
            case 5:
                start = random.randrange(len(data) + 1)
                data[place:place] = data[start : start + length]
            case 6:
                data[place : place + length] = random.randbytes(length)
    return bytes(data)


def check(path: Path, out: Path, random: Random) -> str:
    """Read a file and write its rows in parts; "read", or "refused" with an error.

    **Raises:**

    Whatever goes wrong otherwise, and `AssertionError` where the parts aren't the rows.
    """
    try:
        source = open_source(path)
        rows = [repr(record.fields) for record in source.records()]
    except GradSentryError:
        return "refused"
    parts = np.array([random.randrange(len(PARTS)) for _ in rows])
    names = source.write(out, {part: parts == number for number, part in enumerate(PARTS)})
    for number, part in enumerate(PARTS):
        wanted = [row for row, own in zip(rows, parts, strict=True) if own == number]
        if not wanted:
            continue  # a file without rows isn't read
        written = open_source(out / names[part])
        assert [repr(record.fields) for record in written.records()] == wanted
    if ".jsonl" in path.name:
        _check_lines(path, [out / names[part] for part in PARTS], parts)
    return "read"


def _check_lines(path: Path, written: list[Path], parts: np.ndarray) -> None:
    """The lines that aren't blank are byte for byte those of the parts."""
    streams = [iter(_lines(part)) for part in written]
    lines = _lines(path)
    assert len(lines) == len(parts)
    for line, part in zip(lines, parts, strict=True):
        assert next(streams[part]) == line
    assert not any(list(stream) for stream in streams)


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    elif path.suffix == ".zst":
        content = pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
    lines = (line.removesuffix(b"\r") for line in content.split(b"\n"))
    return [line for line in lines if line.strip()]


def attempt(number: int, seed: int, folder: Path) -> str:
    """Make, read and write one broken file; what came of it."""
    random = Random(f"{seed}-{number}")
    for name in ("file", "out"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    contents = seeds_once()
    if random.random() < 0.15:
        path = folder / "file" / "saved"
        shutil.copytree(saved_once(folder), path)
        names = ("state.json", "dataset_info.json", "data-00000-of-00001.arrow")
        broken = path / random.choice(names)
    else:
        path = broken = folder / "file" / random.choice(list(contents))
        path.write_bytes(contents[path.name])
    broken.write_bytes(changed(broken.read_bytes(), random))
    return check(path, folder / "out", random)


_SEEDS: dict[str, bytes] = {}


def seeds_once() -> dict[str, bytes]:
    """The valid files, made once."""
    if not _SEEDS:
        _SEEDS.update(seeds())
    return _SEEDS


def saved_once(folder: Path) -> Path:
    """The saved data set, made once."""
    if not (folder / "seed").exists():
        saved_folder(folder / "seed")
    return folder / "seed"


def _run(first: int, last: int, seed: int, folder: Path) -> None:
    """Attempts of one child process, which notes what it does in files."""
    with (folder / "log").open("a") as log:
        for number in range(first, last):
            (folder / "now").write_text(str(number))
            signal.alarm(_SECONDS)
            try:
                said = attempt(number, seed, folder)
            except Exception as error:
                said = f"fault {number}: {type(error).__name__}: {str(error)[:200]!r}"
            log.write(said + "\n")


def main() -> None:
    """Run the attempts and print how many there were, and every fault."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    start, number = time.monotonic(), 0
    seeds_once()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        saved_once(folder)
        while number < count:
            last = min(count, number + 1000)
            if (child := os.fork()) == 0:
                _run(number, last, seed, folder)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if status:
                last = int((folder / "now").read_text()) + 1
                with (folder / "log").open("a") as log:
                    log.write(f"fault {last - 1}: the process died with status {status}\n")
            number = last
            print(f"\r{number:,} of {count:,}", end="", file=sys.stderr)
        said = (folder / "log").read_text().splitlines()
    faults = [line for line in said if line.startswith("fault")]
    counts = Counter("faults" if line.startswith("fault") else line for line in said)
    print(f"\n{len(said):,} files in {time.monotonic() - start:.0f} s: {dict(counts)}")
    print("\n".join(faults[:50]))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
