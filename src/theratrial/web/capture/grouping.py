"""Which rows belong to one filling of a form: those that agree in everything but what tells the form's rows apart."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

_SHARED: Final = {
    "laboratory": ("participant_id", "collected_at", "laboratory"),
    "eligibility": ("participant_id", "assessed_on", "assessed_by", "source"),
}
_NAMESPACE: Final = uuid.UUID("7b0c6a5e-8f0e-4a55-9f0a-0d7a53b3a0b1")


def group_of(table: str, cells: Mapping[str, str]) -> uuid.UUID:
    """The group of an imported row: results of one sample share one, any other row has its own."""
    if table not in _SHARED:
        return uuid.uuid4()
    key = "\x1f".join([table, *(cells.get(column, "") for column in _SHARED[table])])
    return uuid.uuid5(_NAMESPACE, key)
