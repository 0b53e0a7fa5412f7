"""A participant's way through the trial: what was done when, decided as the protocol's gate would from the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

import numpy as np

from theratrial.nuclides import Nuclide
from theratrial.protocol.schema import ImagingPlan
from theratrial.simulation.adverse import AdverseEvent, events_of, highest_open_grade
from theratrial.simulation.counts import Sample, sample
from theratrial.simulation.patient import Patient, SessionTruth, region_doses_Gy, session_truth
from theratrial.simulation.plan import Plan, middle, reading

FIRST_DAY: Final = date(2022, 1, 22)
_FRIDAY: Final = 4
_ADMINISTRATION_WEEKDAYS: Final = (5, 6, 0, 1)
"""Saturday to Tuesday: the scans of the next two days then fall on working days of the Iranian week."""
UPPER_BOUND_OVER_DOSE: Final = 1.5
"""What the upper bound of a two-scan dose usually is over the value itself."""

Event = Literal["screen_failure", "completed", "gate_stop", "withdrawal", "progression"]


@dataclass(frozen=True, slots=True)
class Injection:
    """One administration as measured; `net_MBq` follows from the rounded readings and is what the images show."""

    product_id: str
    session: int | None
    timepoint: str | None
    batch_id: str
    prescribed_MBq: float
    measured_MBq: float
    measured_at: datetime
    residual_MBq: float
    residual_at: datetime
    injected_at: datetime
    net_MBq: float
    antibody_mass_mg: float
    weight_kg: float


@dataclass(frozen=True, slots=True)
class Scan:
    """One planned image, done or missed."""

    image: ImagingPlan
    session: int | None
    injection: Injection
    started_at: datetime
    done: bool = True
    reason: str = ""

    @property
    def hours_after(self) -> float:
        """Start of the scan, hours after the injection."""
        return (self.started_at - self.injection.injected_at).total_seconds() / 3600


@dataclass(frozen=True, slots=True)
class GateVisit:
    """The visit after a session and what was found."""

    session: int
    on: date
    may_continue: bool
    reasons: tuple[str, ...]
    toxicity: bool


@dataclass(slots=True)
class Course:
    """Everything that happened to a participant."""

    patient: Patient
    screened_on: date
    consented_at: datetime
    injections: list[Injection] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    truths: list[SessionTruth] = field(default_factory=list)
    gates: list[GateVisit] = field(default_factory=list)
    events: list[AdverseEvent] = field(default_factory=list)
    response_on: date | None = None
    ended_on: date | None = None
    event: Event | None = None
    reason: str = ""
    withdrawn_at: datetime | None = None

    @property
    def therapy_injections(self) -> list[Injection]:
        """Administrations of the therapy product."""
        return [i for i in self.injections if i.session is not None]


def course_of(patient: Patient, plan: Plan, screened_on: date, rng: np.random.Generator) -> Course:
    """The course of a participant who is screened on a day."""
    walk = _Walk(patient, plan, _workday(screened_on), rng)
    if walk.screening():
        walk.treatment()
        walk.recovery()
    return walk.course


def at(day: date, hour: float, plan: Plan) -> datetime:
    """An instant on a local day, to the minute, as the clinic's clock shows it."""
    minutes = round(hour * 60)
    return datetime.combine(day, time(minutes // 60, minutes % 60), plan.zone)


def _workday(day: date, *, back: bool = False) -> date:
    if day.weekday() == _FRIDAY:
        return day + timedelta(days=-1 if back else 1)
    return day


class _Walk:
    """Goes through the trial day by day; the generator's draws stay in one order."""

    def __init__(self, patient: Patient, plan: Plan, screened_on: date, rng: np.random.Generator) -> None:
        self.patient, self.plan, self.rng = patient, plan, rng
        signed = at(screened_on, 8.5 + rng.uniform(0, 1), plan)
        self.course = Course(patient, screened_on, signed)

    def screening(self) -> bool:
        """Consent, blood, PET; False for a screen failure."""
        course, failure = self.course, self.patient.failure
        self._blood(at(course.screened_on, 10.5, self.plan))
        day = _workday(course.screened_on + timedelta(days=int(self.rng.integers(2, 5))))
        if failure is None or failure == "her2_negative_pet":
            self._pet(self.plan.selection_pet, day)
        if failure is not None:
            course.event, course.ended_on = "screen_failure", day
            course.reason = {
                "her2_negative_pet": "negative on the selection PET/CT",
                "platelets": "platelets below the limit",
                "ecog": "performance status above the limit",
                "infection": "active infection that needs systemic therapy",
            }[failure]
        return failure is None

    def treatment(self) -> None:
        """Session after session until something ends them, then the response assessment."""
        story = self.patient.story
        assert story is not None
        day = self.course.screened_on + timedelta(days=int(self.rng.integers(11, 15)))
        interval = self.plan.sessions.interval_days
        for session in range(1, self.plan.sessions.maximum_sessions + 1):
            while day.weekday() not in _ADMINISTRATION_WEEKDAYS:
                day += timedelta(days=1)
            given = self._session(session, day, missed=story.misses_last_scan_of_session == session)
            if story.withdraws_after_session == session:
                self._withdraw(given)
                return
            visit = self._gate(session, given)
            if session == self.plan.sessions.maximum_sessions:
                self._end("completed", "all planned sessions given")
            elif not visit.may_continue:
                self._end("gate_stop", "; ".join(visit.reasons))
                break
            elif story.stops_for_progression_after == session:
                self._end("progression", "progression under treatment")
                break
            earliest = given + timedelta(days=int(np.ceil(interval.minimum)))
            day = max(earliest, visit.on + timedelta(days=int(self.rng.integers(2, 6))))
        self._response()

    def recovery(self) -> None:
        """Blood once a week after the last gate visit until it has recovered, where a clause asks for recovery.

        Drawn from a stream of its own: whoever needs it moves nobody else.
        """
        clause = self.plan.protocol.toxicity
        wanted = clause.reading.recovery if clause is not None and clause.reading is not None else None
        if wanted is None or clause is None or clause.reading is None or not self.course.gates:
            return
        version, last = clause.reading.ctcae_version, self.course.therapy_injections[-1].injected_at.date()
        letters = [ord(c) for c in f"{self.patient.participant_id}/recovery"]
        self.rng = np.random.default_rng([*letters, self.course.screened_on.toordinal()])
        day = self.course.gates[-1].on
        while self._worst(wanted.tests, version) > wanted.maximum_grade and (day - last).days + 7 <= wanted.within_days:
            day = _workday(day + timedelta(days=7))
            self._blood(at(day, 9.0, self.plan))
        self.course.events = events_of(self.course.samples, self.plan, self._marrow_doses())

    def _worst(self, tests: tuple[str, ...], version: str) -> int:
        """Highest grade among the newest values of some tests."""
        newest = {s.test: s for s in sorted(self.course.samples, key=lambda s: s.collected_at) if s.test in tests}
        return max((s.grade(version) or 0 for s in newest.values()), default=0)

    def _session(self, session: int, day: date, *, missed: bool) -> date:
        plan, rng = self.plan, self.rng
        self._blood(at(_workday(day - timedelta(days=1), back=True), 9.0, plan))
        activity = plan.sessions.administered_activity_MBq
        injection = self._injected(
            plan.sessions.product, session, None, at(day, 9.5 + rng.uniform(0, 1.5), plan), activity,
            plan.sessions.antibody_mass_mg or 0.0,
        )  # fmt: skip
        self.course.truths.append(session_truth(self.patient, plan, session, injection.net_MBq, rng))
        timepoints = list(dict.fromkeys(image.timepoint for image in plan.session_images))
        late = {name: float(rng.uniform(-0.25, 0.15)) for name in timepoints}
        place: dict[str, int] = {}
        for image in plan.session_images:
            half = (image.window_h.maximum - image.window_h.minimum) / 2
            hours = middle(image.window_h) + late[image.timepoint] * half + 0.75 * place.get(image.timepoint, 0)
            place[image.timepoint] = place.get(image.timepoint, 0) + 1
            hours = float(np.clip(hours, image.window_h.minimum, image.window_h.maximum))
            lost = missed and image.timepoint == timepoints[-1]
            self.course.scans.append(
                Scan(
                    image, session, injection, _later(injection.injected_at, hours), not lost,
                    "camera out of order" if lost else "",
                )
            )  # fmt: skip
        for week in range(1, 7):
            self._blood(at(_workday(day + timedelta(days=7 * week)), 9.0 + rng.uniform(0, 0.9), plan))
        return day

    def _gate(self, session: int, given: date) -> GateVisit:
        plan = self.plan
        window = plan.gate_visit.window_days
        span = window.maximum - window.minimum
        day = given + timedelta(days=int(window.minimum + span * self.rng.uniform(0.55, 1.0)))
        day = _workday(day, back=True)
        self._blood(at(day, 8.5, plan))
        self.course.events = events_of(self.course.samples, plan, self._marrow_doses())
        reasons = self._against(session, day)
        toxic = any("grade" in reason for reason in reasons)
        visit = GateVisit(session, day, not reasons, tuple(reasons), toxic)
        self.course.gates.append(visit)
        return visit

    def _against(self, session: int, day: date) -> list[str]:
        """Why the next session may not be given, judged from the truth."""
        gate = reading(self.plan.protocol.safety_gate, "safety gate")
        found = []
        for limit in gate.laboratory:
            values = [s for s in self.course.samples if s.test == limit.test and s.collected_at.date() <= day]
            grade = values[-1].grade(gate.ctcae_version) if values else None
            if grade is not None and grade > limit.maximum_grade:
                found.append(f"{limit.test} grade {grade}")
        worst = highest_open_grade(self.course.events, day)
        if worst > gate.maximum_adverse_event_grade and not found:
            found.append(f"adverse event of grade {worst} not resolved")
        required = set(reading(self.plan.protocol.dosimetry, "dosimetry").imaging)
        if any(s.session == session and not s.done and s.image.id in required for s in self.course.scans):
            found.append("organ doses of the session not determined")
        given = [region_doses_Gy(self.patient, self.plan, t) for t in self.course.truths]
        judged = reading(self.plan.protocol.dose_limits, "dose limits").judged
        for name, limit_Gy in self.plan.limits_Gy.items():
            doses = [doses[name] for doses in given]
            total = sum(doses) + (float(np.mean(doses)) if judged == "with_next_session" else 0.0)
            if total * UPPER_BOUND_OVER_DOSE > limit_Gy:
                found.append(f"{name.replace('_', ' ')} dose limit")
        return found

    def _withdraw(self, given: date) -> None:
        day = _workday(given + timedelta(days=int(self.rng.integers(22, 33))))
        self.course.samples = [s for s in self.course.samples if s.collected_at.date() < day]
        self.course.events = events_of(self.course.samples, self.plan, self._marrow_doses())
        self.course.withdrawn_at = at(day, 11.0, self.plan)
        self._end("withdrawal", "participant's wish")
        self.course.ended_on = day

    def _response(self) -> None:
        last = self.course.therapy_injections[-1].injected_at.date()
        window = self.plan.response_visit.window_days
        day = self.course.gates[-1].on + timedelta(days=int(self.rng.integers(2, 5)))
        day = min(
            max(day, last + timedelta(days=int(np.ceil(window.minimum)))), last + timedelta(days=int(window.maximum))
        )
        day = _workday(day, back=True)
        if self.patient.story is not None and self.patient.story.response is not None:
            self._pet(self.plan.response_pet, day)
            self.course.response_on = day
        if self.course.event in ("completed", "progression"):
            self.course.ended_on = day

    def _end(self, event: Event, reason: str) -> None:
        self.course.event, self.course.reason = event, reason
        self.course.ended_on = self.course.gates[-1].on if self.course.gates else self.course.screened_on

    def _pet(self, image: ImagingPlan | None, day: date) -> None:
        if image is None:
            return
        product = self.plan.product(image.product)
        activity = round(1.9 * self.patient.weight_kg)
        injection = self._injected(
            product.id, None, image.timepoint, at(day, 10 + self.rng.uniform(0, 2), self.plan), activity, 5.0
        )
        low, high = image.window_h.minimum, image.window_h.maximum
        hours = float(np.clip(low + (high - low) * self.rng.uniform(0.2, 0.45), 1.0 if high > 1 else low, high))
        self.course.scans.append(Scan(image, None, injection, _later(injection.injected_at, hours)))

    def _injected(
        self, product_id: str, session: int | None, timepoint: str | None, when: datetime, wanted: float, mass_mg: float
    ) -> Injection:
        rng, nuclide = self.rng, self.plan.nuclide(product_id)
        before, after = timedelta(minutes=int(rng.integers(6, 16))), timedelta(minutes=int(rng.integers(5, 12)))
        residual_share = rng.uniform(0.008, 0.022)
        at_injection = wanted * rng.uniform(0.97, 1.04) / (1 - residual_share)
        measured = round(at_injection / _left(nuclide, before), 1)
        residual = round(at_injection * residual_share * _left(nuclide, after), 1)
        net = measured * _left(nuclide, before) - residual / _left(nuclide, after)
        label = f"S{session}" if session else (timepoint or "x")[0].upper()
        injection = Injection(
            product_id=product_id,
            session=session,
            timepoint=timepoint,
            batch_id=f"{nuclide.name.replace('-', '').upper()}-{self.patient.participant_id}-{label}",
            prescribed_MBq=wanted,
            measured_MBq=measured,
            measured_at=when - before,
            residual_MBq=residual,
            residual_at=when + after,
            injected_at=when,
            net_MBq=net,
            antibody_mass_mg=round(mass_mg * rng.uniform(0.96, 1.02), 1),
            weight_kg=round(self.patient.weight_kg + rng.uniform(-0.8, 0.8), 1),
        )
        self.course.injections.append(injection)
        return injection

    def _marrow_doses(self) -> list[tuple[datetime, float]]:
        marrow_mGy = self.patient.kinetics.marrow_dose_mGy_per_MBq
        return [(i.injected_at, marrow_mGy * i.net_MBq / 1000) for i in self.course.therapy_injections]

    def _blood(self, when: datetime) -> None:
        if any(s.collected_at.date() == when.date() for s in self.course.samples):
            return
        for test in self.patient.marrow.baselines:
            self.course.samples.append(sample(self.patient.marrow, test, when, self._marrow_doses(), self.rng))


def _left(nuclide: Nuclide, span: timedelta) -> float:
    return nuclide.fraction_left(span.total_seconds() / 3600)


def _later(when: datetime, hours: float) -> datetime:
    """Hours of elapsed time later, to the minute, in the same zone: summer time may begin in between."""
    zone = when.tzinfo
    utc = when.timestamp() + round(hours * 60) * 60
    return datetime.fromtimestamp(utc, zone)
