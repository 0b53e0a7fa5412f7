"""Small changes of a record or protocol, by path."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from theratrial.registry.reader import parse_registration
from theratrial.registry.record import RegistrationRecord

Model = TypeVar("Model", bound=BaseModel)

CUT = object()
"""What stands there is taken away."""


def running_trial() -> RegistrationRecord:
    """The shipped good record as it was while the trial recruited, in June 2024: where dates and status are tried."""
    path = Path(__file__).parents[1] / "fixtures" / "registry" / "running_trial.yaml"
    return parse_registration(path.read_bytes(), path.name)


def with_changes(model: Model, changes: dict[str, Any]) -> Model:
    """The value with fields set by path (``ethics[0].reference``); a call is applied to what stands there."""
    plain = copy.deepcopy(model.model_dump())
    for path, value in changes.items():
        steps: list[Any] = [int(one) if one.isdigit() else one for one in re.findall(r"[^.\[\]]+", path)]
        place = plain
        for step in steps[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value is CUT:
            del place[steps[-1]]
        else:
            place[steps[-1]] = value(place[steps[-1]]) if callable(value) else copy.deepcopy(value)
    return type(model).model_validate(plain)


def words(old: str, new: str) -> Any:
    """A change of words; fails where they do not stand."""

    def change(value: Any) -> Any:
        texts = [value] if isinstance(value, str) else [one for one in value.values() if isinstance(one, str)]
        assert any(old in one for one in texts), old
        if isinstance(value, str):
            return value.replace(old, new)
        return {key: one.replace(old, new) if isinstance(one, str) else one for key, one in value.items()}

    return change
