"""What no browser sends: strategies drawn from the router's converters and from the fields of the site's own forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import strategies as st

import theratrial.web

_PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
_ASKED_FOR = re.compile(r"""(?:GET|POST|FILES)(?:\.get|\.getlist)?[(\[]\s*f?["']([\w-]+)["']""")
NOWHERE = "00000000-0000-0000-0000-000000000000"
BOUNDARY = "a-boundary"
NASTY = (
    "", " ", "\x00", "P\x0001", "\u202eevil\u202c", "\u200f۱۴۰۰/۱۲/۳۰", "\U0001f600", "\ud800", "a\udfffb", "é" * 300,
    "x" * 5000, "\u06f1" * 100_000, "0", "-1", "1e999", "nan", "-inf", "99999999999999999999", "2147483648", "1e308",
    "9223372036854775808", "0x10", "١٢٣", "²", "1/0", "1,5", "1,000.5", "12:00", "24:61", "' OR 1=1 --",
    "<script>alert(1)</script>", "{{ 7*7 }}", "%s%n%(a)s", "{0.__class__}", "../../../../etc/passwd",
    "//evil.example/", "http://evil.example/", "\\\\evil.example", "javascript:alert(1)", "[]", "[[[[", "null", "[1]",
    '{"a": 1e999}', '{"a": "\\ud800"}', "9" * 5000, "true", "on", "\r\nSet-Cookie: a=b", "\x1b[2J", "\ufeff", "\uffff",
    NOWHERE, "not-a-uuid",
)  # fmt: skip
"""Texts that some part of the way has trouble with."""
DATES = (
    "2022-03-22", "1400/12/29", "۱۴۰۱/۰۱/۰۲", "1400/12/30", "1399-12-30", "1403/13/01", "0000-00-00", "2022-02-30",
    "9999-12-31", "9999-12-31T23:59:59", "10000-01-01", "0001-01-01T00:00", "2022-03-22T00:00+14:00", "2999-01-01",
    "2022-03-22 00:30", "2022-03-22T02:30:00Z", "1900-01-01", "1205/01/01", "1499/12/29", "22/03/2022", "2022-W12",
    "1401/01/02 24:00", "9999-12-31T23:59:59-23:59",
)  # fmt: skip
"""Dates right and wrong, of both calendars."""
_ODD_BODIES = (
    ("application/json", b'{"a": '), ("application/json", b"[1, 2]"), ("text/plain", b"\xff\xfe\x00"), ("", b"x"),
    ("multipart/form-data", b"no boundary"), ("multipart/form-data; boundary=a", b"--a\r\nbroken"),
    ("application/json", b'{"files": null}'), ("application/json", b'"\\u0000"'), ("application/xml", b"<!DOCTYPE a>"),
    ("application/x-www-form-urlencoded; charset=nonsense", b"a=%ff%fe&b=%00"),
    ("application/x-www-form-urlencoded; charset=utf-7", b"reason=%2BADw-script%2BAD4-"),
    ("application/x-www-form-urlencoded", b"&".join(b"i-a=1" for _ in range(30_000))),
    ("application/octet-stream", b'{"name": "\\ud800.dcm", "bytes": 3}\nabc'),
    ("application/octet-stream", b'{"name": "a.dcm", "bytes": 99999999999999999999}\nabc'),
)  # fmt: skip

Known = Mapping[str, Sequence[str]]
"""Parameter name, or ``app.name`` -> values that are there."""


@dataclass(frozen=True)
class Address:
    """One pattern of the router and its view."""

    name: str
    route: str
    view: Any

    @property
    def permission(self) -> str:
        return str(self.view.theratrial_permission)

    @property
    def app(self) -> str:
        return str(self.view.__module__.split(".")[2])


@cache
def names_asked_for(app: str) -> tuple[str, ...]:
    """Names of parameters that code of an app reads."""
    folder = Path(theratrial.web.__file__).parent / app
    found = {name for file in folder.rglob("*.py") for name in _ASKED_FOR.findall(file.read_text("utf-8"))}
    return tuple(sorted(found)) or ("page",)


def addresses(patterns: Any = None, before: str = "", space: str = "") -> Iterator[Address]:
    """Every address of the site."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            name = f"{one.namespace}:" if one.namespace else space
            yield from addresses(one.url_patterns, before + str(one.pattern), name)
        elif isinstance(one, URLPattern):
            yield Address(f"{space}{one.name}", before + str(one.pattern), one.callback)


@dataclass(frozen=True)
class Field:
    """A field as the page has it: its kind, the values the page offers."""

    name: str
    kind: str
    offered: tuple[str, ...]


@dataclass
class Form:
    """A form of a page: where it goes, and its fields."""

    action: str
    method: str = "get"
    found: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    @property
    def fields(self) -> list[Field]:
        return [Field(name, kind, tuple(values)) for name, (kind, values) in self.found.items()]


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.forms, self.select = page, [Form(page)], ""

    def _kept(self, name: str, kind: str, value: str) -> None:
        self.forms[-1].found.setdefault(name, (kind, []))[1].append(value)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(of.get("action") or self.page, of.get("method", "get").lower()))
        elif tag == "select":
            self.select = of.get("name", "")
        elif tag == "option" and self.select:
            self._kept(self.select, "choice", of.get("value", ""))
        elif tag in ("input", "textarea", "button") and of.get("name"):
            self._kept(of["name"], of.get("type", "text") if tag == "input" else tag, of.get("value", ""))


def forms_of(page: str, html: str) -> list[Form]:
    """The forms of a page that have fields."""
    parser = _Forms(page)
    parser.feed(html)
    return [one for one in parser.forms if one.found]


def hostile() -> st.SearchStrategy[str]:
    """Texts, lone surrogates and NUL among them; numbers of every size; dates of both calendars."""
    return st.one_of(
        st.sampled_from(NASTY),
        st.sampled_from(DATES),
        st.text(st.characters(exclude_categories=()), max_size=40),
        st.integers().map(str),
        st.floats().map(str),
    )


def _sensible(one: Field) -> st.SearchStrategy[str]:
    offered = st.sampled_from(one.offered or ("",))
    if one.kind in ("choice", "hidden", "radio", "checkbox", "button"):
        return offered
    if one.kind in ("date", "datetime-local") or one.name.endswith(("_on", "_at", "date")):
        return st.sampled_from(DATES[:3])
    if one.kind == "number":
        return st.integers(0, 300).map(str)
    if "reason" in one.name:
        return st.just("a reason")
    return st.one_of(offered, st.just("12"), st.sampled_from(DATES[:3]))


@st.composite
def filled(draw: st.DrawFn, form: Form) -> list[tuple[str, str]]:
    """The form's own fields, most as somebody would fill them, some hostile, some twice, some left out."""
    pairs = []
    for one in form.fields:
        how = draw(st.sampled_from(("sensible", "sensible", "sensible", "hostile", "twice", "absent")))
        if how != "absent":
            pairs.append((one.name, draw(hostile() if how == "hostile" else _sensible(one))))
        if how == "twice":
            pairs.append((one.name, draw(hostile())))
    return pairs


def plain_path(address: Address, known: Known) -> str:
    """The address with the first of the values that are there."""

    def value(match: re.Match[str]) -> str:
        return (known.get(f"{address.app}.{match['name']}") or known.get(match["name"]) or ["1"])[0]

    return "/" + _PARAMETER.sub(value, address.route)


@st.composite
def path_of(draw: st.DrawFn, address: Address, known: Known) -> str:
    """The address with its parameters: values that are there, and everything a converter lets through."""

    def value(match: re.Match[str]) -> str:
        name, converter = match["name"], match["converter"] or "str"
        there = known.get(f"{address.app}.{name}") or known.get(name) or [NOWHERE]
        free: dict[str, st.SearchStrategy[str]] = {
            "int": st.integers(0, 10**30).map(str),
            "uuid": st.uuids().map(str),
            "slug": st.from_regex(r"[-a-zA-Z0-9_]{1,40}", fullmatch=True),
        }
        if draw(st.integers(0, 3)):
            return quote(draw(st.sampled_from(list(there))), safe="")
        text = draw(free.get(converter, hostile()))[:300]
        return quote(text.encode("utf-8", "surrogatepass"), safe="")

    return "/" + _PARAMETER.sub(value, address.route)


@dataclass(frozen=True)
class Sent:
    """One request."""

    username: str
    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/x-www-form-urlencoded"
    token: bool = True
    htmx: bool = False


def _encoded(pairs: Sequence[tuple[str, str]]) -> bytes:
    coded = [[quote_plus(part.encode("utf-8", "surrogatepass")) for part in pair] for pair in pairs]
    return "&".join("=".join(pair) for pair in coded).encode()


def _multipart(pairs: Sequence[tuple[str, str]], as_file: bool) -> bytes:
    parts = []
    for number, (name, value) in enumerate(pairs):
        file = f'; filename="../{number}.csv"' if as_file and number % 2 else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        parts.append((head + value + "\r\n").encode("utf-8", "surrogatepass"))
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@st.composite
def bodies(draw: st.DrawFn, pairs: list[tuple[str, str]]) -> tuple[bytes, str]:
    """The fields as one of the ways there are to send them, or something that is none."""
    how = draw(st.sampled_from(("form", "form", "multipart", "files", "json", "odd", "bytes")))
    if how == "form":
        return _encoded(pairs), "application/x-www-form-urlencoded"
    if how in ("multipart", "files"):
        return _multipart(pairs, how == "files"), f"multipart/form-data; boundary={BOUNDARY}"
    if how == "json":
        return json.dumps(dict(pairs)).encode(), "application/json"
    if how == "odd":
        content_type, body = draw(st.sampled_from(_ODD_BODIES))
        return body, content_type
    return draw(st.binary(max_size=60)), draw(st.sampled_from(("application/octet-stream", "image/png")))


@st.composite
def requests(draw: st.DrawFn, address: Address, known: Known, who: Sequence[str]) -> Sent:
    """One request to an address by somebody."""
    names = st.sampled_from(names_asked_for(address.app))
    pairs = draw(st.lists(st.tuples(names, hostile()), max_size=8))
    path = draw(path_of(address, known))
    method = draw(st.sampled_from(("GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")))
    if method in ("GET", "HEAD"):
        return Sent(draw(st.sampled_from(list(who))), method, f"{path}?{_encoded(pairs)[:20_000].decode()}")
    body, content_type = draw(bodies(pairs))
    token, htmx = draw(st.integers(0, 4)) > 0, draw(st.booleans())
    return Sent(draw(st.sampled_from(list(who))), method, path, body, content_type, token, htmx)


@st.composite
def submissions(draw: st.DrawFn, form: Form, who: Sequence[str]) -> Sent:
    """One form of one page, sent by somebody who sees it."""
    pairs, username = draw(filled(form)), draw(st.sampled_from(list(who)))
    if form.method == "get":
        return Sent(username, "GET", f"{form.action.split('?')[0]}?{_encoded(pairs)[:20_000].decode()}")
    body, content_type = _encoded(pairs), "application/x-www-form-urlencoded"
    if draw(st.integers(0, 4)) == 0 or any(kind == "file" for kind, _ in form.found.values()):
        body, content_type = _multipart(pairs, as_file=True), f"multipart/form-data; boundary={BOUNDARY}"
    return Sent(username, "POST", form.action, body, content_type, token=draw(st.integers(0, 9)) > 0)
