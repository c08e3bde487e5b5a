"""TRL's chat templates, and conversations to try them on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

try:
    from chat_templates import CONVERSATIONS, templates

    TEMPLATES = templates()
except ImportError:
    TEMPLATES, CONVERSATIONS = {}, {}

needs_trl = pytest.mark.skipif(not TEMPLATES, reason="TRL isn't installed")
