"""A protocol and a participant for whom every clause of the gate allows the next session."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any

import yaml

from theratrial.gates import (
    AdverseEvent,
    Disposition,
    Examination,
    GateFacts,
    GateVisit,
    PregnancyTest,
    SessionDose,
    Withdrawal,
)
from theratrial.protocol.schema import Protocol
from theratrial.safety import LaboratoryResult

INJECTED_AT = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
VISIT_ON = date(2024, 4, 19)  # day 49
JUDGED_AT = datetime(2024, 4, 22, 9, 0, tzinfo=UTC)
ORGANS = {"kidneys": 23.0, "liver": 30.0}


def _clause(**reading: Any) -> dict[str, Any]:
    return {"reading": reading, "decision": {"status": "demonstration", "why": "test"}}


def protocol(**changes: Any) -> Protocol:
    """The shipped protocol with a gate of our own: a change of the shipped numbers must not move these tests."""
    tree = yaml.safe_load(
        files("theratrial.protocol").joinpath("data", "IRCT20210612051548N3.yaml").read_text(encoding="utf-8")
    )
    tree["safety_gate"] = _clause(
        ctcae_version="5.0",
        laboratory=[{"test": "platelets", "maximum_grade": 1}, {"test": "haemoglobin", "maximum_grade": 2}],
        laboratory_maximum_age_days=14,
        maximum_adverse_event_grade=1,
        examiner_roles=["oncologist", "nuclear_medicine_physician"],
        visit="follow_up",
        pregnancy_test_required=True,
    )
    tree["dose_limits"] = _clause(
        limits={name: {"absorbed_dose_Gy": gray, "citation": "test"} for name, gray in ORGANS.items()},
        judged="with_next_session",
    )
    tree["sessions"] = _clause(
        product="lu177_trastuzumab",
        administered_activity_MBq=1500,
        activity_tolerance_percent=10,
        maximum_sessions=3,
        interval_days={"minimum": 42, "maximum": 70},
        ends_when=["maximum_reached", "gate_stop", "withdrawal", "death", "progression"],
    )
    tree["schedule"]["follow_up"] = _clause(
        id="follow_up",
        title="Follow-up",
        anchor="administration",
        window_days={"minimum": 42, "maximum": 56},
        per_session=True,
    )
    for path, value in changes.items():
        clause, _, key = path.partition("__")
        tree[clause]["reading"][key] = value
    return Protocol.model_validate(tree)


def lab(test: str, value: float, *, days_before: float = 4, lower: float | None = 150.0, unit: str = "10^9/L"):
    return LaboratoryResult(test, value, unit, lower, None, JUDGED_AT - timedelta(days=days_before), f"record:{test}")


def dose(region: str, upper: float | None, *, session: int = 1, kind="organ", lower: float | None = 0.0):
    return SessionDose(region, kind, session, lower, upper, "", f"value:{region}/{session}")


def fit_participant(**changes: Any) -> GateFacts:
    """Everything in order after session 1."""
    facts = GateFacts(
        participant_id="P01",
        session=1,
        injected_at=INJECTED_AT,
        administered_activity_MBq={1: 1500.0},
        sex="female",
        visit_anchor_on=INJECTED_AT.date(),
        laboratory=(lab("platelets", 210), lab("haemoglobin", 118, lower=120, unit="g/L")),
        adverse_events=(AdverseEvent("Nausea", 1, "5.0", date(2024, 3, 3), None, "related"),),
        examinations=tuple(
            Examination("follow_up", 1, VISIT_ON, role, "none") for role in ("oncologist", "nuclear_medicine_physician")
        ),
        visit=GateVisit("done", VISIT_ON),
        doses=(dose("kidneys", 4.0), dose("liver", 5.0)),
        pregnancy_tests=(PregnancyTest("negative", VISIT_ON),),
    )
    return replace(facts, **changes)


__all__ = [
    "INJECTED_AT",
    "JUDGED_AT",
    "ORGANS",
    "VISIT_ON",
    "AdverseEvent",
    "Disposition",
    "Examination",
    "GateVisit",
    "PregnancyTest",
    "Withdrawal",
    "dose",
    "fit_participant",
    "lab",
    "protocol",
]
