"""What of a participant's files would give the participant away: names and numbers, days, UIDs."""

from __future__ import annotations

from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from theratrial.sharing.images import elements
from theratrial.sharing.images.keys import STANDARD_ROOT
from theratrial.sharing.images.moments import dates_in, offset_minutes
from theratrial.sharing.images.own_strings import OwnStrings
from theratrial.sharing.images.profile import rule

_IDENTIFYING_VRS: Final = frozenset(("LO", "SH", "ST", "AE", "LT", "UT", "UC"))
_NOT_IDENTIFYING: Final = frozenset(("TimezoneOffsetFromUTC", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName"))


def gather(dataset: Dataset, into: OwnStrings) -> None:
    """Add what identifies, from every level of a data set, standard and private."""
    for tag in dataset.keys():  # noqa: SIM118 - keys, so that pixels are not decoded
        # a private element has no VR of its own in an implicit file: pydicom's private dictionary may know it
        item = dataset[tag] if tag.is_private else dataset.get_item(tag)
        vr = elements.representation(item, private=tag.is_private)
        if vr == "SQ":
            value = dataset[tag].value
            for inner in value if isinstance(value, Sequence) else ():
                gather(inner, into)
        elif vr == "PN":
            for one in _texts(dataset[tag].value):
                into.add_name(one)
        elif vr in ("DA", "DT"):
            for one in _texts(dataset[tag].value):
                into.dates.update(dates_in(one))
                if vr == "DT" and len(one) > 5 and (minutes := offset_minutes(one[-5:])) is not None:
                    into.offsets_minutes.add(minutes)
        elif vr == "UI":
            _add_uids(dataset[tag].value, elements.keyword(tag), into)
        elif not tag.is_private and vr in _IDENTIFYING_VRS:
            _add_text(dataset, tag, into)


def uids_of(dataset: Dataset) -> set[str]:
    """Every UID that names a thing, from every level of a data set."""
    found = OwnStrings()
    _gather_uids(dataset, found)
    return found.uids


def _gather_uids(dataset: Dataset, into: OwnStrings) -> None:
    for tag in dataset.keys():  # noqa: SIM118 - keys, so that nothing else is decoded
        vr = elements.representation(dataset[tag] if tag.is_private else dataset.get_item(tag), private=tag.is_private)
        if vr == "SQ":
            value = dataset[tag].value
            for inner in value if isinstance(value, Sequence) else ():
                _gather_uids(inner, into)
        elif vr == "UI":
            _add_uids(dataset[tag].value, elements.keyword(tag), into)


def _add_uids(value: Any, keyword: str, into: OwnStrings) -> None:
    if keyword.endswith("SOPClassUID") or keyword in elements.KEPT_UIDS:
        return
    for one in _texts(value):
        if one and not one.startswith(STANDARD_ROOT):
            into.uids.add(one)


def _add_text(dataset: Dataset, tag: Any, into: OwnStrings) -> None:
    name = elements.keyword(tag)
    if name == "TimezoneOffsetFromUTC":
        minutes = offset_minutes(str(dataset[tag].value or ""))
        if minutes is not None:
            into.offsets_minutes.add(minutes)
    found = rule(tag)
    if found is None or name in _NOT_IDENTIFYING or found.basic == "U":
        return
    # a description may name the participant, but is no name by itself; a characteristic stays by the option taken
    if found.descriptor or found.taken in ("K", "C"):
        return
    make = f"{dataset.get('Manufacturer', '')} {dataset.get('ManufacturerModelName', '')}".casefold()
    for one in _texts(dataset[tag].value):
        # a camera called after its make (which stays) says no more than its make
        if one.casefold() not in make:
            into.add(one)


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one).strip(" \0") for one in elements.listed(value)]
