"""Results in an object store: written here first, and uploaded so that they appear whole.

A store has no renames. So a list of what is about to be there goes first, the files follow, and
SHA256SUMS comes last: where it is, the results are whole. An upload that was killed leaves the
first list, by which the next scan knows its objects. Nothing but what these lists name, with the
content that they name, is ever replaced or deleted.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gradsentry.errors import InputError, OutputError
from gradsentry.models.default_model import cache_folder
from gradsentry.records.object_files import copy_object
from gradsentry.records.object_store import (
    ObjectStore,
    asking,
    is_url,
    open_store,
    stamp_of,
)
from gradsentry.work.ownership import SUMS, file_digest, listed_digests, sealed_json, unsealed_json

_FIRST = "SHA256SUMS.uploading"
"""The list of an upload that is under way."""
_FOLDER = "object-results"
_CHUNK = 1 << 20
_MOST_LIST = 64 << 20
"""Bytes of a list: results of data in many files are as many."""

Digests = Mapping[str, frozenset[str]]
"""Of each name, what its content may be."""


@dataclass(frozen=True)
class ObjectResults:
    """Where results are to be in a store."""

    url: str
    store: ObjectStore = field(repr=False)
    known: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False, compare=False)
    """Digests of objects by name and stamp, so that none is read twice."""

    @property
    def folder(self) -> Path:
        """The place on this machine beside which a scan works: the same for the same URL."""
        name = hashlib.sha256(self.url.encode(errors="surrogatepass")).hexdigest()[:32]
        return cache_folder().absolute() / _FOLDER / name

    def check(self, force: bool, *, is_thorough: bool = False) -> None:
        """See that results can be put there.

        **Arguments:**

        - `is_thorough`: whether the content of what is there is read, too.

        **Raises:**

        `OutputError` if something is there that mustn't be replaced.
        """
        with asking(self.url, OutputError):
            there = self._there()
            if not there:
                return
            if SUMS in there and not force:
                raise OutputError(
                    f"{self.url}: the results of an earlier scan are there.",
                    "Choose another place with `out`, or replace them with `force`.",
                )
            listed = self._listed(there)
            if listed is None:
                raise self._foreign(f"there is no list of what GradSentry wrote ({SUMS})")
            for name, stamp in sorted(there.items()):
                if name in (SUMS, _FIRST):
                    continue
                if name not in listed:
                    raise self._foreign(f"{name} was added")
                if is_thorough and self._digest(name, stamp) not in listed[name]:
                    raise self._foreign(f"{name} was changed")

    def upload(self, folder: Path, force: bool) -> None:
        """Put the files of a sealed folder there; what was there goes.

        **Raises:**

        `OutputError` if something was put there meanwhile, or the store fails; then the same
        command goes on.
        """
        self.check(force, is_thorough=True)
        digests = listed_digests(folder)
        assert digests is not None
        with asking(self.url, OutputError):
            old = self._there()
            allowed = {name: set(each) for name, each in (self._listed(old) or {}).items()}
            for name, digest in digests.items():
                allowed.setdefault(name, set()).add(digest)
            text = sealed_json({name: sorted(each) for name, each in allowed.items()})
            system = self.store.system
            system.pipe_file(self._path(_FIRST), text.encode())
            if SUMS in old:
                system.rm_file(self._path(SUMS))
            for name in sorted(old.keys() - digests.keys() - {SUMS, _FIRST}):
                system.rm_file(self._path(name))
            for name in sorted(digests):
                system.put_file(str(folder / name), self._path(name))
                self._check_size(folder, name)
            system.put_file(str(folder / SUMS), self._path(SUMS))
            self._check_size(folder, SUMS)
            system.rm_file(self._path(_FIRST))

    def fetch(self, folder: Path, names: Iterable[str]) -> None:
        """Copy some files of results into a folder.

        **Raises:**

        `InputError` if there are no whole results, or they aren't as they were written.
        """
        with asking(self.url):
            there = self._there()
        if SUMS not in there:
            raise InputError(
                f"{self.url}: there are no results of a scan here, or their upload isn't done.",
                f"Name a place where a scan wrote {SUMS}, or run the scan again.",
            )
        for name in (SUMS, *names):
            copy_object(self.store, self._path(name), folder / name, f"{self.url}/{name}")
        listed = listed_digests(folder)
        for name in names:
            if listed is None or listed.get(name) != file_digest(folder / name):
                raise InputError(
                    f"{self.url}/{name}: this isn't what a scan wrote (by {SUMS}).",
                    "Scan again, or read what is there as you find fit.",
                )

    def _path(self, name: str) -> str:
        return f"{self.store.path}/{name}"

    def _there(self) -> dict[str, tuple[str, ...]]:
        """Names below this place, with their stamps."""
        system = self.store.system
        system.invalidate_cache()
        try:
            found = system.find(self.store.path, detail=True)
        except FileNotFoundError:
            found = {}
        if not found and not self.store.bucket_is_there():
            raise OutputError(
                f"{self.url}: there is no such bucket.",
                "Make it, or check the URL and the store's endpoint.",
            )
        names = {path.removeprefix(f"{self.store.path}/"): info for path, info in found.items()}
        if self.store.path in found:
            raise OutputError(f"{self.url}: this is an object.", "Choose another place with `out`.")
        return {name: stamp_of(info) for name, info in names.items() if name}

    def _listed(self, there: Mapping[str, object]) -> Digests | None:
        """What the lists that are there name; None if neither is ours."""
        with tempfile.TemporaryDirectory(prefix="gradsentry-") as temporary:
            folder = Path(temporary)
            for name in {SUMS, _FIRST} & there.keys():
                size = int(self.store.stamp(self._path(name))[0])
                if size <= _MOST_LIST:
                    copy_object(self.store, self._path(name), folder / name, f"{self.url}/{name}")
            digests = listed_digests(folder) if SUMS in there else None
            if digests is not None:
                return {name: frozenset([digest]) for name, digest in digests.items()}
            first = unsealed_json(folder / _FIRST) if SUMS not in there else None
            return (
                None if first is None else {name: frozenset(each) for name, each in first.items()}
            )

    def _digest(self, name: str, stamp: tuple[str, ...]) -> str:
        """The SHA-256 of an object's content, read as a stream."""
        key = (name, *stamp)
        if key not in self.known:
            content = hashlib.sha256()
            with self.store.system.open(self._path(name), "rb") as file:
                while chunk := file.read(_CHUNK):
                    content.update(chunk)
            self.known[key] = content.hexdigest()
        return self.known[key]

    def _check_size(self, folder: Path, name: str) -> None:
        if self.store.stamp(self._path(name))[0] != str((folder / name).stat().st_size):
            raise OutputError(
                f"{self.url}/{name}: the store has another size than was uploaded.",
                "Run the command again.",
            )

    def _foreign(self, what: str) -> OutputError:
        return OutputError(
            f"{self.url}: this holds other things than results of an earlier scan: {what}.",
            "Move what you want to keep elsewhere and delete the rest, or choose another place "
            "with `out`; GradSentry only ever replaces its own results, as it wrote them.",
        )


def object_results(url: str) -> ObjectResults:
    """Results at a URL.

    **Raises:**

    `OutputError` if they can't be there.
    """
    url = url.rstrip("/")
    _, _, rest = url.partition("://")
    parts = rest.split("/")
    if len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]):
        raise OutputError(
            f"{url}: results can't be put here.",
            "Name a place in a bucket, such as s3://bucket/results.",
        )
    if any(sign in rest for sign in "*?[#"):
        raise OutputError(f"{url}: no place for results.", "Choose a name without *, ?, [ or #.")
    store = open_store(url, OutputError)
    return ObjectResults(url, ObjectStore(store.system, store.path.rstrip("/")))


def output_place(out: str | Path) -> Path | ObjectResults:
    """A folder, or a place in a store."""
    if isinstance(out, str) and is_url(out):
        return object_results(out)
    return Path(out)
