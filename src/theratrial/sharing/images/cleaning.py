"""One data set without identity: each element, however deep, removed, emptied, replaced, cleaned, shifted or kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from theratrial.sharing.images import elements, words
from theratrial.sharing.images.clocks import Moves
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.moments import Shift, by_clock, capped_age, is_time
from theratrial.sharing.images.object_types import type_in_object
from theratrial.sharing.images.own_strings import Search
from theratrial.sharing.images.profile import Rule, rule, settled

REMOVED: Final = "REMOVED"
_PRIVATE_CREATOR: Final = range(0x10, 0x100)
_CONSISTENT_LABELS: Final = {
    "StationName": "STATION",
    "DeviceSerialNumber": "DEVICE",
    "DetectorID": "DETECTOR",
    "ClinicalTrialSiteID": "SITE",
}
"""Machines and sites stay apart from each other without being named: a calibration belongs to a camera."""
_EMPTY_NUMBER: Final = "0"


@dataclass(slots=True)
class Cleaner:
    """How the data sets of one participant are cleaned; counts what it did, by element."""

    key: ReleaseKey
    code: str
    moves: Moves
    own: Search
    protocol_id: str = ""
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(element with its path, what was done) -> how often."""
    _sop_class: str = ""
    _shift: Shift = field(default_factory=lambda: Shift(0))
    """That of the object under way."""
    _safe_private: dict[tuple[int, int, str], str] = field(default_factory=elements.safe_private)

    def clean(self, dataset: Dataset) -> None:
        """Clean a data set in place."""
        self._sop_class = str(dataset.get("SOPClassUID", "") or "")
        self._shift = self.moves.of(dataset)
        by_clock(dataset, self._shift)
        self._level(dataset, ())

    def _level(self, dataset: Dataset, path: tuple[str, ...]) -> None:
        # a code is judged as a whole, before its parts are changed
        if "CodingSchemeDesignator" in dataset or "CodeMeaning" in dataset:
            self._code_item(dataset, path)
        kept_blocks: set[int] = set()
        for tag in list(dataset.keys()):
            if tag.is_private:
                self._private(dataset, tag, path, kept_blocks)
            else:
                self._standard(dataset, tag, path)
        for tag in [t for t in dataset.keys() if t.is_private]:  # noqa: SIM118 - keys, so that nothing is decoded
            if tag.element in _PRIVATE_CREATOR and (tag.group << 16 | tag.element) not in kept_blocks:
                del dataset[tag]

    def _note(self, path: tuple[str, ...], name: str, what: str) -> None:
        self.done[(" > ".join((*path, name)), what)] += 1

    # -- private elements ------------------------------------------------------------------------------------------

    def _private(self, dataset: Dataset, tag: Any, path: tuple[str, ...], kept_blocks: set[int]) -> None:
        if tag.element in _PRIVATE_CREATOR:
            return  # goes after the elements of its block have been judged
        creator_tag = Tag(tag.group, tag.element >> 8)
        creator = ""
        if tag.element >> 8 in _PRIVATE_CREATOR and creator_tag in dataset:
            value = dataset[creator_tag].value
            creator = (value.decode("latin-1") if isinstance(value, bytes) else str(value or "")).strip(" \0")
        kind = None if path else self._safe_private.get((tag.group, tag.element & 0xFF, creator))
        name = f"({tag.group:04X},xx{tag.element & 0xFF:02X}) {creator if kind else 'private'}"
        kept = kind is not None and self._keep_private(dataset, tag, kind)
        if kept:
            kept_blocks.add(tag.group << 16 | tag.element >> 8)
            self._note(path, name, "moved" if kind == "moment" else "kept")
        else:
            del dataset[tag]
            self._note(path, name if kind else f"({tag.group:04X},xxxx) private", "removed")

    def _keep_private(self, dataset: Dataset, tag: Any, kind: str) -> bool:
        element = dataset.get_item(tag)
        if kind == "number":
            return elements.private_number(element)
        value = dataset[tag].value
        text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
        moved = self._shift.moment(text)
        if moved is None:
            return False
        as_bytes = isinstance(value, bytes)
        dataset[tag].value = (moved + " " * (len(moved) % 2)).encode("ascii") if as_bytes else moved
        return True

    # -- elements of the standard ----------------------------------------------------------------------------------

    def _standard(self, dataset: Dataset, tag: Any, path: tuple[str, ...]) -> None:
        if tag.element == 0 or tag.group <= 0x0002 or tag.group in (0xFFFA, 0xFFFC):
            del dataset[tag]  # group lengths, stray meta elements, signatures over what is now changed, padding
            return
        name = elements.keyword(tag)
        if 0x5000 <= tag.group <= 0x50FF or 0x6000 <= tag.group <= 0x60FF:
            del dataset[tag]
            self._note(path, f"({tag.group >> 8:02X}xx,xxxx) {'curve' if tag.group < 0x6000 else 'overlay'}", "removed")
            return
        found = rule(tag)
        element = dataset.get_item(tag)
        vr = elements.representation(element)
        if vr == "SQ" or (vr == "UN" and isinstance(getattr(element, "value", None), Sequence)):
            self._sequence(dataset, tag, name, path, found)
        elif found is None:
            self._unlisted(dataset, tag, name, vr, path)
        else:
            action = settled(found.taken, type_in_object(self._sop_class, (*path, name)))
            if name in _CONSISTENT_LABELS and str(dataset[tag].value or ""):
                action = "D"  # also where it might go: without it no calibration can be told to belong
            self._listed(dataset, tag, name, vr, path, action)

    def _sequence(self, dataset: Dataset, tag: Any, name: str, path: tuple[str, ...], found: Rule | None) -> None:
        action = "K" if found is None else settled(found.taken, type_in_object(self._sop_class, (*path, name)))
        if action == "X" or (found is None and name in ("CodingSchemeIdentificationSequence",)):
            del dataset[tag]
            self._note(path, name, "removed")
            return
        items = dataset[tag].value
        if not isinstance(items, Sequence):
            del dataset[tag]
            self._note(path, name, "removed")
            return
        if action == "Z":
            dataset[tag].value = Sequence([])
            self._note(path, name, "emptied")
        elif action == "D":
            dataset[tag].value = Sequence([_dummy_code()] if name.endswith("CodeSequence") else [])
            self._note(path, name, "replaced")
        else:
            for item in items:
                self._level(item, (*path, name))

    def _listed(self, dataset: Dataset, tag: Any, name: str, vr: str, path: tuple[str, ...], action: str) -> None:
        if action == "X":
            del dataset[tag]
            self._note(path, name, "removed")
        elif action == "U" or (vr == "UI" and action in "DCK"):
            self._uid(dataset, tag, name, path)
        elif vr in elements.MOMENTS and action in "CK":
            self._moment(dataset, tag, name, vr, path)
        elif action == "Z" and name not in ("PatientID", "PatientName"):
            self._set(dataset, tag, vr, "")
            self._note(path, name, "emptied")
        elif action in "DZ":
            self._set(dataset, tag, vr, self._dummy(dataset, tag, name, vr))
            self._note(path, name, "replaced")
        elif name == "TimezoneOffsetFromUTC":
            self._offset(dataset, tag, name, path)
        elif name == "PatientAge":
            self._age(dataset, tag, name, path)
        elif vr in elements.TEXTS:
            self._text(dataset, tag, name, vr, path, words_only=True)
        else:
            self._unlisted(dataset, tag, name, vr, path)

    def _unlisted(self, dataset: Dataset, tag: Any, name: str, vr: str, path: tuple[str, ...]) -> None:
        """An element of which the table says nothing: kept where its kind cannot hold a text, else cleaned."""
        if name.startswith("("):
            del dataset[tag]
            self._note(path, "unknown element", "removed")
        elif vr in elements.NUMBERS or vr in elements.NUMBERS_AS_TEXT:
            if vr in elements.NUMBERS_AS_TEXT and not elements.numbers_only(dataset.get_item(tag)):
                self._set(dataset, tag, vr, "")
                self._note(path, name, "emptied (no number)")
        elif vr == "UI":
            self._uid(dataset, tag, name, path)
        elif vr in elements.MOMENTS:
            self._moment(dataset, tag, name, vr, path)
        elif vr == "CS":
            self._codes(dataset, tag, name, path)
        elif vr == "AS":
            self._age(dataset, tag, name, path)
        elif vr in elements.TEXTS:
            self._text(dataset, tag, name, vr, path, words_only=name not in elements.MACHINE_TEXTS)
        elif vr in elements.BULK and name in elements.KEPT_BULK:
            return
        else:
            empty = vr in ("PN", "AE", "UR") and type_in_object(self._sop_class, (*path, name)) in ("2", "2C")
            if empty:
                self._set(dataset, tag, vr, "")
            else:
                del dataset[tag]
            self._note(path, name, "emptied" if empty else "removed")

    # -- the ways of changing a value ------------------------------------------------------------------------------

    def _set(self, dataset: Dataset, tag: Any, vr: str, value: Any) -> None:
        dataset[tag] = DataElement(tag, vr if vr != "UN" else "LO", value)

    def _dummy(self, dataset: Dataset, tag: Any, name: str, vr: str) -> Any:
        if name in ("PatientID", "PatientName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID"):
            return self.code
        if name == "ClinicalTrialProtocolID" and self.protocol_id:
            return self.protocol_id
        if name in _CONSISTENT_LABELS:
            return self.key.label(_CONSISTENT_LABELS[name], _joined(dataset[tag].value))
        if vr in ("DS", "IS"):
            return _EMPTY_NUMBER
        if vr in elements.NUMBERS:
            return 0
        if vr in elements.BULK:
            return b"\0\0"
        return "" if vr in elements.MOMENTS or vr == "UR" else REMOVED

    def _uid(self, dataset: Dataset, tag: Any, name: str, path: tuple[str, ...]) -> None:
        if name.endswith("SOPClassUID") or name in elements.KEPT_UIDS:
            return
        element = dataset[tag]
        old = elements.listed(element.value)
        new = [self.key.uid(str(value).strip(" \0")) for value in old]
        if new != [str(value) for value in old]:
            element.value = new[0] if len(new) == 1 else new
            self._note(path, name, "UID mapped")

    def _moment(self, dataset: Dataset, tag: Any, name: str, vr: str, path: tuple[str, ...]) -> None:
        element = dataset[tag]
        old = [str(value).strip(" \0") for value in elements.listed(element.value)]
        if vr == "TM":
            new: list[str | None] = [value if not value or is_time(value) else None for value in old]
        elif vr == "DA":
            new = [self._shift.day(value) if value else "" for value in old]
        else:
            new = [self._shift.moment(value) if value else "" for value in old]
        if None in new:
            self._set(dataset, tag, vr, "")
            self._note(path, name, "emptied (no date or time)")
            return
        if vr != "TM" and any(new):
            self._set(dataset, tag, vr, new[0] if len(new) == 1 else list(new))
            self._note(path, name, "moved")
        elif any(new):
            self._note(path, name, "kept (time of day)")

    def _offset(self, dataset: Dataset, tag: Any, name: str, path: tuple[str, ...]) -> None:
        new = self._shift.offset(str(dataset[tag].value or ""))
        if new is None:
            del dataset[tag]
            self._note(path, name, "removed")
        else:
            dataset[tag].value = new
            self._note(path, name, "moved")

    def _age(self, dataset: Dataset, tag: Any, name: str, path: tuple[str, ...]) -> None:
        new = capped_age(str(dataset[tag].value or ""))
        if new is None:
            self._set(dataset, tag, "AS", "")
        elif new != str(dataset[tag].value).strip():
            dataset[tag].value = new
            self._note(path, name, "capped")

    def _codes(self, dataset: Dataset, tag: Any, name: str, path: tuple[str, ...]) -> None:
        """CS: terms of the standard; an own string in one is removed unless it is an ordinary word."""
        values = [str(value) for value in elements.listed(dataset[tag].value)]
        new = [self.own.without(value, term=True) for value in values]
        if new != values:
            self._set(dataset, tag, "CS", [value[:16] for value in new] if len(new) > 1 else new[0][:16])
            self._note(path, name, "text cleaned")

    def _text(self, dataset: Dataset, tag: Any, name: str, vr: str, path: tuple[str, ...], *, words_only: bool) -> None:
        values = [str(value) for value in elements.listed(dataset[tag].value)]
        new = [self.own.without(words.cleaned(value) if words_only else value) for value in values]
        if new == values:
            if any(values):
                self._note(path, name, "kept")
            return
        if not any(new):
            new = [self._instead(dataset, name, path)]
        self._set(dataset, tag, vr, new[0] if len(new) == 1 else new)
        self._note(path, name, "text cleaned")

    def _instead(self, dataset: Dataset, name: str, path: tuple[str, ...]) -> str:
        """What stands where no word of a text may stay: a number for a region, a word where one is demanded."""
        if name == "ROIName":
            return f"ROI {dataset.get('ROINumber', '')}".strip()
        if name == "SegmentLabel":
            return f"segment {dataset.get('SegmentNumber', '')}".strip()
        needed = type_in_object(self._sop_class, (*path, name)) in ("1", "1C") or name in ("CodeMeaning", "TextValue")
        return REMOVED if needed else ""

    def _code_item(self, item: Dataset, path: tuple[str, ...]) -> None:
        """A code of a scheme nobody published may hold what a hospital wrote into it."""
        scheme = str(item.get("CodingSchemeDesignator", "") or "").strip()
        if scheme.upper() in elements.PUBLISHED_SCHEMES:
            return
        meaning = words.cleaned(str(item.get("CodeMeaning", "") or ""))
        value = str(item.get("CodeValue", "") or "")
        item.CodeMeaning = self.own.without(meaning) or REMOVED
        if "CodeValue" in item and not (value and words.cleaned(value) == value):
            item.CodeValue = self.key.label("LOCAL", f"{scheme}\0{value}")
        if "LongCodeValue" in item:
            del item["LongCodeValue"]
        if "CodingSchemeDesignator" in item:
            item.CodingSchemeDesignator = "99LOCAL"
        self._note(path, "local code", "replaced")


def _joined(value: Any) -> str:
    return "\\".join(str(one) for one in elements.listed(value))


def _dummy_code() -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = REMOVED, "99LOCAL", REMOVED
    return item
