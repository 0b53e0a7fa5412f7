"""The places of the schedule in order of time, and the activities done at each."""

from __future__ import annotations

from dataclasses import dataclass, field

from theratrial.exchange.usdm.making import Instance, Maker, said
from theratrial.protocol.clauses import Clause, Window
from theratrial.protocol.schema import ImagingPlan, Protocol, Visit

SCREENING, SESSION, FOLLOW_UP = 0, 1, 2


@dataclass(slots=True)
class Stop:
    """A place of the schedule where a participant is seen: a visit, a scan's time point, an injection."""

    name: str
    label: str
    stage: int
    window: Window | None
    unit: str
    activities: list[Instance] = field(default_factory=list)
    clause: Clause[Visit] | None = None


class Activities:
    """Activities by procedure, each made once however many visits it belongs to."""

    def __init__(self, make: Maker, protocol: Protocol, surrogates: dict[str, Instance]) -> None:
        self.made: dict[str, Instance] = {}
        self._make, self._protocol, self._surrogates = make, protocol, surrogates

    def of(self, procedure: str) -> list[Instance]:
        """The activity of a form or planned image; none where the protocol's id is of something else."""
        if procedure not in self.made:
            made = self._form(procedure) if procedure in self._surrogates else self._image(procedure)
            if made is None:
                return []
            self.made[procedure] = made
        return [self.made[procedure]]

    def injection(self, therapy: Instance) -> Instance:
        """The administration of the therapy product."""
        make = self._make
        procedure = make.make(
            "Procedure",
            name="INJECTION",
            label=therapy["label"],
            description=therapy["administrations"][0]["description"],
            procedureType="Administration",
            code=make.code("radiation"),
            studyInterventionId=therapy["id"],
            notes=[],
        )
        made = self._activity("administration", f"Administration of {therapy['label']}", [procedure], [])
        self.made["administration"] = made
        return made

    def _form(self, key: str) -> Instance:
        surrogate = self._surrogates[key]
        return self._activity(key, surrogate["label"], [], [surrogate["id"]])

    def _image(self, key: str) -> Instance | None:
        clause = self._protocol.imaging.get(key)
        plan = clause.reading if clause is not None else None
        if clause is None or plan is None:
            return None
        make = self._make
        procedure = make.make(
            "Procedure",
            name=key.upper(),
            label=plan.title,
            description=f"{plan.kind} for {', '.join(plan.purpose)}",
            procedureType=plan.kind,
            code=make.code("diagnostic"),
            studyInterventionId=None,
            notes=[],
        )
        made = self._activity(key, plan.title, [procedure], [])
        made["extensionAttributes"] = [make.clause(f"imaging.{key}", clause)]
        return made

    def _activity(self, name: str, label: str, procedures: list[Instance], surrogates: list[str]) -> Instance:
        return self._make.make(
            "Activity",
            name=name,
            label=label,
            description=None,
            previousId=None,
            nextId=None,
            childIds=[],
            definedProcedures=procedures,
            biomedicalConceptIds=[],
            bcCategoryIds=[],
            bcSurrogateIds=surrogates,
            timelineId=None,
            notes=[],
        )


def stops_in_order(protocol: Protocol, activities: Activities, therapy: Instance | None) -> list[Stop]:
    """All places of the schedule in order of time."""
    visits = {key: clause for key, clause in protocol.schedule.items() if clause.reading is not None}
    done_at_visits = {procedure for clause in visits.values() for procedure in _reading(clause).procedures}
    stops = [_visit_stop(clause, _stage(_reading(clause), visits), activities) for clause in visits.values()]
    if therapy is not None:
        stops.append(Stop("administration", "Administration", SESSION, None, "h", [activities.injection(therapy)]))
    grouped: dict[tuple[int, str], Stop] = {}
    for key, clause in protocol.imaging.items():
        plan = clause.reading
        if plan is None or key in done_at_visits:
            continue
        stage = SESSION if plan.per_session else (FOLLOW_UP if plan.after == "last_administration" else SCREENING)
        stop = grouped.setdefault((stage, plan.timepoint), _image_stop(plan, stage))
        stop.activities += activities.of(key)
    stops += grouped.values()
    unplaced = [key for key in protocol.forms if protocol.forms[key].reading and key not in activities.made]
    if unplaced:
        stops.append(Stop("any_time", "At any time", FOLLOW_UP, None, "d"))
        for key in unplaced:
            stops[-1].activities += activities.of(key)
    return sorted(stops, key=_order)


def _order(stop: Stop) -> tuple[int, float]:
    if stop.name == "any_time":
        return stop.stage, float("inf")
    if stop.window is None:
        return stop.stage, -1.0
    return stop.stage, stop.window.minimum * (24 if stop.unit == "d" else 1)


def _reading(clause: Clause[Visit]) -> Visit:
    assert clause.reading is not None  # what has none was left out before
    return clause.reading


def _stage(visit: Visit, visits: dict[str, Clause[Visit]]) -> int:
    seen: set[str] = set()
    while visit.anchor in visits and visit.anchor != visit.id and visit.id not in seen:
        seen.add(visit.id)
        visit = _reading(visits[visit.anchor])
    if visit.per_session:
        return SESSION
    return {"screening": SCREENING, "administration": SESSION}.get(visit.anchor, FOLLOW_UP)


def _visit_stop(clause: Clause[Visit], stage: int, activities: Activities) -> Stop:
    visit = _reading(clause)
    stop = Stop(visit.id, visit.title, stage, visit.window_days, "d", clause=clause)
    for procedure in visit.procedures:
        stop.activities += activities.of(procedure)
    return stop


def _image_stop(plan: ImagingPlan, stage: int) -> Stop:
    low, high = said(plan.window_h.minimum), said(plan.window_h.maximum)
    return Stop(f"scan_{plan.timepoint}", f"Imaging, {low} to {high} h after injection", stage, plan.window_h, "h")
