"""Reads header elements and remembers each one that was looked at, for the certificate."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo
from typing import Any

from theratrial.errors import InputError
from theratrial.imaging.times import moment, moment_from_dt


class Tags:
    """Elements of a header; every value that is read is kept in `used` in reading order."""

    def __init__(self, header: Any, zone: tzinfo | None = None) -> None:
        self._header = header
        self.zone = zone
        self._used: dict[tuple[str, str], str] = {}
        items = header.get("RadiopharmaceuticalInformationSequence") or []
        self.tracers = tuple(items)
        """Items of RadiopharmaceuticalInformationSequence."""

    @property
    def used(self) -> tuple[tuple[str, str, str], ...]:
        """(tag, keyword, value) of what was read."""
        return tuple((tag, keyword, value) for (tag, keyword), value in self._used.items())

    def add(self, tag: str, keyword: str, value: object) -> None:
        """Remember a value read elsewhere (one that varies from slice to slice)."""
        self._used[(tag, keyword)] = str(value)

    def text(self, keyword: str, within: Any = None) -> str:
        """Value as text, ``\\``-joined where multiple; "" where absent."""
        dataset = self._header if within is None else within
        try:
            element = dataset[keyword]
            value = element.value
        except KeyError:
            return ""
        except Exception as error:  # noqa: BLE001 - pydicom raises whatever a malformed value provokes
            raise InputError(f"{keyword} cannot be read: {error}") from None
        if value is None:
            return ""
        many = not isinstance(value, str) and hasattr(value, "__iter__")
        text = "\\".join(map(str, value)) if many else str(value)
        if text:
            self.add(f"({element.tag.group:04X},{element.tag.element:04X})", keyword, text)
        return text.strip()

    def number(self, keyword: str, within: Any = None) -> float | None:
        """Value as a number; None where absent.

        Raises
        ------
        InputError
            If it is not a finite number.
        """
        return _number(self.text(keyword, within), keyword)

    def moment(self, date_keyword: str, time_keyword: str) -> datetime | None:
        """Moment of a DA and a TM element; None where either is absent or impossible."""
        return moment(self.text(date_keyword), self.text(time_keyword), self.zone)

    def moment_from_dt(self, keyword: str, within: Any = None) -> datetime | None:
        """Moment of a DT element; None where absent, impossible or without hour."""
        return moment_from_dt(self.text(keyword, within), self.zone)

    def private_moment(self, group: int, element: int, name: str) -> datetime | None:
        """Moment of a private DT element, whatever its block; None where absent."""
        tag = (group, element)
        try:
            if tag not in self._header:
                return None
            value = self._header[tag].value
        except Exception:  # noqa: BLE001 - a broken private element is no element
            return None
        text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
        found = moment_from_dt(text, self.zone)
        if found is not None:
            self.add(f"({group:04X},{element:04X})", name, text.strip(" \0"))
        return found


def _number(text: str, keyword: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{keyword} is {text!r}, one number was expected")
    return value
