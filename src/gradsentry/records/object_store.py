"""Object stores: which names are theirs, how they are opened, and what users are told of their
errors.

The stores' own libraries come with extras, and raise errors of their own: every one becomes an
error that names the object and the remedy. A store is asked for what the user named and nothing
else.
"""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import fsspec

from gradsentry.errors import GradSentryError, InputError
from gradsentry.records.watched_file import first_line

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
"""A scheme has two letters at least: one is a drive of Windows."""
_OF_THE_HUB = "hf"
_LOCAL = ("file", "local")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
_WEB = ("http", "https")

_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "content_md5", "md5")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
"""By what names stores tell an object's content from another, and when it was written."""

_CREDENTIALS = (
    "Check the credentials that its library takes from the environment (AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, GOOGLE_APPLICATION_CREDENTIALS), and what they may do."
)


def is_url(name: object) -> bool:
    """Whether a name is one of an object store; a `Path` is none, and neither is the Hub's."""
    found = _URL.match(name) if isinstance(name, str) else None
    return found is not None and found[1].lower() != _OF_THE_HUB


@dataclass(frozen=True)
class ObjectStore:
    """A store, opened for one URL."""

    system: Any
    """Of fsspec."""
    path: str
    """What the URL names in it."""

    def stamp(self, path: str) -> tuple[str, ...]:
        """Size, version and time of an object, as the store tells them now."""
        self.system.invalidate_cache()
        return stamp_of(self.system.info(path))

    def bucket_is_there(self) -> bool:
        """Whether the bucket is there, as far as the store tells."""
        try:
            self.system.invalidate_cache()
            return bool(self.system.exists(self.path.lstrip("/").partition("/")[0]))
        except Exception:
            return True


def stamp_of(info: Mapping[str, Any]) -> tuple[str, ...]:
    """What changes when an object does."""
    return tuple(str(info.get(name)) for name in ("size", *_VERSIONS, *_TIMES))


def open_store(url: str, error: type[GradSentryError] = InputError) -> ObjectStore:
    """The store that a URL names; nothing is asked of it yet.

    **Raises:**

    `error` for a URL that names none that can be opened here.
    """
    scheme = url.partition("://")[0].lower()
    if scheme in _LOCAL:
        raise error(f"{url}: this is a file of this machine.", "Give its path, without file://.")
    if "@" in urlsplit(url).netloc:
        raise error(
            f"{scheme}://...: the URL holds a user's name or password, which results would show.",
            "Leave them out of the URL, and give them in the environment.",
        )
    if any(not character.isprintable() for character in url):
        raise error(f"{url}: the URL holds control characters.", "Check the URL.")
    try:
        # An instance of an earlier call may know old listings, and old credentials.
        system, path = fsspec.core.url_to_fs(
            f"{scheme}{url[len(scheme) :]}", skip_instance_cache=True
        )
    except ImportError as lacking:
        extra = _EXTRAS.get(scheme)
        package = f"'gradsentry[{extra}]'" if extra else f"what reads {scheme}://"
        raise error(
            f"{url}: this needs a package that isn't installed ({first_line(lacking)}).",
            f"Install it: pip install {package}.",
        ) from None
    except ValueError as wrong:
        raise error(
            f"{url}: no store is known for this ({first_line(wrong)}).",
            "Use s3:// or gs://, or give a path or a Hub id.",
        ) from None
    except Exception as wrong:
        raise _told(url, wrong, error) from None
    if hasattr(system, "max_concurrency"):  # of s3fs: parts of an upload that are in memory at once
        system.max_concurrency = 1
    return ObjectStore(system, path)


def shown_url(url: str) -> str:
    """A URL as messages and results show it: a signature in it is a secret."""
    return url.partition("?")[0] if url.startswith(tuple(f"{web}://" for web in _WEB)) else url


@contextlib.contextmanager
def asking(url: str, error: type[GradSentryError] = InputError) -> Iterator[None]:
    """Turn whatever a store's library raises into an error with a remedy."""
    try:
        yield
    except (GradSentryError, MemoryError):
        raise
    except Exception as wrong:
        raise _told(shown_url(url), wrong, error) from None


def _told(url: str, wrong: Exception, error: type[GradSentryError]) -> GradSentryError:
    kind = type(wrong).__name__
    if "credential" in f"{kind} {wrong}".lower():
        return error(f"{url}: no credentials for this store were found ({kind}).", _CREDENTIALS)
    if isinstance(wrong, FileNotFoundError):
        return error(f"{url}: there is no such object, or no such bucket.", "Check the URL.")
    if isinstance(wrong, PermissionError):
        return error(f"{url}: the store refuses access ({first_line(wrong)}).", _CREDENTIALS)
    if isinstance(wrong, NotImplementedError):
        return error(f"{url}: this store can't do what is needed.", "Use s3:// or gs://.")
    if isinstance(wrong, OSError) and wrong.errno == errno.ENAMETOOLONG:
        return error(f"{url}: the name is too long.", "Check the URL.")
    return error(
        f"{url}: the store can't be reached, or failed ({kind}: {first_line(wrong)}).",
        "Check the URL, the network and the store's endpoint (AWS_ENDPOINT_URL), and run the "
        "command again.",
    )
