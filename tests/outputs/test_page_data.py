"""The document within the page: whatever it says, it can't end the element that it stands in."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gradsentry.outputs.page_data import PageRow, PageTurn, Piece, RowVerdict, script_json
from tests.outputs.reports import HOSTILE

hostile = st.sampled_from([*HOSTILE, "</script>", "<!--", "]]>", "\u2028", "&lt;"]) | st.text()


@given(hostile)
def test_no_text_ends_the_script_and_all_come_back(text: str) -> None:
    row = PageRow(3, text, 0.5, RowVerdict.CLEAN, None, 7, (PageTurn("a", False, (Piece(text),)),))
    written = str(script_json(row))
    assert not set(written) & set("<>&\u2028\u2029")
    found = json.loads(written)
    assert found["place"] == found["turns"][0]["pieces"][0]["text"] == text
