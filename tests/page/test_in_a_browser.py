"""The pages as people have them: in the light, in the dark, on a phone, by keyboard, in print and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.page.drawing import INDEX, decision_page, draw
from launchplane_gate.page.folder import write
from launchplane_gate.page.look import Look
from launchplane_gate.page.public import public
from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.conftest import PRODUCT
from tests.page.browser import Tab, needs_axe, needs_chromium, opened
from tests.page.looks import NAMES, look_of_trouble, swapped
from tests.page.test_drawing import HOSTILE

pytestmark = [pytest.mark.thorough, needs_chromium]  # a browser, which takes seconds to start

PAGE = f"products/{PRODUCT}.html"
REACHABLE = "[...document.querySelectorAll('main a, main summary')].filter(one => one.checkVisibility())"
WAYS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"dark": True},
    "phone": {"width": 360, "height": 740},
    "phone in the dark": {"width": 360, "height": 740, "dark": True},
    "print": {"media": "print"},
}


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with opened() as tab:
        yield tab


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle, engine: EmbeddedEngine) -> Iterator[Look]:
    yield from look_of_trouble(tmp_path_factory.mktemp("state"), bundle, engine)


def written(folder: Path, look: Look) -> dict[str, Path]:
    """The first page, that of the product, and those of a decision of each kind."""
    write(folder / "pages", draw(look), look.at)
    kinds = {(seen.decision.phase, seen.decision.allowed): name for name, seen in look.decisions.items()}
    assert len(kinds) >= 3
    names = [INDEX, PAGE, *map(decision_page, kinds.values())]
    return {name: folder / "pages" / name for name in names}


def hostile(look: Look) -> Look:
    return swapped(look, lambda field, said: said if field in NAMES else HOSTILE)


@needs_axe
@pytest.mark.parametrize("shown", [lambda look: look, public, hostile], ids=["as it is", "public", "hostile"])
def test_it_is_legible_asks_for_nothing_and_complains_of_nothing(
    tab: Tab, look: Look, tmp_path: Path, shown: Any
) -> None:
    for name, file in written(tmp_path, shown(look)).items():
        for way, how in WAYS.items():
            tab.open(file, **how)
            assert tab.requested() == [file.as_uri()], (name, way)
            assert not tab.complaints(), (name, way)
            assert not tab.violations(), (name, way)
            assert tab.run("document.documentElement.scrollWidth <= innerWidth"), (name, way)


@needs_axe
def test_axe_finds_what_is_not_legible(tab: Tab, tmp_path: Path) -> None:
    """Or the test above could not fail."""
    bad = tmp_path / "bad.html"
    bad.write_text("<!doctype html><html lang=en><title>x</title><main><h1>x</h1><p style='color:#ccc'>pale</p></main>")
    tab.open(bad)
    assert [rule for rule, _ in tab.violations()] == ["color-contrast"]
    bad.write_text("<!doctype html><p>x<img src='http://127.0.0.1:1/x.png'><script>console.log(1)</script>")
    tab.open(bad)
    assert {rule for rule, _ in tab.violations()} >= {"document-title", "html-has-lang", "image-alt", "region"}
    assert "http://127.0.0.1:1/x.png" in tab.requested() and tab.complaints()


def test_a_script_that_came_in_would_not_run(tab: Tab, look: Look, tmp_path: Path) -> None:
    file = tmp_path / INDEX
    for name, page in draw(look).items():
        inserted = "<script>document.title = 'run'</script><img src='https://example.org/x.png'></main>"
        file.write_text(page.replace("</main>", inserted))
        tab.open(file)
        assert tab.run("document.title") != "run", name
        assert [one for one in tab.requested() if not one.startswith(("file:", "https://example.org/x.png"))] == []
        refused = [str(one) for one in tab.complaints()]
        assert sum("Content Security Policy" in one for one in refused) == 2, refused


def test_it_is_gone_through_with_the_keyboard(tab: Tab, look: Look, tmp_path: Path) -> None:
    files = written(tmp_path, look)
    for file in files.values():
        tab.open(file)
        tab.press("Tab")
        assert tab.run("document.activeElement.className") == "skip"
        assert tab.run("document.activeElement.getBoundingClientRect().top") >= 0
        tab.press("Enter")
        assert tab.run("document.activeElement.id") == "main"
        reached = []
        there_are = tab.run(f"{REACHABLE}.map(one => one.outerHTML)")
        for _ in there_are:
            tab.press("Tab")
            reached.append(tab.run("document.activeElement.outerHTML"))
            assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert reached == there_are


def test_a_link_leads_to_the_run_on_the_page_of_its_product(tab: Tab, look: Look, tmp_path: Path) -> None:
    files = written(tmp_path, look)
    tab.open(files[INDEX])
    tab.run("document.querySelector('.troubled a').click()")
    tab.wait("location.hash == '#testing' && document.querySelector(':target')")
    tab.run("[...document.querySelectorAll('.run a')].pop().click()")
    tab.wait("location.pathname.includes('/decisions/') && document.readyState == 'complete'")
    tab.run("document.querySelector('.facts a').click()")
    tab.wait("location.hash.startsWith('#r-') && document.querySelector('.run:target')")


def test_a_page_that_is_old_says_so(tab: Tab, look: Look, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for age, says, is_old in (
        (timedelta(seconds=5), "That was just now.", False),
        (timedelta(minutes=12, seconds=5), "That was 12 minutes ago.", False),
        (timedelta(hours=1, seconds=5), "That was 1 hour ago: this is old. Look again before you act on it.", True),
        (timedelta(days=3, seconds=5), "That was 3 days ago: this is old. Look again before you act on it.", True),
    ):
        file = written(tmp_path, replace(look, at=now - age))[INDEX]
        tab.open(file)
        assert tab.run("document.getElementById('age').textContent") == says
        assert tab.run("document.getElementById('looked-at').className") == ("old" if is_old else "")


def test_it_is_read_without_a_script(tab: Tab, look: Look, tmp_path: Path) -> None:
    files = written(tmp_path, look)
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(files[INDEX])
        said = tab.run("document.body.textContent")
    finally:
        tab.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert "2 of 2 lanes need a look" in said and "Take this as old after" in said
    assert "unsettled" in said and "its last run, a deploy of ccccccc" in said


def test_it_is_printed_in_ink_on_white(tab: Tab, look: Look, tmp_path: Path) -> None:
    for name, file in written(tmp_path, look).items():
        tab.open(file, dark=True, media="print")
        assert tab.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)", name
        assert tab.run("getComputedStyle(document.body).color") == "rgb(26, 30, 34)", name
        tab.open(file)
        tab.printed(tmp_path / "page.pdf")
        assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
