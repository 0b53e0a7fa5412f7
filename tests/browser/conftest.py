"""The site as its people meet it: the real server in a process of its own, Debian's Chromium, and nothing from outside.

Chromium is taken by path (``CHROMIUM`` names another). Playwright keeps an event loop running while it is open, which
Django's database calls refuse: the browser is therefore closed with each module, and no test here touches the database.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: no browser test")

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
SCREENSHOTS = ROOT / "build" / "screenshots"
PASSWORD = "a-password-for-trying-out"
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
)


@dataclass
class RunningSite:
    """A site folder and the server that answers for it."""

    folder: Path
    port: int
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One `theratrial` command, done."""
        line = [sys.executable, "-m", "theratrial", *arguments]
        return subprocess.run(
            line, env=self.environment, cwd=self.folder.parent, check=check, capture_output=True, text=True, timeout=300
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A `theratrial` command that goes on; its words are in a file beside the site folder."""
        said = (self.folder.parent / f"{arguments[0]}.log").open("ab")
        line = [sys.executable, "-m", "theratrial", *arguments, "--site", str(self.folder)]
        process = subprocess.Popen(line, env=self.environment, cwd=self.folder.parent, stdout=said, stderr=said)
        self.processes.append(process)
        return process

    def serve(self, *arguments: str) -> None:
        server = self.start("serve", "--port", str(self.port), *arguments)
        until = time.monotonic() + 400
        while time.monotonic() < until:
            assert server.poll() is None, (self.folder.parent / "serve.log").read_text()[-3000:]
            try:
                with urllib.request.urlopen(f"{self.address}/people/sign-in/", timeout=5):
                    return
            except urllib.error.HTTPError as error:
                raise AssertionError(f"the sign-in page answers {error.code}") from error
            except OSError:
                time.sleep(0.1)
        raise AssertionError((self.folder.parent / "serve.log").read_text()[-3000:])

    def stop(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def new_site(folder: Path, **environment: str) -> RunningSite:
    """A site folder on a free port; nothing is in it and nothing runs yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "THERATRIAL_SITE")}
    settings = {"DJANGO_SETTINGS_MODULE": "theratrial.web.settings", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    return RunningSite(folder / "site", port, {**inherited, **settings, **environment})


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """The demonstration with one treated virtual participant and the screen failures; no images, no results."""
    site = new_site(tmp_path_factory.mktemp("demo"))
    try:
        site.serve("--demo", "--participants", "1", "--no-worker")
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, started once for a module."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}: browser tests are not run; install it or name it with CHROMIUM")
    with tempfile.TemporaryDirectory() as home, sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(ARGUMENTS), env={**os.environ, "HOME": home}
        )
        yield started
        started.close()


class Watched:
    """Browsers' windows whose requests and complaints are written down; any complaint fails the test."""

    def __init__(self, browser: Any) -> None:
        self._browser, self._contexts = browser, {}
        self.foreign: list[str] = []
        self.complaints: list[str] = []

    def context(self, site: RunningSite, name: str = "", **options: Any) -> Any:
        """A browser of its own: cookies and windows are not shared with another name's."""
        key = (site.address, name, repr(sorted(options.items())))
        if key not in self._contexts:
            shape = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
            context = self._browser.new_context(base_url=site.address, **shape)
            context.set_default_timeout(20_000)
            context.route(lambda url: not url.startswith((site.address, "blob:", "data:")), self._refused)
            context.on("page", self._listened)
            self._contexts[key] = context
        return self._contexts[key]

    def page(self, site: RunningSite, username: str = "", *, password: str = PASSWORD, **options: Any) -> Any:
        """A new window in which `username` is signed in (nobody, where empty)."""
        context = self.context(site, username, **options)
        page = context.new_page()
        if username:
            page.goto("/people/sign-in/")
            if page.locator("input[name=password]").count():
                page.fill("input[name=username]", username)
                page.fill("input[name=password]", password)
                page.locator("main button.primary").click()
                page.wait_for_url(lambda url: "/sign-in/" not in url)
        return page

    def _refused(self, route: Any) -> None:
        self.foreign.append(route.request.url)
        route.abort()

    def _listened(self, page: Any) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("response", lambda answer: self._answered(answer))

    def _said(self, message: Any) -> None:
        refusal = re.search(r"status of (400|403|404|409|422)", message.text)
        if message.type == "error" and not refusal:
            self.complaints.append(f"{message.location.get('url', '')}: {message.text}")

    def _answered(self, answer: Any) -> None:
        if answer.status >= 500:
            self.complaints.append(f"{answer.request.method} {answer.url}: {answer.status}")

    def pictures(self, name: str) -> None:
        """Every open window as a picture in build/screenshots."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        pages = [page for context in self._contexts.values() for page in context.pages]
        for number, page in enumerate(pages):
            page.screenshot(path=SCREENSHOTS / f"{name}-{number}.png", full_page=True)

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if report.when == "call" and report.failed and isinstance(watched := item.funcargs.get("watched"), Watched):
        watched.pictures(re.sub(r"[^\w.-]+", "_", item.name)[:100])
    return report


@pytest.fixture
def watched(chromium: Any) -> Iterator[Watched]:
    """Browsers under observation: no request to another origin, no error in the console, no 500."""
    watching = Watched(chromium)
    yield watching
    watching.close()
    assert not watching.foreign, f"asked of another origin: {watching.foreign[:10]}"
    assert not watching.complaints, "\n".join(watching.complaints[:20])


@pytest.fixture
def page_of(watched: Watched, demo: RunningSite) -> Callable[..., Any]:
    """`page_of("coordinator1")`: a window of the demonstration in which that member of the cast is signed in."""
    return lambda username="", **options: watched.page(demo, username, **options)
