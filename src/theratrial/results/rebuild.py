"""Values of results out of their plain tree: the way back from `theratrial.results.plain.plain`."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from theratrial.errors import InputError

ValueT = TypeVar("ValueT")


def rebuilt(kind: type[ValueT], tree: Any) -> ValueT:
    """The value of class `kind` from which `tree` was made; keys that the class does not have are passed over.

    Raises
    ------
    InputError
        The tree lacks a field, or something stands where a value of another kind belongs.
    """
    try:
        value: ValueT = _value(kind, tree)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"no {kind.__name__} can be made of what is stored ({error}); compute it again") from error
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, tree: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        kinds = [one for one in get_args(kind) if one is not type(None)]
        return None if tree is None else _value(kinds[0], tree)
    if origin is Literal or kind is Any:
        return tree
    if origin is tuple:
        inside = get_args(kind)
        if len(inside) == 2 and inside[1] is Ellipsis:
            return tuple(_value(inside[0], one) for one in tree)
        return tuple(_value(one_kind, one) for one_kind, one in zip(inside, tree, strict=True))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {_key(get_args(kind)[0], key): _value(get_args(kind)[1], one) for key, one in tree.items()}
    if kind is float:
        return float(tree)  # "inf" and "nan" stand as text
    if kind in (datetime, date):
        return kind.fromisoformat(tree)
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        made: Any = kind
        return made(**{one.name: _value(hints[one.name], tree[one.name]) for one in fields(kind) if one.name in tree})
    if not isinstance(tree, kind):
        raise TypeError(f"{tree!r} is no {kind.__name__}")
    return tree


def _key(kind: Any, key: str) -> Any:
    return int(key) if kind is int else key
