"""What the overview shows, read with a bounded number of queries whatever the number of participants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from theratrial.protocol.check import Severity, protocol_findings
from theratrial.registry.record import Recruitment
from theratrial.web.access import may, sites_of
from theratrial.web.capture.models import Query
from theratrial.web.participants.plan import titles
from theratrial.web.participants.selectors import participants_of, trial_now
from theratrial.web.participants.states import Shown, shown
from theratrial.web.registration.brief import brief as registration_brief
from theratrial.web.registration.brief import state_now
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.gates_waiting import gate_states
from theratrial.web.results.serious import owed_reports
from theratrial.web.trials.models import ProtocolVersion
from theratrial.web.trials.results_brief import Brief, briefs_of, endpoint_of, latest_computation
from theratrial.web.trials.selectors import protocol_of, the_trial
from theratrial.web.trials.swimmer import LANES, Swimmer, swimmer


@dataclass(frozen=True, slots=True)
class Overdue:
    """An overdue item."""

    code: str
    title: str
    session: int | None
    last: date
    days: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A gate that waits for its signatures."""

    code: str
    session: int


@dataclass(frozen=True, slots=True)
class Bar:
    """The highest upper bound of an organ's dose over the participants, against its limit."""

    title: str
    limit_Gy: float
    upper_Gy: float | None
    code: str
    above: int
    unbounded: int
    counted: int

    @property
    def share(self) -> float:
        """Length of the bar, the limit being 200."""
        return round(min((self.upper_Gy or 0.0) / self.limit_Gy, 1.5) * 200, 1)


@dataclass(frozen=True, slots=True)
class Curve:
    """Recruitment: points of the planned and the actual curve in a 300 x 120 picture."""

    actual: str
    planned: str
    first: date
    last: date
    target: int
    treated: int
    expected_today: int | None


def recruitment(people: Sequence[Shown], today: date, sample_size: int, plan: Recruitment | None) -> Curve | None:
    """The cumulative curve of first injections against the plan of the registration record."""
    treated = sorted(one.standing.sessions[0][1].date() for one in people if one.standing.sessions)
    begin = plan.expected_start.gregorian if plan and plan.expected_start else (treated[0] if treated else None)
    if begin is None:
        return None
    end = plan.expected_end.gregorian if plan and plan.expected_end else None
    target = (plan.target_sample_size if plan else None) or sample_size
    first = min([begin, *treated[:1]])
    last = max([day for day in (end, treated[-1] if treated else None, first) if day is not None])
    days, top = max((last - first).days, 1), max(target, len(treated), 1)

    def point(day: date, count: float) -> str:
        return f"{10 + (day - first).days / days * 280:.1f},{110 - count / top * 100:.1f}"

    steps = [point(first, 0)]
    for count, day in enumerate(treated, 1):
        steps += [point(day, count - 1), point(day, count)]
    if today < last:
        steps.append(point(max(today, first), len(treated)))
    else:
        steps.append(point(last, len(treated)))
    planned = f"{point(begin, 0)} {point(end, target)}" if end else ""
    expected = None
    if end is not None and end > begin:
        expected = round(min(max((today - begin).days / (end - begin).days, 0), 1) * target)
    return Curve(" ".join(steps), planned, first, last, target, len(treated), expected)


def bars(briefs: Mapping[str, Brief], codes: frozenset[str]) -> list[Bar]:
    """Organs with a limit, the nearest to it first."""
    organs: dict[str, list[tuple[str, Any]]] = {}
    for code, brief in briefs.items():
        if code in codes:
            for dose in brief.doses:
                organs.setdefault(dose.region, []).append((code, dose))
    found = []
    for doses in organs.values():
        bounded = [(dose.upper_Gy, code) for code, dose in doses if dose.upper_Gy is not None]
        top = max(bounded, default=(None, ""))
        limit = doses[0][1].limit_Gy
        above = sum(1 for upper, _code in bounded if upper > limit)
        found.append(Bar(doses[0][1].title, limit, top[0], top[1], above, len(doses) - len(bounded), len(doses)))
    return sorted(found, key=lambda bar: -(bar.upper_Gy or 0) / bar.limit_Gy)


def conflicts(version: ProtocolVersion) -> dict[str, int]:
    """How many findings of each severity the version has."""
    return dict(_conflicts(version.sha256, version.number))


@lru_cache(maxsize=4)
def _conflicts(sha256: str, number: int) -> tuple[tuple[str, int], ...]:
    """A version's file never changes, so its findings are counted once per process."""
    version = ProtocolVersion.objects.get(number=number, sha256=sha256)
    found = [finding.severity for finding in protocol_findings(protocol_of(version))]
    return tuple((one.value, found.count(one)) for one in (Severity.OPEN, Severity.DEMONSTRATION))


def order(one: Shown) -> tuple[bool, str]:
    """Treated first, then by code."""
    return (not one.standing.sessions, one.participant.code)


def overview(user: Any, *, page: int = 1, everybody: bool = False) -> dict[str, Any]:
    """Context of the page.

    Parameters
    ----------
    everybody
        Whether the untreated have lanes too.
    """
    trial, now = the_trial(), trial_now()
    assert trial.in_force is not None, "a trial has a protocol from its set-up on"
    protocol = protocol_of(trial.in_force)
    sees = may(user, "participants.view")
    people = shown(participants_of(user)) if sees else []
    gates = gate_states([one.standing for one in people], protocol, now)
    row = latest_computation()
    computed = row.computation if row is not None else None
    briefs = briefs_of(computed.pk) if computed is not None and may(user, "doses.view") else {}
    blind = hidden_records(user).participants if briefs else frozenset()
    categories = {code: brief.category for code, brief in briefs.items() if code not in blind}
    lanes = sorted((one for one in people if everybody or one.standing.sessions), key=order)
    pages = max(-(-len(lanes) // LANES), 1)
    page = min(max(page, 1), pages)
    late = overdue(people, now)
    population = protocol.population.reading
    registered = state_now(now.date())
    plan = registered.history.current.record.recruitment if registered is not None else None
    unreported = owed_reports([one.participant for one in people], now) if people else []
    unsent = sum(1 for one in unreported if one.report.state == "overdue")
    context = {
        "sees": sees, "now": now, "counts": _counts(people), "late": late[:8], "late_count": len(late),
        "unreported": unreported, "unsent_count": unsent, "overdue_count": len(late) + unsent,
        "waiting": [Waiting(*_split(key)) for key, state in sorted(gates.items()) if state == "waiting"],
        "queries": _queries(user), "everybody": everybody, "pages": range(1, pages + 1), "page_number": page,
        "picture": _picture(lanes[(page - 1) * LANES : page * LANES], gates, categories, now),
        "curve": recruitment(people, now.date(), population.sample_size if population else 1, plan) if sees else None,
        "computed": computed, "bars": bars(briefs, frozenset(one.participant.code for one in people)),
        "sees_doses": may(user, "doses.view"), "conflicts": conflicts(trial.in_force),
        "sees_endpoint": may(user, "endpoint.view"), "renewals": [one for one in people if one.renewal],
        "registration": registration_brief(registered) if may(user, "registration.view") else None,
    }  # fmt: skip
    if context["sees_endpoint"] and computed is not None:
        context["endpoint"] = endpoint_of(computed.pk)
    return context


def _picture(
    lanes: Sequence[Shown], gates: Mapping[str, str], categories: Mapping[str, str], now: datetime
) -> Swimmer | None:
    if not lanes:
        return None
    return swimmer(lanes, gates, categories, now)


def _split(key: str) -> tuple[str, int]:
    code, _slash, session = key.rpartition("/")
    return code, int(session)


def overdue(people: Sequence[Shown], now: datetime) -> list[Overdue]:
    """Everything overdue, the longest first."""
    known = titles()
    found = [
        Overdue(
            one.participant.code,
            known.get((item.kind, item.id), item.id),
            item.session,
            item.last_day,
            (now.date() - item.last_day).days,
        )
        for one in people
        for item in one.standing.of("overdue", now)
        if item.last_day is not None
    ]
    return sorted(found, key=lambda one: (-one.days, one.code))


def _counts(people: Sequence[Shown]) -> dict[str, int]:
    ended = [one for one in people if one.standing.ended is not None]
    return {
        "screened": len(people),
        "consented": sum(1 for one in people if one.standing.consents),
        "treated": sum(1 for one in people if one.standing.sessions),
        "sessions": sum(len(one.standing.sessions) for one in people),
        "ended": sum(1 for one in ended if one.standing.sessions),
        "failed": sum(1 for one in ended if one.treatment.key == "screen_failure"),
    }


def _queries(user: Any) -> int | None:
    if not may(user, "queries.view"):
        return None
    return Query.objects.filter(state__in=("open", "answered"), site__in=sites_of(user, "queries.view")).count()
