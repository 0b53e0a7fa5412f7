"""Courses -> the lines of the further record tables, where the protocol has a clause that asks for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final

from theratrial.simulation.course import Course, Injection, Scan, at
from theratrial.simulation.further_draws import (
    DoseRateTruth,
    TumourTruth,
    dose_rate_truth,
    fate,
    last_administration,
    later_images_on,
    number,
    stream,
    tumour_truths,
)
from theratrial.simulation.plan import Plan, reading
from theratrial.trialfolder.records import Value

Line = dict[str, Value]
Filled = list[tuple[str, Line]]

BACKGROUND_USV_PER_H: Final = 0.1
_RADIOLOGIST: Final = "RD-01"
_SECOND_RADIOLOGIST: Final = "RD-02"
_READER: Final = "NM-01"
_SECOND_READER: Final = "NM-02"
_MEASURABLE_MM: Final = {True: 15.0, False: 10.0}
"""By nodal: shortest length of a target in RECIST 1.1."""
_LATER: Final = (("trastuzumab deruxtecan", "other_her2", 9), ("capecitabine", "chemotherapy", 14))
"""Agent, kind, and days after the response PET, of participants whose disease progressed."""
_HOUSEHOLDS: Final[tuple[tuple[tuple[str, bool], ...], ...]] = (
    (("adult", True), ("child_5_to_11", False)),
    (("adult", False),),
    (("adult", True), ("child_under_2", True), ("child_2_to_5", False)),
    (),
    (("adult", True), ("child_over_11", False), ("child_over_11", False)),
    (("adult", True), ("pregnant", False)),
    (("adult", False), ("adult", False), ("child_5_to_11", False)),
)


def tumour_lines(course: Course, plan: Plan) -> Filled:
    """RECIST measurements on the CT of the selection PET, of the response PET, and once later."""
    if plan.protocol.further_criteria is None:
        return []
    days = _image_days(course, plan)
    if not days:
        return []
    truths, roles = tumour_truths(course), _roles(course)
    second = number(course) % 3 == 0
    lines = []
    for moment, day in days.items():
        for reader in (_RADIOLOGIST, _SECOND_RADIOLOGIST) if second else (_RADIOLOGIST,):
            rng = stream(course, f"tumour/{moment}/{reader}")
            # One pair of readers disagrees: the second finds the lesions of one participant less shrunken.
            bias = 1.32 if reader == _SECOND_RADIOLOGIST and number(course) % 15 == 12 and moment != "baseline" else 1.0
            for truth in truths:
                error = bias * (1 + 0.02 * float(rng.standard_normal()))
                cells = _measured(truth, moment, roles[truth.lesion.name], error)
                if cells is not None:
                    site = truth.lesion.site
                    key: Line = {"measured_on": day, "lesion_id": truth.lesion.name, "reader": reader, "organ": site}
                    lines.append(("tumour_measurements", _who(course) | key | {"modality": "CT"} | cells))
    return lines


def _image_days(course: Course, plan: Plan) -> dict[str, date]:
    """Moment -> day of the CT that is measured; only of whom was treated."""
    if course.patient.story is None:
        return {}
    days = {}
    for scan in course.scans:
        if scan.done and scan.image == plan.selection_pet:
            days["baseline"] = scan.started_at.date()
        elif scan.done and scan.image == plan.response_pet:
            days["response"] = scan.started_at.date()
    if (later := later_images_on(course)) is not None:
        days["later"] = later
    return days


def _roles(course: Course) -> dict[str, str]:
    """Up to five targets, two of an organ; bone without soft tissue is not measurable."""
    taken: dict[str, int] = {}
    roles = {}
    for lesion in course.patient.lesions:
        measurable = lesion.site != "bone" and lesion.diameter_mm >= _MEASURABLE_MM[lesion.site == "lymph_node"]
        free = sum(taken.values()) < 5 and taken.get(lesion.site, 0) < 2
        role = "new" if lesion.new else "target" if measurable and free else "non_target"
        taken[lesion.site] = taken.get(lesion.site, 0) + (role == "target")
        roles[lesion.name] = role
    return roles


def _measured(truth: TumourTruth, moment: str, role: str, error: float) -> Line | None:
    nodal = truth.lesion.site == "lymph_node"
    length = {"baseline": truth.baseline_mm, "response": truth.response_mm, "later": truth.later_mm}[moment]
    cells: Line = {"role": role, "nodal": nodal}
    if truth.lesion.new and moment == "baseline":
        return None
    if length == 0 and nodal and role == "target":
        # A node that has healed is still there, with the short axis of a normal one.
        return cells | {"status": "measured", "length_mm": round(6.0 * error, 1)}
    if length == 0:
        return cells | {"status": "absent", "length_mm": None}
    if role == "non_target":
        return cells | {"status": "present", "length_mm": None}
    if length * error < 5:
        return cells | {"status": "too_small", "length_mm": None}
    return cells | {"status": "measured", "length_mm": round(length * error, 1)}


def class_lines(course: Course, plan: Plan) -> Filled:
    """The readers' class of uptake in every lesion, at both time points."""
    if plan.protocol.further_criteria is None:
        return []
    lines = []
    for scan in course.scans:
        at_response = scan.image == plan.response_pet
        if not scan.done or (scan.image != plan.selection_pet and not at_response):
            continue
        readers = (_READER, _SECOND_READER) if number(course) % 3 == 0 else (_READER,)
        for reader in readers:
            lines += [("lesion_classes", line) for line in _classes(course, scan, reader, at_response=at_response)]
    return lines


def _classes(course: Course, scan: Scan, reader: str, *, at_response: bool) -> list[Line]:
    story = course.patient.story
    resolved = at_response and story is not None and story.response == "CR"
    lines = []
    for index, lesion in enumerate(course.patient.lesions):
        if lesion.new and not at_response:
            continue
        suv = lesion.response_suv if at_response else lesion.pet_suv
        seen = "none" if resolved else _uptake_class(suv, course.patient.organ_suv["liver"], lesion.site)
        if reader == _SECOND_READER and index == len(course.patient.lesions) - 1 and seen in ("none", "background"):
            seen = "visible"
        cells: Line = {
            "timepoint": scan.image.timepoint,
            "lesion_id": lesion.name,
            "reader": reader,
            "read_at": scan.started_at + timedelta(hours=6 if reader == _READER else 30),
            "known_from": "tracer" if lesion.diameter_mm < _MEASURABLE_MM[False] and lesion.her2_positive else "ct",
            "uptake_class": seen,
            "volume_mL": None if resolved else round(lesion.volume_mL, 2),
        }
        lines.append(_who(course) | cells)
    return lines


def _uptake_class(suv: float, liver_suv: float, site: str) -> str:
    if suv >= 2 * liver_suv:
        return "high"
    if suv >= 1.2 * liver_suv:
        return "visible"
    if site == "liver":
        # Below the liver's own uptake a lesion in it cannot be told from it.
        return "not_assessable"
    return "background" if suv >= 1.2 else "none"


def event_lines(course: Course, plan: Plan) -> Filled:
    """Adverse events that no blood count shows, each over before the gate visit, and the reports of serious ones."""
    if plan.protocol.toxicity is None:
        return []
    version = reading(plan.protocol.toxicity, "toxicity").ctcae_version
    lines: Filled = []
    rng = stream(course, "events")
    for injection in course.therapy_injections:
        given = injection.injected_at.date()
        # Every draw is taken whether or not the event comes, so that one more line moves no other.
        draws = {term: (rng.random(), rng.random(), int(rng.integers(0, 5))) for term in _USUAL_EVENTS}
        for term, (share, first_day, lasts) in _USUAL_EVENTS.items():
            happens, grave, shift = draws[term]
            start, end = given + timedelta(days=first_day + shift), given + timedelta(days=first_day + shift + lasts)
            if happens < share and end < _free_until(course, injection):
                grade = 2 if grave < 0.2 else 1
                lines.append(_event(course, version, term, grade, start, end))
    return lines + _serious(course, plan, version)


_USUAL_EVENTS: Final = {
    "Fatigue": (0.4, 2, 12),
    "Nausea": (0.25, 0, 2),
    "Headache": (0.12, 1, 1),
    "Dry mouth": (0.06, 6, 14),
}
"""CTCAE term -> share of sessions, first day after the administration at the earliest, days that it lasts."""


def _free_until(course: Course, injection: Injection) -> date:
    """First day on which an event of a session may not last any more: the gate visit, or the withdrawal."""
    gates = [gate.on for gate in course.gates if gate.session == injection.session]
    if course.withdrawn_at is not None:
        gates.append(course.withdrawn_at.date())
    return min(gates, default=injection.injected_at.date() + timedelta(days=42))


def _event(
    course: Course, version: str, term: str, grade: int, start: date, end: date, **further: Value
) -> tuple[str, Line]:
    cells: Line = {
        "term": term,
        "ctcae_version": version,
        "grade": grade,
        "started_on": start,
        "ended_on": end,
        "serious": False,
        "related": "related",
        "outcome": "recovered",
        "action_taken": "treatment not changed",
    }
    return "adverse_events", _who(course) | cells | further


def _serious(course: Course, plan: Plan, version: str) -> Filled:
    """Bleeding at the nadir of the first participant with toxicity; a reaction to the infusion, reported late."""
    who, place = course.patient.story, number(course) % 15
    if who is None or plan.protocol.serious_events is None or course.withdrawn_at is not None:
        return []
    given = course.therapy_injections[0].injected_at.date()
    if who.toxicity and place == 1:
        day = given + timedelta(days=34)
        hours: tuple[float, ...] = (5.5, 9.0)
        event = _event(
            course, version, "Epistaxis", 3, day, day + timedelta(days=2), serious=True,
            seriousness="requires inpatient hospitalisation or prolongs it",
            action_taken="next session withheld", comment="while platelets were low; transfusion and packing",
        )  # fmt: skip
        text = "Nosebleed at the nadir of the platelets, platelets given, admitted for two nights."
    elif place == 8:
        day, hours = given, (31.0, 20.0)
        event = _event(
            course, version, "Infusion related reaction", 2, day, day + timedelta(days=1), serious=True,
            seriousness="requires inpatient hospitalisation or prolongs it",
            comment="kept overnight",
        )  # fmt: skip
        text = "Chills and fever during the infusion, kept overnight, recovered by the next morning."
    else:
        return []
    aware = at(day, 14.0, plan)
    return [event, *_reports(course, plan, event[1], aware, hours, text)]


def _reports(course: Course, plan: Plan, event: Line, aware: datetime, hours: tuple[float, ...], text: str) -> Filled:
    recipients = reading(plan.protocol.serious_events, "serious events").recipients
    lines: Filled = []
    for index, recipient in enumerate(recipients):
        report: Line = {
            "term": event["term"],
            "started_on": event["started_on"],
            "report": "initial",
            "became_aware_at": aware,
            "sent_at": aware + timedelta(hours=hours[index % len(hours)]),
            "recipient": recipient,
            "expected": "yes",
            "narrative": text,
            "reported_by": "NM-01",
        }
        lines.append(("serious_reports", _who(course) | report))
    if event["grade"] == 3:
        later = aware + timedelta(days=3)
        news: Line = {"report": "follow_up", "became_aware_at": later, "sent_at": later + timedelta(hours=6)}
        lines.append(("serious_reports", lines[0][1] | news | {"narrative": "Recovered, at home."}))
    return lines


def protection_lines(course: Course, plan: Plan) -> Filled:
    """Household, dose rates and discharges of the treated."""
    if plan.protocol.radiation_protection is None or course.patient.story is None:
        return []
    lines: Filled = []
    for index, (kind, shares) in enumerate(_HOUSEHOLDS[number(course) % len(_HOUSEHOLDS)], 1):
        member: Line = {"member_id": str(index), "kind": kind, "shares_bed": shares, "stated_on": course.screened_on}
        lines.append(("household", _who(course) | member))
    truth = dose_rate_truth(course, plan.therapy_nuclide.name)
    language = reading(plan.protocol.identity, "identity").languages[0]
    for injection in course.therapy_injections:
        home = injection.injected_at + timedelta(minutes=270)
        if truth is not None:
            lines += [("dose_rates", line) for line in _dose_rates(course, plan, injection, truth, home)]
        # Nobody remembered the leaflet once: the record says so.
        forgotten = number(course) % 15 == 6 and injection.session == 1
        left: Line = {"discharged_at": home, "decided_by": "PH-01", "leaflet_language": None if forgotten else language}
        lines.append(("discharges", _who(course) | {"session": injection.session} | left))
    return lines


def _dose_rates(course: Course, plan: Plan, injection: Injection, truth: DoseRateTruth, home: datetime) -> list[Line]:
    scans = {
        scan.image.timepoint: scan.started_at - timedelta(minutes=20)
        for scan in course.scans
        if scan.done and scan.session == injection.session
    }
    early = injection.injected_at + timedelta(minutes=25)
    moments = [
        (early, 1.0),
        (early, 2.0),
        (home - timedelta(minutes=15), 1.0),
        *((when, 1.0) for when in scans.values()),
    ]
    rng = stream(course, f"dose rates/{injection.session}")
    lines = []
    for when, distance_m in moments:
        hours = (when - injection.injected_at).total_seconds() / 3600
        net = truth.at_1_m(injection.net_MBq, hours, plan.therapy_nuclide.fraction_left(hours)) / distance_m**2
        net *= 1 + 0.04 * float(rng.standard_normal())
        cells: Line = {
            "session": injection.session,
            "measured_at": when,
            "distance_m": distance_m,
            "dose_rate_uSv_per_h": round(net + BACKGROUND_USV_PER_H, 2),
            "background_uSv_per_h": BACKGROUND_USV_PER_H,
            "instrument": "DR-01",
            "measured_by": "PH-01",
        }
        lines.append(_who(course) | cells)
    return lines


def follow_up_lines(course: Course, plan: Plan) -> Filled:
    """Contacts every three months after the last session, and treatment that began later."""
    if plan.protocol.analysis is None or not course.therapy_injections:
        return []
    last, lot = last_administration(course), fate(course)
    days = [_after_response(course, last), *range(150, lot.known_until_days, 90)]
    if (later := later_images_on(course)) is not None:
        days.append((later - last).days)
    lines: Filled = []
    for day in sorted({day for day in days if day is not None}):
        dead = lot.dies_after_days is not None and day >= lot.dies_after_days
        lost = lot.lost_after_days is not None and day >= lot.lost_after_days
        shown = lot.dies_after_days if dead and not lost and lot.dies_after_days else day
        lines.append(("follow_up", _who(course) | _contact(course, last, shown, dead=dead, lost=lost)))
        if dead or lost:
            break
    return lines + _later_therapy(course, lines)


def _after_response(course: Course, last: date) -> int | None:
    return (course.response_on - last).days if course.response_on else None


def _contact(course: Course, last: date, day: int, *, dead: bool, lost: bool) -> Line:
    progressed = (fate(course).progresses_after_days or 10**6) <= day
    withdrawn = course.withdrawn_at is not None
    disease = "not_assessed" if withdrawn or dead else "progressed" if progressed else "not_progressed"
    return {
        "seen_on": last + timedelta(days=day),
        "status": "not_reached" if lost else "dead" if dead else "alive",
        "disease": None if lost else disease,
        "reported_by": "ON-01",
    }


def _later_therapy(course: Course, contacts: Filled) -> Filled:
    """Another treatment after progression."""
    story, place = course.patient.story, number(course) % 15
    if story is None or course.response_on is None or story.response != "PD":
        return []
    agent, category, days = _LATER[place == 9]
    started = course.response_on + timedelta(days=days)
    if any(line["status"] == "dead" and started >= _day(line["seen_on"]) for _, line in contacts):
        return []
    return [("later_therapy", _who(course) | {"agent": agent, "started_on": started, "category": category})]


def cold_antibody_lines(course: Course, plan: Plan) -> Filled:
    """Trastuzumab that one participant went on receiving until shortly before the response PET: it may block uptake."""
    clause = plan.protocol.further_criteria
    asked = clause is not None and clause.reading is not None and clause.reading.uptake_fall is not None
    if not asked or course.response_on is None or number(course) % 15 != 7:
        return []
    line: Line = {
        "agent": "trastuzumab, continued",
        "category": "trastuzumab",
        "first_given_on": course.screened_on - timedelta(days=21),
        "last_given_on": course.response_on - timedelta(days=12),
        "outcome": "not_known",
    }
    return [("prior_therapy", _who(course) | line)]


def _day(value: Value) -> date:
    assert isinstance(value, date)
    return value


def _who(course: Course) -> Line:
    return {"participant_id": course.patient.participant_id}


FURTHER_FILLERS: Final[tuple[Callable[[Course, Plan], Filled], ...]] = (
    tumour_lines,
    class_lines,
    event_lines,
    protection_lines,
    follow_up_lines,
    cold_antibody_lines,
)
