"""One participant's time to event: its origin, its event or where observation ended, each with its record.

The order of sources, ties and contradictions is in docs/methods/survival.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from theratrial.pipeline.intercurrent import assessed_on, deaths, first_therapy_on
from theratrial.protocol.plans.analysis import SurvivalPlan
from theratrial.protocol.schema import Endpoint
from theratrial.results.places import entry_label, participant_place, session_place
from theratrial.results.plain import plain
from theratrial.results.values import ParticipantResult
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.withdrawals import ENDS_DATA_USE, ENDS_VISITS, standing_withdrawals


@dataclass(frozen=True, slots=True)
class Dated:
    """Something that happened on a day, in words, with where it stands."""

    on: date
    said: str
    record: str


@dataclass(frozen=True, slots=True)
class PersonTime:
    """A time to event or to the end of observation, in days, with its reason and its records."""

    days: int
    event: bool
    because: str
    origin: Dated
    end: Dated


def person_time(
    folder: TrialFolder, result: ParticipantResult, plan: SurvivalPlan, endpoint: Endpoint
) -> PersonTime | str:
    """Her time under the plan, or why she has none: no origin, or dates that cannot all be true."""
    origin = _origin(folder, result, plan, endpoint)
    if isinstance(origin, str):
        return origin
    wrong = _contradiction(folder, result, origin)
    if wrong:
        return wrong
    if "new_anticancer_therapy" in plan.censored_at:
        for row in folder.rows("later_therapy", participant_id=result.participant_id):
            if row["started_on"] < origin.on:
                return f"{row['agent']} began on {row['started_on']}, before the {origin.said}: nothing to count from"
    happened = min((one for kind in plan.events for one in _events(folder, result, kind)), key=_day, default=None)
    if happened is not None and happened.on < origin.on:
        return f"{happened.said}, before the {origin.said}: both cannot be true"
    cut = min((one for kind in plan.censored_at for one in _cuts(folder, result, kind, origin)), key=_day, default=None)
    # On one day the event comes first: a treatment that begins when the disease progressed was given for that.
    if happened is not None and (cut is None or happened.on <= cut.on):
        return _time(origin, happened, event=True, said=happened.said)
    if cut is not None:
        return _time(origin, cut, event=False, said=f"censored: {cut.said}")
    last = _last_seen(folder, result, plan, origin)
    return _time(origin, last, event=False, said=f"censored: {last.said}")


def _time(origin: Dated, end: Dated, *, event: bool, said: str) -> PersonTime:
    return PersonTime((end.on - origin.on).days, event, f"{said}; counted from the {origin.said}", origin, end)


def _day(one: Dated) -> date:
    return one.on


def _origin(folder: TrialFolder, result: ParticipantResult, plan: SurvivalPlan, endpoint: Endpoint) -> Dated | str:
    place = participant_place(result.participant_id)
    if plan.origin == "enrolment":
        rows = folder.rows("consents", participant_id=result.participant_id)
        first = min(rows, key=lambda row: row["signed_at"], default=None)
        if first is None:
            return "no consent is recorded, so there is no day of enrolment"
        on = _local(folder, first["signed_at"])
        return Dated(on, f"consent of {on}", first.source)
    if plan.origin == "first_administration":
        began = first_therapy_on(folder, result)
        if began is None:
            return "not treated, so there is no first administration"
        return Dated(
            began,
            f"first administration of {began}",
            f"value:{session_place(result.participant_id, result.sessions[0].session)}.injected_at",
        )
    on_image = assessed_on(folder, result)
    response = result.response
    if on_image is None or response is None or response.category not in endpoint.counted_categories:
        what = "no response was assessed" if on_image is None or response is None else f"response {response.category}"
        return f"{what}, so there is no first response to count from"
    return Dated(on_image, f"response {response.category} of {on_image}", f"value:{place}.response")


def _contradiction(folder: TrialFolder, result: ParticipantResult, origin: Dated) -> str:
    died = deaths(folder, result.participant_id)
    for on, said, _ in died:
        if on < origin.on:
            return f"{said}, before the {origin.said}: both cannot be true"
    known = [on for on, said, _ in died if said.startswith("died on")]
    if len(set(known)) > 1:
        return f"two days of death are recorded, {' and '.join(str(one) for one in sorted(set(known)))}"
    if known and min(on for on, _, _ in died) < known[0]:
        return f"died on {known[0]}, but was reported dead on {min(on for on, _, _ in died)}: both cannot be true"
    latest = max(_contacts(folder, result), key=_day, default=None)
    # Whoever is heard of as dead on a day may have died on any day before: only contact after the report contradicts.
    first_death = min(died, key=lambda one: one[0], default=None)
    if first_death is not None and latest is not None and latest.on > first_death[0]:
        return f"{first_death[1]}, but {latest.said}: both cannot be true"
    return ""


def _events(folder: TrialFolder, result: ParticipantResult, kind: str) -> Iterator[Dated]:
    place = participant_place(result.participant_id)
    if kind == "death":
        yield from (Dated(on, said, record) for on, said, record in deaths(folder, result.participant_id))
    elif kind == "dose_limiting_toxicity":
        found = result.toxicity.limiting
        if found is not None and found.verdict == "yes" and found.on is not None:
            yield Dated(found.on, f"dose-limiting toxicity on {found.on}", f"value:{place}.toxicity.limiting")
    else:
        yield from _progressions(folder, result)


def _progressions(folder: TrialFolder, result: ParticipantResult) -> Iterator[Dated]:
    """In the order in which one is named where two fall on one day."""
    place = participant_place(result.participant_id)
    for index, criteria in enumerate(result.criteria.criteria):
        if criteria.criteria != "recist_1_1":
            continue
        for one in criteria.assessments:
            if one.category == "PD" and one.on is not None and one.reader in ("", criteria.reader):
                label = _criteria_label(result, index)
                yield Dated(one.on, f"progression by RECIST 1.1 on {one.on}", f"value:{place}.criteria.criteria{label}")
    on_image = assessed_on(folder, result)
    if on_image is not None and result.response is not None and result.response.category == "PD":
        yield Dated(on_image, f"progression by {result.response.rule_name} on {on_image}", f"value:{place}.response")
    for row in folder.rows("follow_up", participant_id=result.participant_id, disease="progressed"):
        yield Dated(row["seen_on"], f"progression told on {row['seen_on']}", row.source)
    for row in folder.rows("dispositions", participant_id=result.participant_id, event="progression"):
        yield Dated(row["occurred_on"], f"ended by progression on {row['occurred_on']}", row.source)


def _criteria_label(result: ParticipantResult, index: int) -> str:
    return entry_label(plain(result.criteria.criteria[index]), index)


def _cuts(folder: TrialFolder, result: ParticipantResult, kind: str, origin: Dated) -> Iterator[Dated]:
    """What ends observation before its natural end."""
    if kind == "new_anticancer_therapy":
        for row in folder.rows("later_therapy", participant_id=result.participant_id):
            if row["started_on"] >= origin.on:
                yield Dated(row["started_on"], f"{row['agent']} began on {row['started_on']}", row.source)
    elif kind == "withdrawal":
        for one in standing_withdrawals(folder, result.participant_id):
            on = _local(folder, one.withdrawn_at)
            if one.kind in ENDS_VISITS | ENDS_DATA_USE and on >= origin.on:
                yield Dated(on, f"withdrew on {on}", one.source)


def _last_seen(folder: TrialFolder, result: ParticipantResult, plan: SurvivalPlan, origin: Dated) -> Dated:
    """Where observation ended of itself: at the last assessment where the plan says so, else at the last contact."""
    if "last_assessment" in plan.censored_at:
        seen = [one for one in _assessments(folder, result) if one.on >= origin.on]
        nothing = "no assessment of the disease after the origin, so nothing is known after it"
    else:
        seen = [one for one in _contacts(folder, result) if one.on >= origin.on]
        nothing = "no contact after the origin"
    return max(seen, key=_day, default=Dated(origin.on, nothing, origin.record))


def _assessments(folder: TrialFolder, result: ParticipantResult) -> Iterator[Dated]:
    place = participant_place(result.participant_id)
    on_image = assessed_on(folder, result)
    if on_image is not None:
        yield Dated(on_image, f"last assessed on {on_image}", f"value:{place}.response")
    for index, criteria in enumerate(result.criteria.criteria):
        if criteria.criteria == "recist_1_1":
            for one in criteria.assessments:
                if one.on is not None and one.category != "NE":
                    label = _criteria_label(result, index)
                    yield Dated(one.on, f"last assessed on {one.on}", f"value:{place}.criteria.criteria{label}")
    for row in folder.rows("follow_up", participant_id=result.participant_id):
        if row["disease"] in ("not_progressed", "progressed"):
            yield Dated(row["seen_on"], f"last assessed on {row['seen_on']}", row.source)


def _contacts(folder: TrialFolder, result: ParticipantResult) -> Iterator[Dated]:
    """Days on which she was seen alive."""
    who = result.participant_id
    seen = [
        *((row["seen_on"], row) for row in folder.rows("follow_up", participant_id=who, status="alive")),
        *((row["occurred_on"], row) for row in folder.rows("visits", participant_id=who, status="done")),
        *((row["injected_at"], row) for row in folder.rows("administrations", participant_id=who)),
        *((row["collected_at"], row) for row in folder.rows("laboratory", participant_id=who)),
    ]
    for at, row in seen:
        if at is not None:
            on = _local(folder, at)
            yield Dated(on, f"last seen alive on {on}", row.source)
    for scan in result.pet_scans:
        if scan.acquired_at is not None:
            on = _local(folder, scan.acquired_at)
            yield Dated(on, f"last seen alive on {on}", f"value:{participant_place(who)}.pet_scans[{scan.imaging_id}]")


def _local(folder: TrialFolder, at: date | datetime) -> date:
    return at.astimezone(folder.zone).date() if isinstance(at, datetime) else at
