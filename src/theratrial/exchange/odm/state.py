"""The state that changes lead to: what an import makes of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.rows import RecordRow, Values, row_of, values_of
from theratrial.exchange.odm.told import Place, Told

_SITE: Final = "I.record.site"

Fields = dict[str, str]
"""Flags of an annotation, with its comment under ``text`` and its subject under ``participant``."""


@dataclass(slots=True)
class State:
    """Rows as they stand after the changes taken so far."""

    sites: dict[str, str] = field(default_factory=dict)
    """Subject -> site."""
    subjects: dict[str, Fields] = field(default_factory=dict)
    queries: dict[str, Fields] = field(default_factory=dict)
    messages: dict[str, Fields] = field(default_factory=dict)
    verifications: dict[str, Fields] = field(default_factory=dict)
    _rows: dict[str, tuple[Place, Values]] = field(default_factory=dict)
    _site_of: dict[str, str] = field(default_factory=dict)
    """Row -> site that it is of where it does not say one itself: that of its subject when it was told."""

    def take(self, told: Told) -> None:
        """One change, in the order of the file."""
        place = told.place
        if told.site:
            self.sites[place.subject] = told.site
        if place.group_key and told.kind != "Context":
            self._take_row(told)
        if told.remark is not None:
            self._take_remark(told, dict(told.remark.flags), told.remark.comment)

    def _take_row(self, told: Told) -> None:
        key = told.place.group_key
        if told.kind == "Remove" and not told.items:
            self._rows.pop(key, None)
            return
        if told.kind in ("Insert", "Upsert") or any(i.oid == _SITE and i.kind == "Remove" for i in told.items):
            self._site_of[key] = self.sites.get(told.place.subject, "")
        values = {} if told.kind in ("Insert", "Upsert") else dict(self._rows.get(key, (told.place, {}))[1])
        for item in told.items:
            if item.kind == "Remove":
                values.pop(item.oid, None)
            else:
                values[item.oid] = (item.value, item.unit)
        self._rows[key] = (told.place, values)

    def _take_remark(self, told: Told, flags: Fields, comment: str) -> None:
        kept = {
            "subject": self.subjects,
            "query": self.queries,
            "message": self.messages,
            "verification": self.verifications,
        }.get(flags.get("entity", ""))
        if kept is not None and "id" in flags:
            kept[flags["id"]] = {**flags, "text": comment, "participant": told.place.subject}

    def records(self, layouts: Mapping[str, Layout]) -> Iterator[RecordRow]:
        """Every record, in the order in which it came in.

        Raises
        ------
        ValueError
            See `rows.row_of`; or the items contradict one another (a unit beside another unit).
        """
        for key, (place, values) in self._rows.items():
            layout, site = layouts[place.version], self._site_of.get(key, "")
            row = row_of(layout, place, values, site)
            again = values_of(layout, row, place, site)
            if different := sorted(oid for oid in again.keys() | values.keys() if again.get(oid) != values.get(oid)):
                raise ValueError(f"row {key}: {', '.join(different)} contradict the row or its place")
            yield row
