"""The record inside a page of ours, so that reading the page gives the same record."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any, Final

from markupsafe import Markup

from theratrial.exchange.irct.html import EMBEDDED
from theratrial.registry.record import RegistrationRecord

# What would end or open an element, and what YAML takes for the end of a line or does not print.
_UNSAFE: Final = re.compile(r"[<>&\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")


def carried(record: RegistrationRecord) -> Markup:
    """An element that no browser shows or runs, with the record as YAML: flow style, every text in double quotes."""
    return Markup('<script type="application/yaml" id="{}">\n{}\n</script>').format(
        Markup(EMBEDDED), Markup(_flow(record.model_dump()))
    )


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",\n".join(f"{_quoted(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",\n".join(_flow(one) for one in value) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def _quoted(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
