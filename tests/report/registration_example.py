"""Registration records for tests: any record that can exist, filled field by field from the one table of fields."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from typing import Any

from hypothesis import strategies as st

from theratrial.registry.codes import code_list
from theratrial.registry.fields import Field, fields
from theratrial.registry.record import RegistrationRecord

# Every character a text may hold, the ones that end elements, lines and quotes often.
WORDS = st.text(max_size=12) | st.text(alphabet="<>&\"'\\/ \n\t\r\u0085\u2028\ufeff-:#{}[]|%!a1۱س\u200c", max_size=30)
HOSTILE = st.sampled_from(
    [
        "</script><b>x",
        "<\\/script>",
        "<!--<script>",
        "]]>",
        "{{ x }}",
        "'\"`",
        "\\u003c",
        "- a: b",
        "2021-10-18",
        "yes",
        "~",
    ]
)
TEXT = st.fixed_dictionaries({"en": WORDS | HOSTILE, "fa": WORDS | HOSTILE | st.just("سرطان پستان")})
AGE = st.fixed_dictionaries(
    {
        "value": st.none() | st.floats(0, 1e18, allow_nan=False),
        "unit": st.sampled_from(["years", "months", "weeks", "days"]),
        "text": TEXT,
    }
)
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))


def _coded(field: Field) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"code": st.sampled_from(["", *code_list(field.list_name)]), "text": st.just({}) | TEXT}
    )


def _value(field: Field) -> st.SearchStrategy[Any]:
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "text": TEXT,
        "string": WORDS | HOSTILE,
        "date": st.none() | st.fixed_dictionaries({"gregorian": DAYS, "text": WORDS}),
        "day": st.none() | DAYS,
        "count": st.none() | st.integers(0, 10**12),
        "percent": st.none() | st.floats(0, 100, allow_nan=False),
        "age": AGE,
        "texts": st.lists(TEXT, max_size=2),
        "strings": st.lists(WORDS, max_size=2),
    }
    return _coded(field) if field.kind == "code" else kinds[field.kind]


@st.composite
def records(draw: st.DrawFn) -> RegistrationRecord:
    """A record with about a dozen fields filled, in groups of up to two members."""
    plain: dict[str, Any] = {}
    for field in draw(st.lists(st.sampled_from(fields()), max_size=12, unique_by=lambda one: one.path)):
        for index in range(draw(st.integers(1, 2)) if field.group else 1):
            _put(plain, field.path.replace("[]", f".{index}"), draw(_value(field)))
    return RegistrationRecord.model_validate(_lists(plain))


def _put(plain: dict[str, Any], path: str, value: Any) -> None:
    *steps, last = path.split(".")
    for step in steps:
        plain = plain.setdefault(step, {})
    plain[last] = value


def _lists(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return plain
    if plain and all(key.isdigit() for key in plain):
        return [_lists(plain.get(str(index), {})) for index in range(max(map(int, plain)) + 1)]
    return {key: _lists(value) for key, value in plain.items()}


_WITHIN_A_LINE = ("a", "b", "bdi", "span", "wbr", "del")
_NOT_SHOWN = ("script", "style", "title")


class Shown(HTMLParser):
    """The words of a page that a person sees, in their order, and its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._said: list[str] = []
        self._hidden = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden += tag in _NOT_SHOWN
        self._said.append("" if tag in _WITHIN_A_LINE else " ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _NOT_SHOWN
        self._said.append("" if tag in _WITHIN_A_LINE else " ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._said.append(data)

    @property
    def words(self) -> list[str]:
        return "".join(self._said).split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def without_record(page: str) -> str:
    """The page without the record that it carries."""
    return re.sub(r'(?s)<script type="application/yaml".*?</script>', "", page)
