"""A page of the viewers on its own, served as the site serves it: from files, under the site's content policy."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from theratrial.web.headers import CONTENT_SECURITY_POLICY

STATIC = Path(__file__).resolve().parents[2] / "src/theratrial/web/static/theratrial"

_PAGE = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>viewer</title>
<link rel="stylesheet" href="/page.css"><link rel="stylesheet" href="/static/viewer/viewer.css">
<script type="module" src="/static/viewer/{module}.js"></script></head>
<body><{tag} id="viewer" data-manifest="{manifest}" data-strings="{strings}"></{tag}></body></html>"""
_STYLE = """@font-face { font-family: Vazirmatn; font-weight: 100 900;
  src: url(/static/vendor/vazirmatn/Vazirmatn-wght.woff2) format("woff2"); }
body { font: 15px/1.45 Vazirmatn, sans-serif; margin: 1rem; }"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        plain = path.split("?")[0]
        if plain.startswith("/static/"):
            return str(STATIC / plain.removeprefix("/static/"))
        return super().translate_path(path)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def write_page(
    folder: Path,
    name: str,
    kind: str,
    manifest: dict[str, Any],
    *,
    direction: str = "ltr",
    strings: dict[str, str] | None = None,
) -> None:
    """A page `name`.html with one viewer: kind is volume or planar."""
    (folder / "page.css").write_text(_STYLE, encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(manifest), encoding="utf-8")
    page = _PAGE.format(
        lang="fa" if direction == "rtl" else "en",
        dir=direction,
        module=f"{kind}-viewer",
        tag=f"theratrial-{kind}",
        manifest=f"/{name}.json",
        strings=json.dumps(strings or {}).replace("&", "&amp;").replace('"', "&quot;"),
    )
    (folder / f"{name}.html").write_text(page, encoding="utf-8")
