"""Answers in the DICOM JSON model (PS3.18 annex F)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import BYTES_VR, VR

_MOST_INLINE: Final = 1024
_NUMBERS: Final = ("IS", "US", "UL", "SS", "SL")


def element(keyword: str, kind: str, *values: Any) -> dict[str, dict[str, Any]]:
    """One attribute, without a value where there is none."""
    number = tag_for_keyword(keyword)
    assert number is not None, keyword
    there = [value for value in values if value not in (None, "")]
    if kind in _NUMBERS:
        there = [int(value) for value in there]
    if kind == "PN":
        there = [{"Alphabetic": value} for value in there]
    return {f"{number:08X}": {"vr": kind, **({"Value": there} if there else {})}}


def attributes(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of one answer, in the order of their tags."""
    found = {key: value for part in parts for key, value in part.items()}
    return {key: found[key] for key in sorted(found)}


def keyword_of(name: str) -> str:
    """Keyword of a query's name, which may be the keyword or eight hexadecimal digits; empty where it is neither."""
    if len(name) == 8 and all(one in "0123456789abcdefABCDEF" for one in name):
        return keyword_for_tag(int(name, 16))
    return name if tag_for_keyword(name) is not None else ""


def metadata(dataset: Dataset, address: str) -> dict[str, Any]:
    """A data set without bulk data; its pixels stand under the instance's address, other bulk stays in the file."""
    dataset.walk(_without_bulk)
    found: dict[str, Any] = dataset.to_json_dict(suppress_invalid_tags=True)
    if "00280010" in found:
        found["7FE00010"] = {"vr": str(VR.OW), "BulkDataURI": f"{address}/frames/1"}
    return {key: value for key, value in sorted(found.items()) if not key.startswith("0002")}


def _without_bulk(_parent: Dataset, one: DataElement) -> None:
    if one.VR in BYTES_VR and isinstance(one.value, bytes) and len(one.value) > _MOST_INLINE:
        one.value = None


def referenced(pairs: Iterable[tuple[str, str, Mapping[str, Any]]]) -> dict[str, Any]:
    """A sequence of references: SOP class, SOP instance, what else is said of each."""
    items = [
        attributes(
            element("ReferencedSOPClassUID", "UI", sop_class), element("ReferencedSOPInstanceUID", "UI", uid), more
        )
        for sop_class, uid, more in pairs
    ]
    return {"vr": "SQ", "Value": items}


__all__ = ["attributes", "element", "keyword_of", "metadata", "referenced"]
