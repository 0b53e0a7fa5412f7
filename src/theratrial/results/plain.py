"""Results as plain values for JSON, and the first place where two such trees differ."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from theratrial.errors import InputError, SourceError
from theratrial.results.places import entry_label
from theratrial.results.values import RESULTS_SCHEMA_VERSION, TrialResult
from theratrial.trace import Trace

_RELATIVE_TOLERANCE = 1e-9


def plain(value: Any) -> Any:
    """`value` as dicts, lists, strings, numbers and None.

    An infinite or undefined number becomes the string ``"inf"``, ``"-inf"`` or ``"nan"``: JSON has no such numbers, and
    None would say "not known".
    """
    if isinstance(value, Trace):
        return value.as_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"a result holds {type(value).__name__}, which JSON cannot carry")


def results_text(result: TrialResult) -> str:
    """``results.json`` as text: stable key order, floats at full precision."""
    return json.dumps(plain(result), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of a key that stands twice one reader takes the first value and another the last."""
    tree = dict(pairs)
    if len(tree) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice!r} stands twice")
    return tree


def read_results(path: Path) -> dict[str, Any]:
    """The plain tree of a ``results.json``.

    Raises
    ------
    InputError
        If the file is absent, not JSON, or not results of theratrial.
    SourceError
        If it was written by a newer version.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no results here -> give the folder that `theratrial run --out` wrote") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as results ({error}) -> restore it or run again") from None
    if not isinstance(tree, dict) or "schema_version" not in tree or not isinstance(tree.get("participants"), list):
        raise InputError(f"{path}: is JSON, but not results of theratrial")
    version = str(tree["schema_version"])
    if version.split(".")[0] != RESULTS_SCHEMA_VERSION.split(".")[0]:
        raise SourceError(
            f"{path}: results have schema version {version}, this theratrial reads {RESULTS_SCHEMA_VERSION} "
            "-> use the version that wrote them"
        )
    return tree


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def differences(stored: Any, recomputed: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Every place where two plain trees differ, in their order, as (place, stored, recomputed).

    Numbers may differ by 1e-9 of their size: the same program on another processor rounds its last bits otherwise.
    """
    found: list[tuple[str, Any, Any]] = []
    if isinstance(stored, dict) and isinstance(recomputed, dict):
        for key in list(recomputed) + [key for key in stored if key not in recomputed]:
            here = f"{place}.{key}" if place else str(key)
            if key not in stored:
                found.append((here, "absent", recomputed[key]))
            elif key not in recomputed:
                found.append((here, stored[key], "absent"))
            else:
                found.extend(differences(stored[key], recomputed[key], here))
        return found
    if isinstance(stored, list) and isinstance(recomputed, list):
        for index, (one, other) in enumerate(zip(stored, recomputed, strict=False)):
            found.extend(differences(one, other, place + entry_label(other, index)))
        if len(stored) != len(recomputed):
            found.append((f"{place} (number of entries)", len(stored), len(recomputed)))
        return found
    if _is_number(stored) and _is_number(recomputed):
        same = math.isclose(stored, recomputed, rel_tol=_RELATIVE_TOLERANCE, abs_tol=0.0)
    else:
        same = type(stored) is type(recomputed) and stored == recomputed
    return [] if same else [(place, stored, recomputed)]
