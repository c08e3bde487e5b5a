"""Ray's start: what fails there is told in a sentence."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gradsentry.errors import GradSentryError
from gradsentry.work.ray_engine import _connect


@pytest.mark.parametrize(
    ("error", "address", "said"),
    [
        (Exception("The current node timed out"), None, "The Ray cluster failed (The current"),
        (Exception("odd"), "10.0.0.1:6379", "The Ray cluster failed (odd)"),
        (ConnectionError("refused"), "10.0.0.1:6379", "`address` 10.0.0.1:6379: there is no Ray"),
    ],
)
def test_what_fails_at_the_start_is_told(
    tmp_path: Path, error: Exception, address: str | None, said: str
) -> None:
    def init(**_: object) -> None:
        raise error

    with pytest.raises(GradSentryError) as told:
        _connect(SimpleNamespace(init=init), address, tmp_path)
    assert str(told.value).startswith(said)
