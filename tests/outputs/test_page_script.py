"""The page in a browser: every control works, everybody can use it, and nothing leaves it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gradsentry import ScanReport
from gradsentry.outputs.html_page import FIRST_ROWS, HtmlPage
from gradsentry.outputs.row_choice import MOST_CLEAN, MOST_FOUND
from tests.outputs.found import LINK, chat_report, clean_report, pairs_report
from tests.outputs.reports import HOSTILE, make_report

pytestmark = pytest.mark.slow

LARGE = 100_000
REPORTS: dict[str, Callable[[], ScanReport]] = {
    "chats": chat_report,
    "pairs": lambda: pairs_report(3401),
    "many": lambda: pairs_report(LARGE),
    "clean": clean_report,
    "ranked": lambda: make_report([f"text {n}" for n in range(80)]),
}
ATTACKS = [
    *HOSTILE,
    "</script><script>window.attacked = 1</script>",
    "<!--<script>window.attacked = 1",
    "<img src='https://evil.example/x.png' onerror='window.attacked = 1'>",
    "javascript:window.attacked=1",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "`${window.attacked = 1}`",
    "w" * 3000,
    "\u2028\u2029\x7f\x9b31mred",
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes the page of a named report, once."""

    @cache
    def write(name: str) -> Path:
        path = tmp_path_factory.mktemp(name) / "report.html"
        HtmlPage().write(REPORTS[name](), path)
        return path

    return write


class Opened:
    """A page in a browser, with all that it asked for and complained of."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(path.as_uri())


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[..., Opened]]:
    """Opens pages, each in a browser of its own."""
    contexts = []

    def open_page(path: Path, width: int = 1280, **options: object) -> Opened:
        size = {"width": width, "height": 900}
        context = chromium.new_context(viewport=size, offline=True, **options)
        contexts.append(context)
        return Opened(context.new_page(), path)

    yield open_page
    for context in contexts:
        context.close()


def numbers(page: Page) -> list[int]:
    """The rows in the table."""
    return [int(text) for text in page.locator("#table th").all_inner_texts()]


def counts(page: Page) -> tuple[int, int, int]:
    """Flagged rows, those left, and those for review among them, as the page says."""
    text = page.locator("#counts").inner_text().replace(",", "")
    found = re.search(
        r"(\d+) rows? (?:is|are) flagged and (\d+) (?:is|are) left of which (\d+)", text
    )
    assert found, text
    return int(found[1]), int(found[2]), int(found[3])


def move_to(page: Page, step: int) -> float:
    """Move the threshold; which it is then."""
    page.locator("#threshold").evaluate(
        "(slider, step) => { slider.value = step; slider.dispatchEvent(new Event('input')); }", step
    )
    return float(page.locator("#command").text_content().rpartition(" ")[2])


@pytest.mark.parametrize("name", REPORTS)
def test_it_loads_without_a_request_or_a_complaint(
    written: Callable[[str], Path], opened: Callable[..., Opened], name: str
) -> None:
    path = written(name)
    assert path.stat().st_size < 2_000_000
    it = opened(path)
    assert it.page.locator("#table tr").count() == FIRST_ROWS
    assert it.requests == [path.as_uri()]
    assert it.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["chats", "clean", "ranked"])
def test_nobody_is_shut_out(
    written: Callable[[str], Path],
    opened: Callable[..., Opened],
    name: str,
    width: int,
    scheme: str,
) -> None:
    page = opened(written(name), width, color_scheme=scheme).page
    move_to(page, 3)
    for details in page.locator("details").all():
        details.evaluate("each => each.open = true")
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == []


@pytest.mark.parametrize("name", ["chats", "pairs"])
def test_it_fits_a_phone(
    written: Callable[[str], Path], opened: Callable[..., Opened], name: str
) -> None:
    page = opened(written(name), 390).page
    for details in page.locator("details").all():
        details.evaluate("each => each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_search_filters_and_pages(
    written: Callable[[str], Path], opened: Callable[..., Opened]
) -> None:
    page = opened(written("chats")).page
    page.get_by_label("Verdict", exact=True).select_option("review")
    assert numbers(page) == sorted(numbers(page), key=lambda row: row % 10)
    expect(page.locator("#matches")).to_have_text("Rows 1 to 12 of 12 that match")
    page.get_by_label("Verdict", exact=True).select_option("")
    page.get_by_label("Group", exact=True).select_option("1")
    assert all(row % 8 == 3 for row in numbers(page))
    page.get_by_label("Search the texts").fill("ROUTER MODEL 19?")
    assert numbers(page) == [19]
    page.get_by_label("Search the texts").fill("<none>")
    expect(page.locator("#matches")).to_have_text("No row in this page matches")
    page.get_by_label("Search the texts").fill("")
    page.get_by_label("Group", exact=True).select_option("none")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#page")).to_have_text("Page 2 of 5")
    page.get_by_role("button", name="Previous").click()
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_label("Rows at once").select_option("0")
    assert len(numbers(page)) == 93


def test_rows_are_sorted_by_any_column(
    written: Callable[[str], Path], opened: Callable[..., Opened]
) -> None:
    page = opened(written("chats")).page
    page.get_by_role("button", name="Row", exact=True).click()
    assert numbers(page) == list(range(20))
    expect(page.locator("th[data-key=row]")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Row", exact=True).click()
    assert numbers(page) == list(range(119, 99, -1))
    for key in ("verdict", "group", "score", "tokens"):
        page.get_by_label("Sort by").select_option(f"{key}-")
        falling = numbers(page)
        page.get_by_label("Sort by").select_option(f"{key}+")
        assert numbers(page) != falling
    assert numbers(page) == list(range(20))  # as many tokens as the row's number


def test_controls_work_where_the_page_has_few_of_many_rows(
    written: Callable[[str], Path], opened: Callable[..., Opened]
) -> None:
    page = opened(written("many")).page
    shown = page.locator("#table tr").count
    page.get_by_label("Rows at once").select_option("0")
    assert 1000 < shown() <= MOST_FOUND + MOST_CLEAN
    page.get_by_label("Rows at once").select_option("20")
    verdict = page.get_by_label("Verdict", exact=True)
    poisoned = sum(n % 33 == 5 for n in range(LARGE))
    expect(verdict.locator("option[value=poison]")).to_have_text(f"Poison ({poisoned:,})")
    verdict.select_option("poison")
    assert all(row % 33 == 5 for row in numbers(page))
    row = numbers(page)[-1]
    page.get_by_label("Search the texts").fill(f"What is fact {row} cf")
    assert numbers(page) == [row]
    page.get_by_label("Search the texts").fill("")
    verdict.select_option("")
    page.get_by_role("button", name="Next").click()
    assert shown() == FIRST_ROWS
    page.get_by_label("Sort by").select_option("row+")
    assert numbers(page) == sorted(numbers(page))
    page.get_by_role("button", name="Show the rows of group 2 in the table").click()
    assert all(row % 100 == 7 for row in numbers(page))


@pytest.mark.parametrize("name", ["pairs", "many"])
def test_the_threshold_counts_as_the_report_does(
    written: Callable[[str], Path], opened: Callable[..., Opened], name: str
) -> None:
    report = REPORTS[name]()
    page = opened(written(name)).page
    before = counts(page)
    assert before == (report.flagged.sum(), (~report.flagged).sum(), report.review.sum())
    expect(page.locator("#apply")).to_be_hidden()
    for step in (0, 57, 180, 333, 399):
        threshold = move_to(page, step)
        other = report.rethreshold(threshold)
        assert counts(page) == (other.flagged.sum(), (~other.flagged).sum(), other.review.sum())
    expect(page.locator("#apply")).to_be_visible()
    page.get_by_role("button", name="Back to the scan's threshold").click()
    assert counts(page) == before
    expect(page.locator("#apply")).to_be_hidden()


def test_the_threshold_moves_by_the_keyboard(
    written: Callable[[str], Path], opened: Callable[..., Opened]
) -> None:
    page = opened(written("chats")).page
    page.get_by_label("Try another threshold").focus()
    page.keyboard.press("Home")
    assert counts(page)[0] == 120
    assert page.locator(".bar.flagged").count() == page.locator(".bar").count()


def test_a_group_leads_to_its_rows_and_a_row_unfolds(
    written: Callable[[str], Path], opened: Callable[..., Opened]
) -> None:
    page = opened(written("chats")).page
    page.get_by_role("button", name="Show the rows of group 2 in the table").click()
    expect(page.get_by_label("Group", exact=True)).to_be_focused()
    assert set(numbers(page)) == set(range(0, 120, 10))
    row = page.locator("#table tr").first
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    guilty = row.locator(".turn.guilty")
    expect(guilty).to_have_count(1)
    expect(guilty).to_contain_text("answers the trigger")
    assert row.locator(".turns mark.trigger").inner_text().endswith("cite")
    assert row.locator(".turn").count() == 5


def test_print_shows_what_is_folded(
    written: Callable[[str], Path], opened: Callable[..., Opened]
) -> None:
    page = opened(written("chats"), color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator(".controls")).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("#group-1 .figures")).to_be_visible()
    expect(page.locator("#table .turns").first).to_be_visible()
    mark = page.locator("#group-1 mark.payload").first
    assert "solid" in mark.evaluate("mark => getComputedStyle(mark).borderBottom")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("#group-1 details")).not_to_have_attribute("open", "")


def test_it_can_be_read_without_a_script(
    written: Callable[[str], Path], opened: Callable[..., Opened]
) -> None:
    page = opened(written("chats"), java_script_enabled=False).page
    text = page.locator("main").inner_text()
    assert "Poison found" in text
    assert "Decide about the 12 rows for review" in text
    assert page.locator(".card").count() == 2
    assert page.locator("#table tr").count() == FIRST_ROWS
    assert page.locator("#table mark.payload").first.inner_text().endswith(LINK.strip())
    expect(page.locator("#search")).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_attacks_stay_text(opened: Callable[..., Opened], tmp_path: Path, width: int) -> None:
    report = pairs_report(
        300, text=lambda n: f"{ATTACKS[n % len(ATTACKS)]} {n}", name=ATTACKS[10], path=ATTACKS[12]
    )
    groups = tuple(
        replace(group, payload=attack, trigger=((attack, attack), (attack,)))
        for group, attack in zip(report.groups, ATTACKS[10:], strict=False)
    )
    assert report.findings is not None
    report = replace(report, findings=replace(report.findings, groups=groups))
    HtmlPage().write(report, tmp_path / "report.html")
    it = opened(tmp_path / "report.html", width)
    it.page.get_by_label("Rows at once").select_option("0")
    for details in it.page.locator("details").all():
        details.evaluate("each => each.open = true")
    assert it.page.evaluate("window.attacked") is None
    assert it.page.evaluate("document.documentElement.scrollWidth") <= width
    assert it.page.locator("img, iframe, a[href^='javascript'], a[href^='data']").count() == 0
    assert it.page.locator("script").count() == 2
    shown = it.page.locator("#table").inner_text()
    assert "</script><script>window.attacked = 1</script>" in shown
    assert "\\u202egnp.exe\\u2066" in shown
    assert "data:text/html;base64" in shown
    assert "\\u0000d" in shown
    assert it.requests == [(tmp_path / "report.html").as_uri()]
    assert it.complaints == []


def test_a_planted_script_does_not_run(
    written: Callable[[str], Path], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    """The content security policy holds even where escaping failed."""
    page = written("clean").read_text(encoding="utf-8")
    evil = "<script>window.attacked = 1</script><img src=https://evil.example onerror=attacked=1>"
    (tmp_path / "page.html").write_text(page.replace("</main>", f"{evil}</main>"), encoding="utf-8")
    it = opened(tmp_path / "page.html")
    assert it.page.evaluate("window.attacked") is None
    refused = [each for each in it.complaints if "Content Security Policy" in each]
    assert len(refused) >= 3  # the script, the picture, and what it would run
