"""Small pieces of FHIR that both resources are made of."""

from __future__ import annotations

from typing import Any, Final

UCUM: Final = "http://unitsofmeasure.org"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"

Element = dict[str, Any]


def concept(text: str, system: str = "", code: str = "", display: str = "") -> Element:
    """A CodeableConcept: the words, and the code where a code system has one."""
    found: Element = {}
    if code:
        coding = {"system": system, "code": code}
        found["coding"] = [coding | ({"display": display} if display else {})]
    if text:
        found["text"] = text
    return found


def quantity(value: float, unit: str) -> Element:
    """A Quantity; `unit` is a UCUM code (``h``, ``d``, ``MBq``)."""
    return {"value": _plain(value), "unit": unit, "system": UCUM, "code": unit}


def quantity_range(low: float, high: float, unit: str) -> Element:
    """A Range with both ends in one unit."""
    return {"low": quantity(low, unit), "high": quantity(high, unit)}


def fhir_id(*parts: str) -> str:
    """An id of FHIR: letters, digits, dash and dot, 64 at most. Ours hold underscores, which FHIR's do not."""
    return "-".join(parts).replace("_", "-")[:64]


def _plain(value: float) -> float | int:
    return int(value) if float(value).is_integer() else float(value)
