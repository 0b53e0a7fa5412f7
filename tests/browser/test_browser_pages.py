"""Every page a role can reach: nothing from outside, no error, one heading, a name for every input, a language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from theratrial.web.setup_site import CAST

STYLESHEET = Path(__file__).resolve().parents[2] / "src/theratrial/web/static/theratrial/site.css"
ROLES = sorted({member.role: member.username for member in reversed(CAST)}.values())
NOT_PAGES = re.compile(r"\.(csv|zip|json|bin|gz|svg|png|html)$|/sign-out/|/exports/.+/")
_IDENTIFIER = re.compile(r"(?<=/)([0-9a-f]{8}-[0-9a-f-]{27}|[PS]\d+|\d+|[a-z]+[12](?=/$))(?=/)")

INSPECTED = """() => ({
  lang: document.documentElement.lang, dir: document.documentElement.dir,
  headings: [...document.querySelectorAll("h1")].filter((one) => !one.closest("dialog")).length,
  nameless: [...document.querySelectorAll(
    "input:not([type=hidden]), select, textarea, button, a[href]",
  )].filter((one) => {
    const ids = (one.getAttribute("aria-labelledby") || "").split(" ");
    const labelled = ids.map((id) => document.getElementById(id)?.textContent || "").join("");
    const labels = [...(one.labels || [])].map((label) => label.textContent).join("");
    const pictured = [...one.querySelectorAll("img")].map((i) => i.alt).join("");
    const own = one.matches("button, a") ? one.textContent + pictured : "";
    return !(one.getAttribute("aria-label") || labelled || labels || own || one.title || "").trim();
  }).map((one) => one.outerHTML.slice(0, 120)),
  doubled: [...document.querySelectorAll("[id]")].map((one) => one.id).filter((id, n, all) => all.indexOf(id) !== n),
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
})"""


def walked(page: Any) -> Iterator[tuple[str, int]]:
    """(address, status) of one page of every kind that links lead to from where signing in leads."""
    home = urlsplit(page.url).path
    waiting, seen = [home], {home}
    while waiting:
        path = waiting.pop(0)
        yield path, page.goto(path, wait_until="load").status
        for href in page.eval_on_selector_all("a[href]", "all => all.map((one) => one.getAttribute('href'))"):
            at = urlsplit(urljoin(page.url, href))
            kind = _IDENTIFIER.sub("*", at.path)
            if at.netloc != urlsplit(page.url).netloc or NOT_PAGES.search(at.path) or kind in seen:
                continue
            seen.add(kind)
            waiting.append(f"{at.path}?{at.query}" if at.query else at.path)


@pytest.mark.walk
@pytest.mark.timeout(900)
@pytest.mark.parametrize("username", ROLES)
def test_V4_no_page_asks_anything_of_another_origin(page_of: Callable[..., Any], username: str) -> None:
    """The fixture reports foreign requests, errors in the console (also of the content policy) and answers of 500."""
    page = page_of(username)
    found, wrong = 0, []
    for path, status in walked(page):
        found += 1
        seen = page.evaluate(INSPECTED)
        faults = [
            f"status {status}" if status >= 400 else "",
            f"{seen['headings']} h1" if seen["headings"] != 1 else "",
            f"no accessible name: {seen['nameless'][:3]}" if seen["nameless"] else "",
            f"the same id twice: {seen['doubled'][:3]}" if seen["doubled"] else "",
            f"language {seen['lang']} {seen['dir']}" if (seen["lang"], seen["dir"]) != ("en", "ltr") else "",
            f"{seen['wide']} px wider than the window" if seen["wide"] > 0 else "",
        ]
        wrong += [f"{path}: {fault}" for fault in faults if fault]
    assert not wrong, "\n".join(wrong)
    assert found >= 4, f"{username} finds only {found} pages"


@pytest.mark.walk
@pytest.mark.timeout(900)
def test_every_page_fits_a_tablet_and_turns_for_persian(page_of: Callable[..., Any]) -> None:
    page = page_of("coordinator1", viewport={"width": 820, "height": 1180})
    page.goto("/people/account/")
    page.select_option("select[name=language]", "fa")
    page.locator("form:has(select[name=language]) button.primary").click()
    page.wait_for_load_state()
    wrong = []
    for path, status in walked(page):
        seen = page.evaluate(INSPECTED)
        if (status, seen["lang"], seen["dir"]) != (200, "fa", "rtl") or seen["wide"] > 0:
            wrong.append(f"{path}: {status} {seen['lang']} {seen['dir']}, {seen['wide']} px too wide")
    page.goto("/people/account/")
    page.select_option("select[name=language]", "en")
    page.locator("form:has(select[name=language]) button.primary").click()
    page.wait_for_load_state()
    assert not wrong, "\n".join(wrong)


def _luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    digits = colour.lstrip("#")
    full = digits if len(digits) == 6 else "".join(2 * one for one in digits)
    parts = [int(full[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known grey just below AA


TEXT_ON = [
    *((text, "paper") for text in ("ink", "muted", "accent", "good", "bad", "warn", "violet")),
    *((text, "soft") for text in ("ink", "muted", "accent", "good", "bad", "warn")),
    *((text, f"{text}-soft") for text in ("accent", "good", "bad", "warn")),
    *(("ink", soft) for soft in ("accent-soft", "good-soft", "bad-soft", "warn-soft")),
    *(("muted", soft) for soft in ("accent-soft", "good-soft", "bad-soft", "warn-soft")),
    ("paper", "ink"),
    ("paper", "accent"),
]


@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_has_the_contrast_of_wcag_aa_on_its_ground(text: str, ground: str) -> None:
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", STYLESHEET.read_text(encoding="utf-8")))
    assert contrast(colours[text], colours[ground]) >= 4.5


def test_the_frame_of_a_field_and_the_mark_of_the_focus_stand_out() -> None:
    """Parts of controls: 3 to 1 against the page (WCAG 1.4.11)."""
    text = STYLESHEET.read_text(encoding="utf-8")
    frame = re.search(r"^input, select, textarea \{[^}]*border: 1px solid (#\w+)", text, re.MULTILINE)
    focus = re.search(r":focus-visible \{ outline: \d+px solid (#\w+)", text)
    assert frame is not None
    assert focus is not None
    assert contrast(frame[1], "#ffffff") >= 3
    assert contrast(focus[1], "#ffffff") >= 3
