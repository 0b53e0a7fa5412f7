"""A record as the flat list of its values, path by path, and back: what 1.3.1 files say beside WHO's elements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

from theratrial.registry.fields import fields
from theratrial.registry.record import RegistrationRecord

_PATH: Final = re.compile(r"[a-z][a-z0-9_]*(?:\[[0-9]{1,3}\]|\.[a-z][a-z0-9_]*)*")
_LONGEST_PATH: Final = 200
"""Longer ones are no paths: a hostile file must not fill the memory by what is remembered of them."""
_STEP: Final = re.compile(r"[a-z0-9_]+|\[[0-9]+\]")


@cache
def carried() -> frozenset[str]:
    """Paths of the fields that the 1.3.1 profile carries: those of an item of the WHO data set.

    Recruitment centres are no item of it; their countries are, and stand under `recruitment.countries`.
    """
    return frozenset(one.path for one in fields() if one.trds is not None and one.group != "centres")


@cache
def _tops() -> frozenset[str]:
    return frozenset(one.group or one.path for one in fields())


def top_of(path: str) -> str:
    """The field, or repeating group, to which a value's path belongs; empty where there is none."""
    return _top_of(path) if len(path) <= _LONGEST_PATH else ""


@lru_cache(maxsize=8192)
def _top_of(path: str) -> str:
    steps = path
    while steps:
        if steps in _tops():
            return steps
        steps = re.sub(r"(?:^|\.)[a-z0-9_]+$|\[[0-9]+\]$", "", steps)
    return ""


def leaves(record: RegistrationRecord) -> dict[str, str]:
    """Every value of the fields that are carried; an empty member of a group stands as an empty value."""
    plain = record.model_dump(mode="json")
    plain.pop("schema_version", None)
    found: dict[str, str] = {}
    _flatten(plain, "", found)
    return {path: value for path, value in found.items() if _is_carried(path)}


def _flatten(value: Any, path: str, found: dict[str, str]) -> None:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            _flatten(inner, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            _flatten(inner, f"{path}[{index}]", found)
    elif path:
        found[path] = "" if isinstance(value, dict | list) else str(value)


def _is_carried(path: str) -> bool:
    return _is_carried_in_general(re.sub(r"\[[0-9]+\]", "[]", path))


@cache
def _is_carried_in_general(general: str) -> bool:
    top = top_of(general.replace("[]", "[0]"))
    if general == f"{top}[]":
        return any(one.startswith(f"{top}[].") for one in carried()) or top in carried()
    return any(general == one or general.startswith((f"{one}.", f"{one}[")) for one in carried())


def by_top(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The values by field or repeating group."""
    found: dict[str, dict[str, str]] = {}
    for path, value in values.items():
        found.setdefault(top_of(path), {})[path] = value
    return found


def put(tree: dict[str, Any], path: str, value: str) -> str:
    """Set a value in the tree of a record; why that is not possible, or empty."""
    steps = _steps(path) if len(path) <= _LONGEST_PATH else ()
    if not steps:
        return "is no path of a record's field"
    *inner, (final, _) = steps
    here: Any = tree
    for step, of in inner:
        if isinstance(step, int):
            if not isinstance(here, list) or step > len(here):
                return "leaves out a member before it"
            if step == len(here):
                here.append(of())
            here = here[step]
        else:
            if not isinstance(here, dict):
                return "stands twice, or inside another value"
            if step not in here:
                here[step] = of()
            here = here[step]
    return _put_last(here, final, _leaf(path, value))


def _put_last(here: Any, step: str | int, value: Any) -> str:
    if isinstance(step, int):
        if not isinstance(here, list) or step > len(here):
            return "leaves out a member before it"
        if step < len(here):
            return "stands twice"
        here.append(value)
    else:
        if not isinstance(here, dict) or step in here:
            return "stands twice, or inside another value"
        here[step] = value
    return ""


@lru_cache(maxsize=8192)
def _steps(path: str) -> tuple[tuple[str | int, type], ...]:
    """Names and places of a path, each with the kind of what follows it; none where it is no path."""
    if _PATH.fullmatch(path) is None or not top_of(path):
        return ()
    steps: list[str | int] = [int(one[1:-1]) if one.startswith("[") else one for one in _STEP.findall(path)]
    return tuple(
        (step, list if isinstance(following, int) else dict)
        for step, following in zip(steps, [*steps[1:], ""], strict=True)
    )


def _leaf(path: str, value: str) -> Any:
    # An empty member of a group is a piece, an empty member of a list of words is a word.
    return {} if value == "" and path.endswith("]") and "." not in path else value


def clear(tree: dict[str, Any], top: str) -> None:
    """Take a field or group out of the tree."""
    *parents, last = top.split(".")
    here: Any = tree
    for step in parents:
        here = here.get(step) if isinstance(here, dict) else None
    if isinstance(here, dict):
        here.pop(last, None)
