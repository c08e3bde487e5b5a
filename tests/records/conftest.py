"""No test of this package may reach the network or the user's cache."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest


@pytest.fixture(autouse=True)
def _alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    cache: Path = tmp_path_factory.getbasetemp() / "datasets-cache"
    calls: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        calls.append(arguments)
        raise OSError("no network in this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield
    assert not calls, f"went to the network: {calls}"
