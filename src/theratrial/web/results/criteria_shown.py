"""Criteria side by side, as the participant's response page draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

_PLACES: Final = {"mm": 1, "g/mL": 2, "cm2/mL": 2}


def criteria_shown(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The criteria of a participant's result with the words that a page needs; empty where none were judged."""
    found = (content.get("criteria") or {}).get("criteria") or ()
    return [_shown(one) for one in found]


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    own = one["criteria"] == "protocol"
    # What the protocol's own rule rests on stands on the page above.
    assessments = [] if own else [_assessment(at) for at in one["assessments"]]
    parts = ("references", "lesions", "cautions")
    return {
        **one,
        "assessments": assessments,
        "measured": _measured(one["criteria"], one["options"]),
        "uptake_by_lean_body_mass": not _other_measure(one["options"]),
        "references": [_named(at) for at in one.get("references", ())],
        "lesions": [_named(at) for at in one.get("lesions", ())],
        "detailed": not own and bool(assessments or one["options"] or any(one.get(part) for part in parts)),
    }


def _other_measure(options: Sequence[Mapping[str, Any]]) -> bool:
    """Whether uptake is by body weight or body surface, which EORTC may name; else it is by lean body mass."""
    named = [str(one["value"]) for one in options if one["name"] == "uptake"]
    return any(value.startswith("SUVmax by body") for value in named)


def _measured(criteria: str, options: Sequence[Mapping[str, Any]]) -> str:
    if criteria == "eortc_1999" and _other_measure(options):
        return _("Sum of SUVmax")
    return {
        "percist_1_0": _("Hottest SULpeak [g/mL]"),
        "eortc_1999": _("Sum of SULmax [g/mL]"),
        "recist_1_1": _("Sum of diameters [mm]"),
    }.get(criteria, _("Measured"))


def _assessment(at: Mapping[str, Any]) -> dict[str, Any]:
    measured = at.get("measured")
    places = 1 if measured is None else _PLACES.get(measured["unit"], 1)
    return {**at, "visit_text": _timepoint(str(at.get("visit", ""))), "places": places}


def _named(at: Mapping[str, Any]) -> dict[str, Any]:
    regions = {"liver": _("liver"), "blood_pool": _("blood pool")}
    name = str(at.get("region", ""))
    return {**at, "timepoint_text": _timepoint(at["timepoint"]), "region_text": regions.get(name, name)}


def _timepoint(name: str) -> str:
    return {"baseline": _("baseline"), "response": _("response")}.get(name, name)
