"""What lies in the cache is what was put there, by nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gradsentry.errors import ModelError
from gradsentry.models.private_cache import damage, is_private, make_private, seal


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A folder with two files, sealed."""
    folder = tmp_path / "cache" / "model"
    make_private(folder.parent)
    make_private(folder)
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_text(name)
    seal(folder)
    return folder


def test_a_new_folder_is_the_users_alone(sealed: Path) -> None:
    assert damage(sealed) is None
    assert sealed.stat().st_mode & 0o777 == 0o700


def one_bit(folder: Path) -> None:
    (folder / "model.safetensors").write_text("model.safetensorr")


def linked(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "elsewhere")
    (folder / "model.safetensors").symlink_to(folder.parent / "elsewhere")


@pytest.mark.parametrize(
    "change",
    [
        one_bit,
        linked,
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "adapter_config.json").write_text("{}"),
        lambda folder: (folder / "inner").mkdir(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("[]"),
        lambda folder: (folder / "manifest.json").write_text("half a fi"),
        lambda folder: folder.chmod(0o777),
        lambda folder: folder.chmod(0o720),
        lambda folder: folder.parent.chmod(0o770),
    ],
)
def test_every_change_is_seen(sealed: Path, change: Callable[[Path], object]) -> None:
    change(sealed)
    assert damage(sealed) is not None


def test_a_folder_that_others_could_write_to_is_told_and_closed(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    folder.chmod(0o777)
    assert make_private(folder) is False
    assert is_private(folder)
    assert make_private(folder) is True


def test_a_folder_of_another_user_is_refused(sealed: Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only the administrator can give a folder away")
    os.chown(sealed.parent, 12345, 12345)
    with pytest.raises(ModelError, match="another user"):
        damage(sealed)
