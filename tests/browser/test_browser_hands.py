"""Without a mouse, and after the time is up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.browser.conftest import PASSWORD, RunningSite, Watched, new_site


def _focused(page: Any) -> str:
    return str(page.evaluate("() => document.activeElement.id || document.activeElement.tagName"))


def test_the_first_stop_of_the_keyboard_leads_past_the_navigation(page_of: Callable[..., Any]) -> None:
    page = page_of("coordinator1")
    page.goto("/participants/")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.matches('a.skip')")
    box = page.locator("a.skip").bounding_box()
    assert box["x"] >= 0, "it is seen while it has the focus"
    page.keyboard.press("Enter")
    assert _focused(page) == "main"


def test_the_focus_is_seen_on_every_stop(page_of: Callable[..., Any]) -> None:
    page = page_of("coordinator1")
    page.goto("/participants/register/")
    for _stop in range(25):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "() => { const one = document.activeElement, style = getComputedStyle(one);"
            " return [one.tagName, style.outlineStyle, parseFloat(style.outlineWidth)]; }"
        )
        assert style[0] in ("BODY", "HTML", "MAIN") or (style[1] != "none" and style[2] >= 2), style


def test_the_laboratory_form_is_filled_and_saved_by_keyboard_alone(page_of: Callable[..., Any]) -> None:
    page = page_of("coordinator1")
    page.goto("/records/participant/P01/form/laboratory/?visit=follow_up&session=1")
    assert _focused(page) == "i-collected_at", "one types at once"
    page.keyboard.type("1401/01/15 08:30")
    page.keyboard.press("Enter")  # moves on, sends nothing
    assert _focused(page) == "i-neutrophils_e9_per_L"
    for item, text in (
        ("neutrophils_e9_per_L", "3.1"),
        ("platelets_e9_per_L", "210"),
        ("haemoglobin_g_per_L", "118"),
        ("white_cells_e9_per_L", "5.5"),
    ):
        for _stop in range(30):
            if _focused(page) == f"i-{item}":
                break
            page.keyboard.press("Tab")
        assert _focused(page) == f"i-{item}"
        page.keyboard.type(text)
    page.wait_for_function("() => document.querySelector('[data-draft-state]').textContent.trim()")
    assert "2022-04-04" in page.locator("#collected_at-both").inner_text(), "both calendars while one types"
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: "/form/" not in url)
    page.goto("/records/participant/P01/")
    assert page.locator("#form-laboratory tbody a", has_text="2022-04-04").count() == 1


def test_escape_closes_the_dialog_and_the_focus_goes_back(page_of: Callable[..., Any]) -> None:
    page = page_of("monitor1")
    page.goto("/records/verification/P01/")
    button = page.locator("button.ask-about").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] #ask-text")
    assert _focused(page) == "ask-text"
    page.keyboard.press("Escape")
    assert not page.locator("dialog[open]").count()
    assert page.evaluate("() => document.activeElement.matches('button.ask-about')")


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """A site that signs people out after a minute without work."""
    site = new_site(tmp_path_factory.mktemp("hasty"), THERATRIAL_IDLE_MINUTES="1")
    try:
        site.serve("--demo", "--participants", "1", "--no-worker")
        yield site
    finally:
        site.stop()


@pytest.mark.walk
def test_the_end_of_the_session_is_announced_and_put_off(watched: Watched, hasty: RunningSite) -> None:
    page = watched.page(hasty, "coordinator1")
    page.goto("/participants/register/")
    warning = page.locator("#session-warning")
    assert warning.is_hidden()
    warning.wait_for(state="visible", timeout=45_000)
    assert page.evaluate("() => document.activeElement.closest('#session-warning') !== null"), "one keystroke prolongs"
    with page.expect_response("**/people/prolong/") as answered:
        page.keyboard.press("Enter")
    assert answered.value.ok
    warning.wait_for(state="hidden")
    page.wait_for_timeout(35_000)  # longer than what was left of the first minute
    page.goto("/participants/")
    assert page.url.endswith("/participants/")


@pytest.mark.walk
def test_what_was_typed_before_the_time_was_up_is_sent_after_signing_in_again(
    watched: Watched, hasty: RunningSite
) -> None:
    page = watched.page(hasty, "coordinator1")
    page.goto("/participants/register/")
    page.fill("#code", "P77")
    page.fill("#screened_on", "1404/12/14")
    page.select_option("#sex", "female")
    page.fill("#age_years", "61")
    page.wait_for_timeout(64_000)
    page.locator("main form button.primary").click()
    page.wait_for_url("**/sign-in/**")
    page.fill("#username", "coordinator1")
    page.fill("#password", PASSWORD)
    page.locator("main button.primary").click()
    page.wait_for_url("**/people/resume/**")
    assert "P77" in page.locator("main").inner_text()
    page.get_by_role("button", name="Send it now").click()
    page.wait_for_url("**/participants/P77/**")
