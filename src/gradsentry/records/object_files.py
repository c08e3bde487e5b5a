"""Objects of a store as local files: a scan reads its rows several times.

Each is copied through a small buffer into a private temporary folder. Size, version and time are
compared before and after. What objects are called says how messages name them and how they are
read, and never where something is written.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gradsentry.errors import InputError
from gradsentry.records.object_store import ObjectStore, asking, is_url, open_store, shown_url

_BLOCK = 8 << 20
"""Asked for at once."""
_CHUNK = 1 << 20
_MAGIC = "*?["


@dataclass(frozen=True)
class ObjectCopy:
    """An object, copied."""

    path: Path
    url: str
    """How messages and results name it."""
    keep: object
    """What must live as long as the copy does."""

    @property
    def named(self) -> Path:
        """Its last name, which says how it is read; nothing lies there."""
        return Path(self.url.rstrip("/").rpartition("/")[2] or "object")


class _CopyFolder:
    """A private folder, which goes with its last user."""

    def __init__(self) -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix="gradsentry-objects-"))
        except OSError as error:
            raise InputError(
                f"There is no folder for temporary files ({error.strerror}).",
                "Name one in TMPDIR.",
            ) from None
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def fetch_objects(urls: Sequence[str]) -> list[ObjectCopy]:
    """Copies of the objects that some URLs name, in their order; patterns stand for several.

    **Raises:**

    `InputError`, naming the object, if it isn't there, can't be read, or changes meanwhile.
    """
    found = [each for url in urls for each in _named_by(url)]
    url, times = Counter(url for _, _, url in found).most_common(1)[0]
    if times > 1:
        raise InputError(f"{url}: named twice.", "Name each object once.")
    folder = _CopyFolder()
    copies = []
    try:
        for number, (store, path, url) in enumerate(found):
            place = folder.path / f"{number:06}"
            copy_object(store, path, place, url)
            copies.append(ObjectCopy(place, url, folder))
    except BaseException:
        folder.remove()
        raise
    return copies


def _named_by(url: str) -> Iterator[tuple[ObjectStore, str, str]]:
    """The objects that a URL names, each with its store and its own URL."""
    if not is_url(url):
        raise InputError(
            f"{url}: a file of this machine, among objects of a store.",
            "Name objects alone, or files alone.",
        )
    store, shown = open_store(url), shown_url(url)
    with asking(url):
        try:
            kind = store.system.info(store.path)["type"]
        except FileNotFoundError:
            kind = None
        if kind == "file":
            yield store, store.path, shown
            return
        if kind is None and any(sign in store.path for sign in _MAGIC):
            listed = store.system.glob(store.path, detail=True)
            paths = sorted(path for path, info in listed.items() if info["type"] == "file")
            if paths:
                yield from ((store, path, store.system.unstrip_protocol(path)) for path in paths)
                return
            kind = "pattern"
    if not store.bucket_is_there():
        raise InputError(
            f"{shown}: there is no such bucket.", "Check the URL, and the store's endpoint."
        )
    if kind == "directory":
        raise InputError(
            f"{shown}: this is no object, but the beginning of objects' names.",
            f"Name the objects, such as {shown.rstrip('/')}/*.parquet.",
        )
    nothing = "no object fits this pattern" if kind == "pattern" else "there is no such object"
    raise InputError(f"{shown}: {nothing}.", "Check the URL.")


def copy_object(store: ObjectStore, path: str, place: Path, url: str) -> None:
    """Copy an object into a new file, through a buffer of bounded size.

    **Raises:**

    `InputError` if the object isn't there, can't be read, or isn't the same before and after.
    """
    with asking(url):
        before = store.stamp(path)
        size = before[0]
        if not size.isdecimal():
            raise InputError(
                f"{url}: the store doesn't say how large this is, so that a part can't be told "
                "from the whole.",
                "Download it, and scan the file.",
            )
        try:
            with store.system.open(path, "rb", block_size=_BLOCK) as source:
                copied = _copied(source, place, int(size), url)
        except InputError:
            raise
        except Exception:
            _check_same(store, path, before, url)  # stores refuse to go on with another object
            raise
        _check_same(store, path, before, url)
    if copied > int(size):
        raise _changed(url)
    if copied < int(size):
        raise InputError(
            f"{url}: the store sent {copied:,} of {int(size):,} bytes.",
            "Run the command again; if it happens again, upload the object again.",
        )


def _check_same(store: ObjectStore, path: str, before: tuple[str, ...], url: str) -> None:
    try:
        after = store.stamp(path)
    except FileNotFoundError:
        raise InputError(
            f"{url}: the object was removed while it was read.", "Put it back, and scan again."
        ) from None
    if after != before:
        raise _changed(url)


def _changed(url: str) -> InputError:
    return InputError(
        f"{url}: the object changed while it was read.", "Scan again when nothing writes to it."
    )


def _copied(source: BinaryIO, place: Path, size: int, url: str) -> int:
    """Copy what there is into a new file, a chunk beyond `size` at most; returns the bytes."""
    copied = 0
    with _on_disk(place, url):
        file = place.open("xb")
    with file:
        while copied <= size and (chunk := source.read(_CHUNK)):
            with _on_disk(place, url):
                file.write(chunk)
            copied += len(chunk)
        with _on_disk(place, url):
            file.flush()
    return copied


@contextlib.contextmanager
def _on_disk(place: Path, url: str) -> Iterator[None]:
    """Errors of this machine's disk, which aren't the store's."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{url}: its copy in {place.parent} can't be written ({error.strerror}).",
            "Free some space, or name another folder for temporary files in TMPDIR.",
        ) from None
