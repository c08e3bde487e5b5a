"""Freed memory is kept for the next batch, and given back when asked."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

from gradsentry.models.memory import give_back_freed_memory, keep_freed_memory

PAGES = """
import resource
import torch
from gradsentry.models.memory import give_back_freed_memory, keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(24 << 20, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
first, again = faults(), faults()
give_back_freed_memory()
print(first, again, faults())
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or resource.getpagesize() != 4096,
    reason="glibc with pages of 4 KiB",
)
def test_memory_is_kept_until_it_is_given_back() -> None:
    """24 MiB are 6,144 pages."""
    done = subprocess.run(
        [sys.executable, "-c", PAGES], capture_output=True, text=True, check=True, timeout=120
    )
    first, again, given_back = map(int, done.stdout.split())
    assert first > 5_000
    assert again < 1_000
    assert given_back > 5_000


def test_memory_may_be_kept_and_given_back_at_any_time() -> None:
    for _ in range(2):
        keep_freed_memory()
        give_back_freed_memory()
