"""Trial results made by hand for the tests of the report: an ordinary cohort and awkward cases. No number is real."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from report_pictures import pictures as pictures

from theratrial.results.values import (
    AdverseEvent,
    Assumption,
    CriterionResult,
    CumulativeDose,
    CurvePoint,
    Eligibility,
    EndpointOutcome,
    Flow,
    GateFinding,
    GateResult,
    InputFile,
    LabPoint,
    LesionResult,
    Note,
    ParticipantResult,
    PlanarCounts,
    RegionDoseResult,
    ResponseOutcome,
    ScanResult,
    SelectionResult,
    SessionResult,
    TrialResult,
)
from theratrial.trace import Quantity, Trace

START = datetime(2022, 3, 1, 9, 30, tzinfo=UTC)
TRACE = Trace("example.made_by_hand", "1", {"record": "record:records/example.csv#2"}, demonstration=("sessions",))
STATES = ("determined", "bounded", "rising", "extrapolated", "single_point", "undetermined")
CATEGORIES = ("CR", "PR", "SD", "PD", "NE", "PR", "SD")
CHANGES = {"CR": -100.0, "PR": -42.5, "SD": -8.0, "PD": 61.0}
TESTS = {
    "platelets": ("e9_per_L", 220.0, 150.0, 400.0),
    "neutrophils": ("e9_per_L", 4.0, 1.8, 7.5),
    "haemoglobin": ("g_per_L", 118.0, 115.0, 160.0),
    "white_cells": ("e9_per_L", 6.1, 4.0, 10.0),
}
ORGANS = (
    ("liver", "Liver", 30.0, 4.1, 900.0),
    ("kidneys", "Kidneys", 23.0, 3.2, 110.0),
    ("heart", "Heart (wall and blood pool together)", 40.0, 2.2, 240.0),
    ("red_marrow", "Red marrow", 2.5, 0.7, 60.0),
    ("spleen", "Spleen", None, 2.9, 70.0),
)


def quantity(value: float | None, unit: str, *, spread: float = 0.2, note: str = "") -> Quantity:
    """A value with an interval, or an undetermined one with its note."""
    if value is None:
        return Quantity(None, unit, TRACE, note=note or "undetermined: the curve still rises")
    return Quantity(value, unit, TRACE, value * (1 - spread), value * (1 + spread), note)


def region_dose(name: str, title: str, kind: str, activity_MBq: float, dose_Gy: float, state: str) -> RegionDoseResult:
    """One region in one session; the state decides what is known."""
    reason = f"example reason of a {state} curve of {name}"
    hours = () if state == "undetermined" else ((24.5,) if state == "single_point" else (24.5, 47.8))
    slope = 1.25 if state == "rising" else 0.8
    points = tuple(
        CurvePoint(
            f"spect_{hour:.0f}h",
            hour,
            quantity(activity_MBq * slope**index, "MBq", spread=0.1),
            Quantity(80.0, "mL", TRACE),
        )
        for index, hour in enumerate(hours)
    )
    known = state in ("determined", "bounded", "extrapolated")
    dose = quantity(dose_Gy, "Gy") if known else Quantity(None, "Gy", TRACE, 0.3, float("inf"), reason)
    if state == "undetermined":
        dose = Quantity(None, "Gy", TRACE, note=reason)
    return RegionDoseResult(
        region_id="lesions" if kind == "lesion" else name,
        region_name=name,
        title=title,
        kind=kind,  # type: ignore[arg-type]
        at_risk=kind == "organ",
        points=points,
        determinacy=state,
        determinacy_reason=reason,
        effective_half_life_h=quantity(71.0, "h") if known else quantity(None, "h", note=reason),
        time_integrated_activity_MBq_h=quantity(activity_MBq * 110, "MBq h")
        if known
        else quantity(None, "MBq h", note=reason),
        extrapolated_fraction=Quantity(0.63, "fraction", TRACE)
        if known
        else Quantity(None, "fraction", TRACE, note=reason),
        absorbed_dose_Gy=dose,
        missing_parts=("photons", "cross dose from other regions"),
    )


def gate(session: int, verdict: str, *, given: bool, on: datetime) -> GateResult:
    """A gate of three lines; ``complete`` is one that stops because every session was given."""
    if verdict == "complete":
        other = gate(session, "stop", given=given, on=on)
        said = f"{session} of at most {session} sessions given"
        full = GateFinding("sessions.maximum_sessions", "Number of sessions", "stop", said, False, TRACE)
        return replace(other, findings=(*other.findings, full))
    because = {"proceed": "as it should be", "stop": "grade 3, at most 1", "undetermined": "no value since the session"}
    return GateResult(
        after_session=session,
        judged_on=on.date(),
        verdict=verdict,  # type: ignore[arg-type]
        findings=(
            GateFinding("safety_gate.laboratory", "Platelets", verdict, because[verdict], False, TRACE),  # type: ignore[arg-type]
            GateFinding("dose_limits.kidneys", "Kidneys", "proceed", "upper end 7 Gy of 23 Gy", False, TRACE),
            GateFinding("dose_regions.lesions", "Lesion 1", "undetermined", "curve rises", True, TRACE),
        ),
        next_session_given=given,
        trace=TRACE,
    )


def scan(imaging_id: str, title: str, hours: float | None, at: datetime, status: str = "done") -> ScanResult:
    """A planned image."""
    done = status == "done"
    return ScanResult(
        imaging_id=imaging_id,
        title=title,
        timepoint=imaging_id,
        status=status,  # type: ignore[arg-type]
        acquired_at=at if done else None,
        hours_after=hours if done else None,
        in_window=True if done else None,
        series_instance_uid="1.2.3" if done else "",
        reason="" if done else "camera under repair",
        trace=TRACE,
    )


def session(index: int, number: int, of: int, verdict: str, *, posterior: bool = True) -> SessionResult:
    """One session of the participant with that index."""
    at = START + timedelta(days=49 * (number - 1) + index)
    missed = index % 5 == 3 and number == 1
    scans = tuple(
        scan(
            f"{kind}_{hours}h",
            f"{title} {hours} h",
            hours + 0.4,
            at + timedelta(hours=hours),
            "missed" if missed and hours == 48 else "done",
        )
        for kind, title in (("planar", "Whole body"), ("spect", "SPECT/CT"))
        for hours in (24, 48)
    )
    planar = tuple(
        PlanarCounts(
            imaging_id=f"planar_{hours}h",
            timepoint=f"{hours} h",
            hours_after=hours + 0.4,
            anterior_counts=quantity(1.2e6, "counts", spread=0.01),
            posterior_counts=quantity(1.0e6, "counts", spread=0.01) if posterior else None,
            geometric_mean_counts=quantity(1.1e6, "counts", spread=0.01) if posterior else None,
            view_rule="detector vector",
            view_confirmed=True,
        )
        for hours in (24, 48)
    )
    doses = [
        region_dose(
            name, title, "organ", activity * (1 + 0.05 * index), dose / 2, STATES[(index + place) % len(STATES)]
        )
        for place, (name, title, _, dose, activity) in enumerate(ORGANS)
    ]
    doses += [
        region_dose(f"lesion_{n}", "Lesions", "lesion", 18.0 / n, 9.0 / n, STATES[(index + n) % len(STATES)])
        for n in (1, 2)
    ]
    return SessionResult(
        session=number,
        injected_at=at,
        batch_id=f"B-{number:02d}",
        administered_activity_MBq=quantity(5550.0 + 10 * index, "MBq", spread=0.03),
        prescribed_activity_MBq=Quantity(5550.0, "MBq", TRACE),
        deviation_percent=Quantity(0.18 * index, "percent", TRACE),
        antibody_mass_mg=None if index % 4 == 1 else 50.0,
        scans=scans,
        planar=planar,
        doses=tuple(doses),
        biodistribution=(("planar_24h", "as expected"),),
        gate=gate(number, verdict, given=number < of, on=at + timedelta(days=45)),
    )


def response(index: int, category: str) -> ResponseOutcome:
    """A response with two lesions."""
    change = CHANGES.get(category)
    return ResponseOutcome(
        category=category,  # type: ignore[arg-type]
        arithmetic=f"hottest target 10.0 to {10 + (change or 0) / 10:.1f}" if change is not None else "image missing",
        rule_name="PET response, exploratory",
        exploratory=True,
        metric="suv_peak",
        change_percent=None if change is None else Quantity(change + 0.7 * index, "percent", TRACE),
        lesions=tuple(
            LesionResult(
                lesion_id=f"L{n}",
                site="liver",
                role="target",
                baseline_uptake=quantity(10.0 / n, "g/mL"),
                response_uptake=None
                if change is None
                else (quantity(10.0 / n + change / 20, "g/mL") if change > -100 else None),
                change_percent=None if change is None else Quantity(change, "percent", TRACE),
                status_baseline="present",
                status_response="resolved" if category == "CR" else "present",
            )
            for n in (1, 2)
        ),
        trace=TRACE,
        partial_decrease_percent=30.0,
        progression_increase_percent=30.0,
    )


def cumulative(sessions: tuple[SessionResult, ...]) -> tuple[CumulativeDose, ...]:
    """Sums of what the sessions know."""
    if not sessions:
        return ()
    limits = {name: limit for name, _, limit, _, _ in ORGANS}
    summed = []
    for dose in sessions[0].doses:
        same = [other for one in sessions for other in one.doses if other.region_name == dose.region_name]
        known = [one.absorbed_dose_Gy.value for one in same if one.absorbed_dose_Gy.value is not None]
        total = quantity(sum(known), "Gy") if len(known) == len(same) else same[0].absorbed_dose_Gy
        summed.append(
            CumulativeDose(
                region_id=dose.region_id,
                title=dose.title if dose.kind == "organ" else dose.region_name,
                kind=dose.kind,
                absorbed_dose_Gy=total,
                limit_Gy=limits.get(dose.region_name) if dose.kind == "organ" else None,
                limit_citation="example citation" if limits.get(dose.region_name) else "",
                sessions_counted=len(known),
                sessions_given=len(sessions),
                determinacy=dose.determinacy,
                judged_upper_Gy=Quantity(total.upper * 1.2, "Gy", TRACE)
                if total.value is not None and total.upper is not None
                else Quantity(None, "Gy", TRACE, upper=float("inf"), note="undetermined: no upper bound"),
            )
        )
    return tuple(summed)


def laboratory(index: int, sessions: int) -> tuple[LabPoint, ...]:
    """Counts every two weeks, falling after each session."""
    points = []
    for test, (unit, normal, lower, upper) in TESTS.items():
        for week in range(-1, 7 * sessions, 2):
            fall = 0.45 * np.exp(-(((week % 7) - 4) ** 2) / 4) if week >= 0 else 0.0
            value = float(normal * (1 - fall * (1.6 if index % 7 == 2 else 1.0)))
            grade = None if index == 4 and week == 1 else int(value < lower)
            points.append(
                LabPoint(
                    test=test,
                    collected_at=START + timedelta(days=7 * week + index),
                    value=Quantity(value, unit, TRACE),
                    lower_limit=None if grade is None else lower,
                    upper_limit=upper,
                    grade=grade,
                    grade_reason="example reason" if grade is not None else "no lower limit of normal",
                    trace=TRACE,
                )
            )
    return tuple(points)


CRITERIA = (
    ("age", "Age 18 years or more", "inclusion", "Age ≥ 18 years"),
    ("her2", "HER2-positive on PET/CT", "inclusion", "Patients with confirmed HER2+ disease"),
    ("neutrophils", "Neutrophils", "inclusion", "Absolute neutrophil count ≥ 1000 cells/mm³"),
    ("pregnancy", "Not pregnant", "exclusion", "Pregnancy"),
)


def participant(index: int, *, treated: bool = True, sessions: int = 2, posterior: bool = True) -> ParticipantResult:
    """One participant; every fifth has something unusual."""
    identifier = f"P{index + 1:02d}"
    category = CATEGORIES[index % len(CATEGORIES)]
    verdicts = ["proceed"] * (sessions - 1) + ["stop" if index % 7 == 2 else "undetermined" if index % 2 else "proceed"]
    if sessions == 3:
        verdicts[-1] = "complete"
    given = tuple(
        session(index, number, sessions, verdicts[number - 1], posterior=posterior)
        for number in range(1, sessions + 1 if treated else 1)
    )
    failing = "" if treated else ("her2" if index % 2 else "neutrophils")
    criteria = tuple(
        CriterionResult(
            name,
            title,
            kind,  # type: ignore[arg-type]
            ("not known" if index % 3 == 0 else "not met") if name == failing else "met",
            verbatim,
            f"{name} = example",
            TRACE,
        )
        for name, title, kind, verbatim in CRITERIA
    )
    assessed = treated and index % 6 != 5
    return ParticipantResult(
        participant_id=identifier,
        site_id="S1",
        screened_on=(START - timedelta(days=20 - index)).date(),
        age_years=None if index % 4 == 1 else 50.0 + index,
        consented_at=START - timedelta(days=21 - index),
        withdrawn_at=None,
        withdrawal_kind="",
        eligibility=Eligibility(
            "eligible" if treated else "not eligible",
            criteria,
            tuple(title for name, title, *_ in CRITERIA if name == failing),
            TRACE,
        ),
        selection=SelectionResult("positive" if failing != "her2" else "negative", "2 of 3 lesions", START, TRACE),
        treated=treated,
        sessions=given,
        pet_scans=(scan("pet_baseline", "PET/CT baseline", 1.1, START - timedelta(days=10)),),
        cumulative_doses=cumulative(given),
        laboratory=laboratory(index, sessions) if treated else (),
        adverse_events=(AdverseEvent("nausea", 1, START.date(), None, False, "possible"),) if index == 1 else (),
        response=response(index, category) if assessed else None,
        disposition="completed" if treated and index % 5 != 4 else ("withdrew" if treated else "screen_failure"),
        disposition_on=(START + timedelta(days=49 * sessions + index)).date() if treated else None,
        disposition_reason="" if treated else "not eligible",
        last_session_because="maximum reached" if treated else "",
        analysis_sets=("full",) if treated else (),
        counted="not analysed"
        if not treated
        else ("success" if assessed and category in ("CR", "PR", "SD") else "failure"),
        counted_because="example",
    )


def trial(participants: tuple[ParticipantResult, ...]) -> TrialResult:
    """A trial of these participants."""
    treated = [one for one in participants if one.treated]
    wins = sum(one.counted == "success" for one in treated)
    n = len(treated)
    proportion = (
        Quantity(wins / n, "fraction", TRACE, 0.3229, 0.8366)
        if n
        else Quantity(None, "fraction", TRACE, note="nobody is in the analysis set")
    )
    failures: dict[str, int] = {}
    for one in participants:
        if not one.treated:
            failures[one.eligibility.reasons[0]] = failures.get(one.eligibility.reasons[0], 0) + 1
    ended: dict[str, int] = {}
    for one in treated:
        ended[one.disposition] = ended.get(one.disposition, 0) + 1
    most = max((len(one.sessions) for one in treated), default=0)
    return TrialResult(
        schema_version="1.0",
        product_version="0.0.0",
        trial_id="IRCT00000000000000N0",
        scientific_title="An example trial of a radiopharmaceutical",
        public_title="Example trial",
        phase="2",
        registry="IRCT",
        protocol_version="1.0",
        protocol_hash="sha256:" + "ab" * 32,
        timezone="Asia/Tehran",
        sample_size=15,
        simulated=True,
        assumptions=(
            Assumption("sessions", "Number of sessions", "at most three", "the record names none"),
            Assumption("dose_limits", "Dose limits", "", "the record names none"),
        ),
        open_conflicts=(),
        inputs=tuple(InputFile(f"images/{n:04d}.dcm", f"sha256:{n:064x}") for n in range(30)),
        notes=(
            Note("P01", "deviation", "session 1", "administered 7 % too much"),
            Note("", "info", "images", "a stray file was passed over"),
        ),
        participants=participants,
        flow=Flow(
            screened=len(participants),
            screen_failures=tuple(failures.items()),
            treated=n,
            sessions_given=tuple((k, sum(len(one.sessions) >= k for one in treated)) for k in range(1, most + 1)),
            response_assessed=sum(one.response is not None and one.response.category != "NE" for one in treated),
            analysed=n,
            ended=tuple(ended.items()),
        ),
        endpoint=EndpointOutcome(
            endpoint_id="disease_control",
            title="Proportion with complete, partial or stable response",
            successes=wins,
            analysed=n,
            proportion=proportion,
            confidence_level=0.95,
            interval_method="clopper_pearson",
            categories=tuple(
                (
                    category,
                    sum((one.response.category if one.response else "NE") == category for one in treated),
                )
                for category in ("CR", "PR", "SD", "PD", "NE")
            ),
            analysis_set="full",
            missing_rule="failure",
            sentence=f"{wins} of {n} participants had a complete, partial or stable response."
            if n
            else "The endpoint cannot be given: nobody is in the analysis set.",
            plain_words="With so few participants the true proportion is not known well.",
        ),
    )


def ordinary() -> TrialResult:
    """Fifteen treated participants and three screen failures."""
    treated = tuple(participant(index, sessions=3 if index % 4 == 0 else 2) for index in range(15))
    return trial(treated + tuple(participant(index, treated=False) for index in range(15, 18)))


def nobody_treated() -> TrialResult:
    """Screen failures only."""
    return trial(tuple(participant(index, treated=False) for index in range(3)))


def nobody_at_all() -> TrialResult:
    """An empty trial."""
    return trial(())


def one_participant() -> TrialResult:
    """A single treated participant with one session."""
    return trial((participant(0, sessions=1),))


def forty() -> TrialResult:
    """A larger trial."""
    return trial(tuple(participant(index, treated=index % 9 != 8, sessions=1 + index % 3) for index in range(40)))


def seven() -> TrialResult:
    """Seven treated participants, one of each category and state, and a screen failure."""
    treated = tuple(participant(index, sessions=3 if index % 4 == 0 else 2) for index in range(7))
    return trial((*treated, participant(7, treated=False)))


def few() -> TrialResult:
    """Four treated participants and one screen failure."""
    return trial((*(participant(index) for index in range(4)), participant(4, treated=False)))


def no_response() -> TrialResult:
    """Treated, and nobody's response is known yet."""
    result = trial((participant(0), participant(1)))
    return replace(result, participants=tuple(replace(one, response=None) for one in result.participants))


def hostile() -> TrialResult:
    """Texts that would break a page or a figure that trusts them."""
    result = few()
    evil = "<script>alert('x')</script> $\\frac{1}{2$ & بیمار «نمونه» " + "long" * 40
    first, *others = result.participants
    dose = replace(first.cumulative_doses[0], title=evil)
    first = replace(
        first,
        participant_id=evil,
        disposition_reason=evil,
        cumulative_doses=(dose, *first.cumulative_doses[1:]),
        sessions=tuple(
            replace(one, doses=tuple(replace(dose, title=evil) for dose in one.doses)) for one in first.sessions
        ),
    )
    return replace(
        result,
        scientific_title=evil,
        trial_id=evil,
        participants=(first, *others),
        notes=(Note(evil, "warning", evil, evil),),
        assumptions=(Assumption(evil, evil, evil, evil),),
        open_conflicts=(evil,),
        flow=replace(result.flow, screen_failures=((evil, 3),), ended=((evil, 4),)),
    )
