"""The review page in a browser: every control, by mouse and by keys; hostile text stays text."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gradsentry.review.decision_log import DECISIONS_FILE
from gradsentry.review.reviewed_folder import open_reviewed
from gradsentry.review.server import ReviewServer
from tests.outputs.reports import HIDDEN, HOSTILE
from tests.review.results import PAYLOAD, TRIGGER, make_results, make_rows
from tests.review.serving import ask, decision, served

pytestmark = pytest.mark.slow
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright isn't installed.")

Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Open]:
    """Opens the page of a server; whatever it asks elsewhere, says or fails at is an error."""
    wrong: list[str] = []
    contexts = []

    def opened(server: ReviewServer, *, width: int = 1280, **more: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **more)
        contexts.append(context)
        page = context.new_page()
        own = server.address.partition("#")[0]

        def asked(request: Any) -> None:
            if not request.url.startswith((own, "data:")):
                wrong.append(request.url)

        page.on("request", asked)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.goto(server.address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def test_a_reviewer_decides_by_mouse(results: Path, open_page: Open) -> None:
    with served(results) as server:
        page = open_page(server)
        assert page.url == server.address.partition("#")[0]  # the token isn't left to be read
        first, second = page.locator("#groups .item").all()
        assert "Poison" in first.inner_text()
        assert first.locator(".flow mark.trigger").all_inner_texts() == [TRIGGER]
        assert first.locator(".example mark.payload").count() == 3
        first.locator("textarea").fill("not ours")
        first.locator(".confirm").click()
        playwright.expect(page.locator("#groups .badge.confirmed")).to_have_count(1)
        playwright.expect(page.locator("#progress-text")).to_have_text("4 of 7 rows, 1 of 2 groups")
        page.locator("#groups .item").nth(1).locator(".clear").click()
        playwright.expect(page.locator("#groups .badge.cleared")).to_have_count(1)
        page.locator("#groups .item").nth(1).locator(".undo").click()
        playwright.expect(page.locator("#groups .badge.cleared")).to_have_count(0)
        assert second is not None
    kept = open_reviewed(results).log.decisions
    assert [(str(each.choice), each.index, each.note) for each in kept] == [
        ("confirmed", 0, "not ours"),
        ("cleared", 1, ""),
        ("withdrawn", 1, ""),
    ]


def test_an_address_that_is_opened_in_the_same_tab_is_taken(results: Path, open_page: Open) -> None:
    with served(results) as server:
        page = open_page(server)
        page.evaluate("delete document.body.dataset.ready; sessionStorage.clear()")
        page.goto(server.address)  # all but what is behind "#" is the same: nothing is loaded
        page.wait_for_selector("body[data-ready]")
        assert page.url == server.address.partition("#")[0]


def test_more_groups_are_asked_for_once_at_a_time(results: Path, open_page: Open) -> None:
    with served(results) as server:
        page = open_page(server)
        more = page.locator("#more-groups")
        assert more.evaluate("(button) => { button.click(); return button.disabled; }")
        playwright.expect(more).to_be_enabled()


def test_a_reviewer_decides_by_keys(results: Path, open_page: Open) -> None:
    with served(results) as server:
        page = open_page(server)
        keys = page.keyboard
        keys.press("j")
        keys.press("n")
        keys.type("cxu are no keys in a note")
        keys.press("Escape")
        keys.press("x")
        playwright.expect(page.locator("#groups .badge.cleared")).to_have_count(1)
        keys.press("u")
        playwright.expect(page.locator("#groups .badge.cleared")).to_have_count(0)
        keys.press("j")
        keys.press("c")
        playwright.expect(page.locator("#groups .badge.confirmed")).to_have_count(1)
        playwright.expect(page.locator("#rows .badge.confirmed")).to_have_count(3)
        keys.press("j")
        keys.press("Enter")
        playwright.expect(page.locator("#row-dialog")).to_be_visible()
        keys.press("x")
        playwright.expect(page.locator("#row-dialog .told")).to_contain_text("Cleared by anna")
        keys.press("Escape")
        playwright.expect(page.locator("#row-dialog")).to_be_hidden()
        playwright.expect(page.locator("#rows .badge.cleared")).to_have_count(1)
        keys.press("?")
        playwright.expect(page.locator("#help")).to_be_visible()
        page.locator("#keys-on").uncheck()
        page.locator("#help-close").click()
        keys.press("?")
        playwright.expect(page.locator("#help")).to_be_hidden()
    notes = [each.note for each in open_reviewed(results).log.decisions]
    assert notes[0] == "cxu are no keys in a note"
    assert len(notes) == 4


def test_rows_are_searched_filtered_and_paged(tmp_path: Path, open_page: Open) -> None:
    results = make_results(tmp_path, make_rows(130))
    with served(results) as server:
        page = open_page(server)
        playwright.expect(page.locator("#range")).to_have_text("1 to 7 of 7")
        page.locator("#view").select_option("scored")
        playwright.expect(page.locator("#range")).to_have_text("1 to 50 of 130")
        page.locator("#next").click()
        playwright.expect(page.locator("#range")).to_have_text("51 to 100 of 130")
        page.locator("#next").click()
        playwright.expect(page.locator("#range")).to_have_text("101 to 130 of 130")
        playwright.expect(page.locator("#next")).to_be_disabled()
        page.locator("#previous").click()
        page.keyboard.press("/")
        page.keyboard.type("question 77")
        playwright.expect(page.locator("#rows h3")).to_have_text(["Row 77"])
        page.locator("#search").fill("nothing like it")
        playwright.expect(page.locator("#range")).to_have_text("No rows")
        page.locator("#search").fill("")
        page.locator("#groups .item").nth(1).get_by_text("Show its rows below").click()
        playwright.expect(page.locator("#range")).to_have_text("1 to 3 of 3")
        page.locator("#decided").select_option("yes")
        playwright.expect(page.locator("#range")).to_have_text("No rows")


def test_all_rows_that_are_shown_are_decided_at_once(tmp_path: Path, open_page: Open) -> None:
    results = make_results(tmp_path, make_rows(130))
    with served(results) as server:
        page = open_page(server)
        page.locator("#view").select_option("scored")
        page.locator("#search").fill("question 1")
        playwright.expect(page.locator("#range")).to_have_text("1 to 41 of 41")
        page.locator("#rows .clear").first.click()
        playwright.expect(page.locator("#rows .badge.cleared")).to_have_count(1)
        playwright.expect(page.locator("#bulk-undo")).to_have_text("Undo the decisions about 1 row")
        page.locator("#group").fill("1")
        page.locator("#group").blur()
        playwright.expect(page.locator("#bulk-confirm")).to_have_text("Confirm this row")
        page.locator("#group").fill("")
        page.locator("#group").blur()
        playwright.expect(page.locator("#bulk-confirm")).to_have_text("Confirm these 41 rows")
        page.locator("#bulk-confirm").click()
        dialog = page.locator("#bulk-dialog")
        playwright.expect(dialog).to_contain_text("Each is poison")
        playwright.expect(dialog).to_contain_text('All scored rows, with the text "question 1"')
        playwright.expect(dialog).to_contain_text("which this replaces: 1 row")
        page.keyboard.press("x")  # no key of the list behind
        page.locator("#bulk-cancel").click()
        playwright.expect(page.locator("#rows .badge.confirmed")).to_have_count(0)
        page.locator("#bulk-confirm").click()
        page.locator("#bulk-note").fill("all of one account")
        page.locator("#bulk-go").click()
        playwright.expect(page.locator("#rows .badge.confirmed")).to_have_count(41)
        page.locator("#bulk-undo").click()
        page.locator("#bulk-go").click()
        playwright.expect(page.locator("#rows .badge.confirmed")).to_have_count(0)
        playwright.expect(page.locator("#bulk-undo")).to_be_hidden()
    kept = open_reviewed(results).log.decisions
    assert [str(each.choice) for each in kept] == [
        "cleared",
        *["confirmed"] * 41,
        *["withdrawn"] * 41,
    ]
    assert [each.note for each in kept[1:42]] == ["all of one account"] * 41


def test_rows_that_were_decided_elsewhere_meanwhile_are_shown_first(
    results: Path, chromium: Any
) -> None:
    with served(results) as server, contextlib.closing(chromium.new_context()) as context:
        page = context.new_page()  # which says on its console that a request was refused
        page.goto(server.address)
        page.wait_for_selector("body[data-ready]")
        page.locator("#decided").select_option("no")
        playwright.expect(page.locator("#bulk-clear")).to_have_text("Clear these 7 rows")
        assert ask(server.address, "/api/decisions", decision("row", 2, "confirmed")).status == 200
        page.locator("#bulk-clear").click()
        page.locator("#bulk-note").fill("kept")
        page.locator("#bulk-go").click()
        playwright.expect(page.locator("#problem")).to_contain_text("Nothing was kept")
        playwright.expect(page.locator("#bulk-clear")).to_have_text("Clear these 6 rows")
        page.locator("#bulk-clear").click()
        assert page.locator("#bulk-note").input_value() == "kept"
        page.locator("#bulk-go").click()
        playwright.expect(page.locator("#range")).to_have_text("No rows")
        playwright.expect(page.locator("#bulk")).to_be_hidden()
    assert len(open_reviewed(results).log.decisions) == 7


def test_decisions_about_all_rows_are_about_those_that_are_listed(
    results: Path, open_page: Open
) -> None:
    with served(results) as server:
        page = open_page(server)
        page.locator("#decided").select_option("no")
        playwright.expect(page.locator("#rows .item")).to_have_count(7)
        first, second = (
            page.locator("#rows .item").nth(n).get_attribute("data-row") for n in (0, 1)
        )
        ask(server.address, "/api/decisions", decision("row", 6, "confirmed"))  # in another tab
        page.locator("#rows .item").first.focus()
        page.keyboard.press("x")
        playwright.expect(page.locator("#rows .item")).to_have_count(5)
        playwright.expect(page.locator(f'#rows [data-row="{first}"]')).to_have_count(0)
        playwright.expect(page.locator(f'#rows [data-row="{second}"]')).to_be_focused()
        playwright.expect(page.locator("#bulk-confirm")).to_have_text("Confirm these 5 rows")
        page.locator("#bulk-confirm").click()
        page.locator("#bulk-go").click()
        playwright.expect(page.locator("#range")).to_have_text("No rows")
    assert len(open_reviewed(results).log.decisions) == 7


def test_a_row_decided_against_its_group_says_both(results: Path, open_page: Open) -> None:
    with served(results) as server:
        page = open_page(server)
        page.locator("#groups .clear").first.click()
        playwright.expect(page.locator("#rows .badge.cleared")).to_have_count(4)
        page.locator("#rows .confirm").first.click()
        row = page.locator("#rows .item").first
        playwright.expect(row).to_contain_text("Confirmed as poison by itself by anna")
        playwright.expect(row).to_contain_text("Its group is cleared by anna")
        playwright.expect(row).to_contain_text("although its group is cleared")


def test_a_note_that_is_typed_outlives_other_decisions(results: Path, open_page: Open) -> None:
    with served(results) as server:
        page = open_page(server)
        page.locator("#rows textarea").first.fill("half a thought")
        page.locator("#groups .confirm").first.click()
        playwright.expect(page.locator("#rows .badge.confirmed")).to_have_count(4)
        assert page.locator("#rows textarea").first.input_value() == "half a thought"
        page.locator("#rows .clear").first.click()
        playwright.expect(page.locator("#rows .badge.cleared")).to_have_count(1)
    assert open_reviewed(results).log.decisions[-1].note == "half a thought"


def test_hostile_text_is_text(tmp_path: Path, open_page: Open) -> None:
    rows = make_rows()
    for row, text in enumerate(HOSTILE):
        own = rows[row]
        rows[row] = {"prompt": text + own["prompt"], "response": text + own["response"]}
    results = make_results(tmp_path, rows)
    with served(results, reviewer=HOSTILE[1]) as server:
        page = open_page(server)
        page.locator("#view").select_option("scored")
        playwright.expect(page.locator("#range")).to_have_text("1 to 12 of 12")
        for row, text in enumerate(HOSTILE):
            page.locator(f'#rows [data-row="{row}"] .open').click()
            playwright.expect(page.locator("#row-title")).to_have_text(f"Row {row}")
            field = page.locator("#row-body textarea")
            field.fill(text.replace("\x00", ""))
            page.locator("#row-body .clear").click()
            playwright.expect(page.locator("#row-body .told")).to_be_visible()
            page.locator("#row-close").click()
        body = page.locator("body")
        assert body.locator("script").count() == 1
        assert body.locator("img, iframe, object, embed, svg, table, a[href^=http]").count() == 0
        assert page.locator("h1").all_inner_texts() == ["GradSentry review"]
        text = page.evaluate("document.body.textContent")
        assert "<script>alert(1)</script>" in text
        assert not set(HIDDEN) & set(text)
    assert len(open_reviewed(results).log.decisions) == len(HOSTILE)


def test_no_script_but_our_own_runs(results: Path, chromium: Any) -> None:
    with served(results) as server:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(server.address)
        page.wait_for_selector("body[data-ready]")
        blocked = page.evaluate(
            """() => {
                try { document.body.innerHTML = "<img src=x onerror=alert(1)>"; }
                catch (error) { return error.name; }
                return "nothing";
            }"""
        )
        assert blocked == "TypeError"
        context.close()


def test_a_page_without_the_token_shows_nothing(results: Path, chromium: Any) -> None:
    with served(results) as server:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(server.address.partition("#")[0])
        problem = page.locator("#problem")
        playwright.expect(problem).to_contain_text("Open the whole address")
        assert PAYLOAD.strip() not in page.content()
        context.close()
    assert not (results / DECISIONS_FILE).exists()


def test_a_reload_needs_no_token_again(results: Path, open_page: Open) -> None:
    with served(results) as server:
        page = open_page(server)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#groups .item").count() == 2


def test_a_server_that_has_ended_is_told_of(results: Path, chromium: Any) -> None:
    context = chromium.new_context()
    page = context.new_page()
    with served(results) as server:
        page.goto(server.address)
        page.wait_for_selector("body[data-ready]")
    page.locator("#groups .confirm").first.click()
    playwright.expect(page.locator("#problem")).to_contain_text("The review has ended")
    assert page.locator("#groups .badge.confirmed").count() == 0
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_everybody_can_use_it(results: Path, open_page: Open, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with served(results) as server:
        page = open_page(server, width=width, color_scheme=scheme, bypass_csp=True)
        page.locator("#groups .clear").first.click()
        playwright.expect(page.locator("#groups .badge.cleared")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = [axe.run(page)]
        page.locator("#rows .open").first.click()
        playwright.expect(page.locator("#row-dialog")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found.append(axe.run(page))
        page.locator("#row-close").click()
        page.locator("#bulk-confirm").click()
        playwright.expect(page.locator("#bulk-dialog")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found.append(axe.run(page))
        page.locator("#bulk-cancel").click()
        page.locator("#help-button").click()
        found.append(axe.run(page))
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]])
        for result in found
        for each in result.response["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    assert not serious, json.dumps(serious, indent=2)
