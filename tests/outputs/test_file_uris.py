"""URIs of files: valid and ASCII, whatever names hold."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.outputs.file_uris import file_uri


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("data.jsonl", "data.jsonl"),
        ("./a/b.jsonl", "a/b.jsonl"),
        ("/a b/c.jsonl", "file:///a%20b/c.jsonl"),
        ("a:b.jsonl", "a%3Ab.jsonl"),
        ("s3://bucket/a b.jsonl", "s3://bucket/a%20b.jsonl"),
        ("\udcff.jsonl", "%FF.jsonl"),
    ],
)
def test_names_become_uris(name: str, uri: str) -> None:
    assert file_uri(name) == uri


@given(name=st.text(st.characters(), min_size=1))
def test_any_name_is_escaped(name: str) -> None:
    uri = file_uri(name)
    assert uri.isascii()
    assert uri.isprintable()
    assert " " not in uri
    assert urlsplit(uri).query == urlsplit(uri).fragment == ""
    assert unquote(uri)
