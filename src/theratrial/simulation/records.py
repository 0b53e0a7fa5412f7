"""Courses -> the lines of a trial folder's record tables, as coordinators, readers and laboratories enter them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

import numpy as np

from theratrial.simulation.course import Course, Injection, Scan
from theratrial.simulation.further_records import FURTHER_FILLERS
from theratrial.simulation.plan import Plan, reading
from theratrial.trialfolder.records import Value
from theratrial.trialfolder.tables import TABLES

Line = dict[str, Value]

SITE: Final = "site_01"
CAMERA: Final = "SIMSPECT1"
_USUAL: Final = {
    "karnofsky_percent": "90",
    "creatinine_clearance_mL_per_min": "88",
    "ejection_fraction_percent": "62",
    "life_expectancy_months": "12",
}
"""Values of an eligible participant, of items that protocols of this kind often have."""
_READER: Final = "NM-02"
_EXAMINERS: Final = ("ON-01", "NM-01", "PH-03", "PH-04")


def record_tables(
    courses: Iterable[Course], plan: Plan, calibrations: list[Line], recoveries: list[Line]
) -> dict[str, list[Line]]:
    """All record tables of a cohort, every column of every line named as in `TABLES`."""
    tables: dict[str, list[Line]] = {table.name: [] for table in TABLES}
    for course in courses:
        for fill in _FILLERS:
            for name, line in fill(course, plan):
                tables[name].append({column: None if value == "" else value for column, value in line.items()})
    tables["calibrations"], tables["recoveries"] = calibrations, recoveries
    return tables


Filled = list[tuple[str, Line]]


def _who(course: Course) -> Line:
    return {"participant_id": course.patient.participant_id}


def _stream(course: Course) -> np.random.Generator:
    """Draws for entries that touch nothing else, the same whenever they are asked for."""
    return np.random.default_rng([ord(c) for c in course.patient.participant_id] + [course.screened_on.toordinal()])


def _screening(course: Course, plan: Plan) -> Filled:
    patient, rng = course.patient, _stream(course)
    who = _who(course)
    languages = reading(plan.protocol.identity, "identity").languages
    lines: Filled = [
        (
            "participants",
            who
            | {
                "site_id": SITE,
                "screened_on": course.screened_on,
                "age_years": patient.age_years,
                "sex": _sex(plan),
                "height_cm": patient.height_cm,
                "weight_kg": patient.weight_kg,
                "note": "virtual participant",
            },
        ),
        (
            "consents",
            who
            | {
                "form_version": "1.0",
                "language": languages[0],
                "signed_at": course.consented_at,
                "obtained_by": "CO-01",
                "copy_given": True,
                "withdrawn_at": course.withdrawn_at,
                "withdrawal_kind": "treatment" if course.withdrawn_at else None,
            },
        ),
    ]
    values = _eligibility_values(course, plan, rng)
    for item, value in values.items():
        cells: Line = {
            "item": item,
            "value": value,
            "unit": _unit(plan, item),
            "assessed_on": course.screened_on,
            "assessed_by": "ON-01",
        }
        lines.append(("eligibility", who | cells | {"source": "clinic file"}))
    return lines + [("prior_therapy", who | line) for line in _prior_therapy(course, plan, rng)]


def _sex(plan: Plan) -> str:
    """Sex as the protocol's population asks; the phantom is that of a woman whatever it says."""
    return "male" if reading(plan.protocol.population, "population").sex == "male" else "female"


def _eligibility_values(course: Course, plan: Plan, rng: np.random.Generator) -> dict[str, str]:
    variables = {v.where["item"]: v for v in plan.protocol.variables if v.table == "eligibility" and "item" in v.where}
    known = {
        "ecog": "3" if course.patient.failure == "ecog" else str(int(rng.choice([0, 1, 1, 2]))),
        "active_infection": "yes" if course.patient.failure == "infection" else "no",
    }
    found = {}
    for item in plan.items():
        usual = _USUAL.get(item) or {"flag": "no", "integer": "1", "number": "1"}.get(variables[item].type, "none")
        found[item] = known.get(item, usual)
    return found


def _unit(plan: Plan, item: str) -> str | None:
    units = [v.unit for v in plan.protocol.variables if v.table == "eligibility" and v.where.get("item") == item]
    return next((unit for unit in units if unit), None)


def _prior_therapy(course: Course, plan: Plan, rng: np.random.Generator) -> list[Line]:
    start = course.screened_on - timedelta(days=int(rng.integers(500, 1500)))
    cold = course.screened_on - timedelta(days=int(rng.integers(28, 120)))
    second = start + timedelta(days=int(rng.integers(150, 330)))
    outcome = ("relapsed", "resistant")[int(rng.integers(0, 2))]
    # The cold antibody counts only where its labelled form is given.
    antibody = "trastuzumab" in f"{plan.therapy.name} {plan.therapy.vector}".casefold()
    return [
        {
            "agent": "surgery of the primary tumour",
            "category": "surgery",
            "first_given_on": start,
            "last_given_on": start,
        },
        {
            "agent": "trastuzumab" if antibody else "hormone treatment",
            "category": "trastuzumab" if antibody else "endocrine",
            "first_given_on": start + timedelta(days=45),
            "last_given_on": cold,
            "outcome": outcome,
        },
        {
            "agent": "docetaxel",
            "category": "chemotherapy",
            "first_given_on": second,
            "last_given_on": second + timedelta(days=126),
            "outcome": "relapsed",
        },
    ]


def _visits(course: Course, plan: Plan) -> Filled:
    who = _who(course)
    first = next(visit.id for visit in plan.visits if visit.anchor == "screening")
    lines: list[Line] = [{"visit_id": first, "status": "done", "occurred_on": course.screened_on}]
    for scan in course.scans:
        done: Line = {"status": "done", "occurred_on": scan.started_at.date()}
        missed: Line = {"status": "missed", "reason": scan.reason}
        image: Line = {"visit_id": scan.image.id, "session": scan.session}
        lines.append(image | (done if scan.done else missed))
    for gate in course.gates:
        lines.append(
            {"visit_id": plan.gate_visit.id, "session": gate.session, "status": "done", "occurred_on": gate.on}
        )
    if course.response_on and plan.response_visit.id != plan.gate_visit.id:
        lines.append({"visit_id": plan.response_visit.id, "status": "done", "occurred_on": course.response_on})
    if course.withdrawn_at:
        gone: Line = {"status": "missed", "reason": "withdrawn"}
        lines.append(gone | {"visit_id": plan.gate_visit.id, "session": len(course.therapy_injections)})
        if plan.response_visit.id != plan.gate_visit.id:
            lines.append(gone | {"visit_id": plan.response_visit.id})
    return [("visits", who | line) for line in lines]


def _pharmacy(course: Course, plan: Plan) -> Filled:
    rng, lines = _stream(course), []
    for injection in course.injections:
        lines.append(("batches", _batch(injection, plan, rng)))
        lines.append(
            (
                "administrations",
                _who(course)
                | {
                    "product_id": injection.product_id,
                    "session": injection.session,
                    "timepoint": injection.timepoint,
                    "batch_id": injection.batch_id,
                    "prescribed_activity_MBq": injection.prescribed_MBq,
                    "measured_activity_MBq": injection.measured_MBq,
                    "measured_at": injection.measured_at,
                    "residual_activity_MBq": injection.residual_MBq,
                    "residual_measured_at": injection.residual_at,
                    "injected_at": injection.injected_at,
                    "antibody_mass_mg": injection.antibody_mass_mg,
                    "route": plan.product(injection.product_id).route,
                    "extravasation": False,
                    "pregnancy_test": "negative" if course.patient.age_years < 52 else "not_applicable",
                    "weight_kg": injection.weight_kg,
                    "administered_by": "NU-01",
                },
            )
        )
    return lines


def _batch(injection: Injection, plan: Plan, rng: np.random.Generator) -> Line:
    nuclide = plan.nuclide(injection.product_id)
    long_lived = nuclide.half_life_h > 12
    released = injection.measured_at - timedelta(minutes=60 if long_lived else 8)
    reference = released - timedelta(minutes=45 if long_lived else 7)
    hours = (injection.measured_at - reference).total_seconds() / 3600
    purity = plan.product(injection.product_id).minimum_radiochemical_purity_percent or 95.0
    return {
        "batch_id": injection.batch_id,
        "product_id": injection.product_id,
        "activity_MBq": round(
            injection.measured_MBq * float(rng.uniform(1.15, 1.35)) / nuclide.fraction_left(hours), 0
        ),
        "reference_at": reference,
        "expires_at": reference + timedelta(hours=24 if long_lived else 2),
        "antibody_mass_mg": round(injection.antibody_mass_mg * 1.25, 1),
        "radiochemical_purity_percent": round(float(rng.uniform(purity + (100 - purity) * 0.3, 99.6)), 1),
        "immunoreactive_fraction_percent": round(float(rng.uniform(82, 94)), 0),
        "released": True,
        "released_at": released,
        "released_by": "RP-01",
    }


def _safety(course: Course, plan: Plan) -> Filled:
    who = _who(course)
    lines: Filled = [
        (
            "laboratory",
            who
            | {
                "collected_at": s.collected_at,
                "test": s.test,
                "value": s.value,
                "unit": s.unit,
                "lower_limit": s.lower_limit,
                "upper_limit": s.upper_limit,
                "laboratory": s.laboratory,
            },
        )
        for s in course.samples
    ]
    version = reading(plan.protocol.safety_gate, "safety gate").ctcae_version
    for event in course.events:
        lines.append(
            (
                "adverse_events",
                who
                | {
                    "term": event.term,
                    "ctcae_version": version,
                    "grade": event.grade,
                    "started_on": event.started_on,
                    "ended_on": event.ended_on,
                    "serious": False,
                    "related": "related" if event.related else "not_related",
                    "comment": event.comment or "from blood counts",
                },
            )
        )
    return lines + _examinations(course, plan)


def _examinations(course: Course, plan: Plan) -> Filled:
    rng, lines = _stream(course), []
    for gate in course.gates:
        ecog = int(rng.choice([0, 1, 1]))
        for role, examiner in zip(plan.examiner_roles, _EXAMINERS, strict=False):
            lines.append(
                (
                    "examinations",
                    _who(course)
                    | {
                        "visit_id": plan.gate_visit.id,
                        "session": gate.session,
                        "examined_on": gate.on,
                        "examiner": examiner,
                        "examiner_role": role,
                        "ecog": ecog,
                        "toxicity": "present" if gate.toxicity else "none",
                        "pregnancy_test": "negative" if course.patient.age_years < 52 else "not_applicable",
                        "comment": "; ".join(gate.reasons),
                    },
                )
            )
    return lines


def _reads(course: Course, plan: Plan) -> Filled:
    patient, lines = course.patient, []
    old = patient.old_lesions()
    positive = [lesion for lesion in old if lesion.her2_positive]
    selection = next((s for s in course.scans if s.image == plan.selection_pet), None)
    if selection is not None:
        result = "positive" if 2 * len(positive) > len(old) else "negative"
        lines.append(
            (
                "selection_reads",
                _who(course)
                | {
                    "read_at": selection.started_at + timedelta(hours=4),
                    "reader": "NM-01",
                    "reader_role": plan.reader_role,
                    "lesions_total": len(old),
                    "lesions_positive": len(positive),
                    "result": result,
                },
            )
        )
    for scan in course.scans:
        if scan.done and scan.image.id in plan.planar_read:
            lines.append(("biodistribution_reads", _who(course) | _biodistribution(scan, len(positive), plan)))
    return lines + _lesion_readings(course, plan)


def _biodistribution(scan: Scan, seen: int, plan: Plan) -> Line:
    return {
        "session": scan.session,
        "imaging_id": scan.image.id,
        "reader": "NM-01",
        "reader_role": plan.reader_role,
        "read_at": scan.started_at + timedelta(hours=2),
        "result": plan.planar_answer,
        "lesions_seen": seen,
    }


def _lesion_readings(course: Course, plan: Plan) -> Filled:
    story, lines = course.patient.story, []
    maximum = reading(plan.protocol.response, "response rule").maximum_target_lesions
    for scan in course.scans:
        if scan.image != plan.selection_pet and scan.image != plan.response_pet:
            continue
        at_response = scan.image == plan.response_pet
        resolved = at_response and story is not None and story.response == "CR"
        targets = 0
        for lesion in course.patient.lesions:
            if lesion.new and not at_response:
                continue
            role = "new" if lesion.new else "target" if lesion.her2_positive and targets < maximum else "non_target"
            targets += role == "target"
            lines.append(
                (
                    "lesion_readings",
                    _who(course)
                    | {
                        "timepoint": scan.image.timepoint,
                        "lesion_id": lesion.name,
                        "reader": _READER,
                        "read_at": scan.started_at + timedelta(hours=5),
                        "site": lesion.site,
                        "role": role,
                        "status": "resolved" if resolved else "present",
                        "region_name": None if resolved else lesion.name,
                        "comment": "no uptake above the tissue around" if resolved else "",
                    },
                )
            )
    return lines


def _disposition(course: Course, _: Plan) -> Filled:
    if course.event is None:
        return []
    line: Line = {"occurred_on": course.ended_on, "event": course.event, "reason": course.reason}
    return [("dispositions", _who(course) | line)]


_FILLERS: Final[tuple[Callable[[Course, Plan], Filled], ...]] = (
    _screening,
    _visits,
    _pharmacy,
    _safety,
    _reads,
    _disposition,
    *FURTHER_FILLERS,
)
