"""What a trial's records say that a registry asks for: days, counts, centres, as of a moment.

No table of a trial folder holds the decision to take somebody into the trial. Who was given the therapy product was
taken in; a caller who knows of signed decisions names those persons too (`included`). A person still in screening, or
who failed it, is screened and not enrolled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from theratrial.protocol.schema import Protocol, Visit
from theratrial.registry.trial_facts import Fact, TrialFacts
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.withdrawals import ENDS_SESSIONS, ENDS_VISITS

_LEFT: Final = frozenset({"completed", "withdrawal", "death", "lost_to_follow_up"})
"""Dispositions after which nobody is followed; the others end the treatment and leave the visits due."""
_TREATMENT_OVER: Final = frozenset({"gate_stop", "progression"})


@dataclass(slots=True)
class _Person:
    """What counts of one participant, of lines dated until the moment."""

    consented_on: date | None = None
    sessions: dict[int, date] = field(default_factory=dict)
    first_given: date | None = None
    last_given: date | None = None
    last_seen: tuple[date, str] | None = None
    """Last day on which she was seen, and the table that says so."""
    assessed_on: date | None = None
    assessed_by: str = ""
    visits: set[tuple[str, int | None]] = field(default_factory=set)
    missed: list[tuple[str, int | None]] = field(default_factory=list)
    left: bool = False
    treatment_over: bool = False

    def seen(self, day: date, table: str) -> None:
        if self.last_seen is None or day > self.last_seen[0]:
            self.last_seen = (day, table)

    def assessed(self, day: date, table: str) -> None:
        if self.assessed_on is None or day > self.assessed_on:
            self.assessed_on, self.assessed_by = day, table


def trial_facts(
    folder: TrialFolder,
    *,
    as_of: datetime,
    included: Collection[str] = (),
    site_names: Mapping[str, str] | None = None,
    stopped_early: bool = False,
    data_locked: bool | None = None,
) -> TrialFacts:
    """The state of a trial by its records; lines dated after `as_of` do not count.

    Assumes that a line became true on the day it states: when it was typed in is not known to a folder.

    Parameters
    ----------
    as_of
        The moment, aware; days are those of the trial's time zone.
    included
        Participants whom a signed decision took into the trial by `as_of`, treated or not yet.
    site_names
        Id of a centre -> its name; an id without a name stands for itself.
    stopped_early
        What no record table says and the caller may know.
    data_locked
        None: as the folder says of the day on which it was written; while lines are dated later, it does not hold yet.

    Returns
    -------
    TrialFacts
        The last visit is the last day on which an enrolled participant was visited, examined or given a product; the
        primary outcome is assessed on the day of the endpoint's visit or of its image.
    """
    moment = as_of.astimezone(folder.zone)
    today = moment.date()
    people = _people(folder, moment, today)
    enrolled = {code: one for code, one in people.items() if one.first_given is not None or code in included}
    consents = [(one.consented_on, "consents", code) for code, one in enrolled.items() if one.consented_on]
    given = [(one.first_given, "administrations", code) for code, one in enrolled.items() if one.first_given]
    last_given = [(one.last_given, "administrations", code) for code, one in enrolled.items() if one.last_given]
    seen = [(*one.last_seen, code) for code, one in enrolled.items() if one.last_seen]
    assessed = [(one.assessed_on, one.assessed_by, code) for code, one in enrolled.items() if one.assessed_on]
    visits = {key: one.reading for key, one in folder.protocol.schedule.items() if one.reading is not None}
    population = folder.protocol.population.reading
    return TrialFacts(
        as_of=today,
        first_consent=_first(consents),
        last_enrolment=_last(consents),
        first_administration=_first(given),
        last_administration=_last(last_given),
        last_visit=_last(seen),
        last_primary_outcome=_last(assessed),
        screened=len(people),
        enrolled=len(enrolled),
        treated=len(given),
        assessed=len(assessed),
        in_treatment_or_follow_up=sum(not _ended(one, visits, today) for one in enrolled.values()),
        target_sample_size=population.sample_size if population else None,
        stopped_early=stopped_early,
        data_locked=folder.locked and not _goes_on(folder, moment) if data_locked is None else data_locked,
        sites=_sites(folder, enrolled, site_names or {}),
        simulated=folder.simulated,
    )


def _people(folder: TrialFolder, moment: datetime, today: date) -> dict[str, _Person]:
    """Everybody screened by then, with the lines that count."""
    people: dict[str, _Person] = {}
    for row in folder.tables["participants"]:
        values = row.values
        screened_on: Any = values["screened_on"]
        if screened_on is None or screened_on <= today:
            people[str(values["participant_id"])] = _Person()
    _consents(folder, people, moment)
    _visits(folder, people, today)
    _administrations(folder, people, moment)
    for row in folder.tables["dispositions"]:
        one, day = people.get(str(row.values["participant_id"])), _day(row.values["occurred_on"])
        if one is not None and day is not None and day <= today:
            one.left = one.left or row.values["event"] in _LEFT
            one.treatment_over = one.treatment_over or row.values["event"] in _TREATMENT_OVER
    return people


def _consents(folder: TrialFolder, people: Mapping[str, _Person], moment: datetime) -> None:
    for row in folder.tables["consents"]:
        one, signed = people.get(str(row.values["participant_id"])), row.values["signed_at"]
        if one is not None and isinstance(signed, datetime) and signed <= moment:
            day = signed.date()
            one.consented_on = day if one.consented_on is None else min(one.consented_on, day)
    for row in (*folder.tables["consents"], *folder.tables["withdrawals"]):
        at = row.values["withdrawn_at"]
        one = people.get(str(row.values["participant_id"])) if at is not None else None
        if one is not None and isinstance(at, datetime) and at <= moment:
            kind = row.values["withdrawal_kind"] or "all"
            one.left = one.left or kind in ENDS_VISITS
            one.treatment_over = one.treatment_over or kind in ENDS_SESSIONS


def _administrations(folder: TrialFolder, people: Mapping[str, _Person], moment: datetime) -> None:
    therapy, response = _therapy_products(folder.protocol), _response_image(folder.protocol)
    for row in folder.tables["administrations"]:
        values = row.values
        one, at = people.get(str(values["participant_id"])), values["injected_at"]
        if one is None or not isinstance(at, datetime) or at > moment:
            continue
        day = at.date()
        one.seen(day, "administrations")
        if values["product_id"] in therapy:
            one.first_given = day if one.first_given is None else min(one.first_given, day)
            one.last_given = day if one.last_given is None else max(one.last_given, day)
            if isinstance(values["session"], int):
                one.sessions[values["session"]] = day
        elif response is not None and (values["product_id"], values["timepoint"]) == response[1:]:
            one.assessed(day, "administrations")


def _visits(folder: TrialFolder, people: Mapping[str, _Person], today: date) -> None:
    endpoint, image = folder.protocol.endpoint.reading, _response_image(folder.protocol)
    primary = {endpoint.visit} if endpoint else set()
    primary |= {image[0]} if image else set()
    for row in folder.tables["visits"]:
        values = row.values
        one = people.get(str(values["participant_id"]))
        if one is None:
            continue
        key: Any = (values["visit_id"], values["session"])
        day = _day(values["occurred_on"])
        if values["status"] == "missed":
            one.missed.append(key)
        elif day is not None and day <= today:
            one.visits.add(key)
            one.seen(day, "visits")
            if values["visit_id"] in primary:
                one.assessed(day, "visits")
    for row in folder.tables["examinations"]:
        one, day = people.get(str(row.values["participant_id"])), _day(row.values["examined_on"])
        if one is not None and day is not None and day <= today:
            one.seen(day, "examinations")


def _goes_on(folder: TrialFolder, moment: datetime) -> bool:
    """Whether anything is dated later."""
    given = (row.values["injected_at"] for row in folder.tables["administrations"])
    days = (row.values["occurred_on"] for table in ("visits", "dispositions") for row in folder.tables[table])
    return any(isinstance(at, datetime) and at > moment for at in given) or any(
        (day := _day(one)) is not None and day > moment.date() for one in days
    )


def _therapy_products(protocol: Protocol) -> frozenset[str]:
    return frozenset(key for key, one in protocol.products.items() if one.reading and one.reading.role == "therapy")


def _response_image(protocol: Protocol) -> tuple[str, str, str] | None:
    """Id, product and time point of the image that the primary outcome is read from."""
    rule = protocol.response.reading
    clause = protocol.imaging.get(rule.imaging_response) if rule else None
    if rule is None or clause is None or clause.reading is None:
        return None
    return rule.imaging_response, clause.reading.product, clause.reading.timepoint


def _ended(one: _Person, visits: Mapping[str, Visit], today: date) -> bool:
    """Whether nothing more is expected of her: she left, or her treatment is over and every visit is recorded."""
    if one.left or not one.treatment_over:
        return one.left
    for key, visit in visits.items():
        if visit.anchor == "screening":
            continue
        for session in sorted(one.sessions) if visit.per_session else [None]:
            if (key, session) not in one.visits and not _missed(one, key, session, visit, today):
                return False
    return True


def _missed(one: _Person, key: str, session: int | None, visit: Visit, today: date) -> bool:
    """Whether a visit is recorded as missed, and its window is over: such a line bears no date of its own."""
    if (key, session) not in one.missed:
        return False
    anchors = {"administration": one.sessions.get(session or 0), "last_administration": one.last_given}
    start = anchors.get(visit.anchor) or one.last_given
    return start is None or start + timedelta(days=visit.window_days.maximum) <= today


def _sites(folder: TrialFolder, enrolled: Collection[str], names: Mapping[str, str]) -> tuple[str, ...]:
    found = {
        str(row.values["site_id"])
        for row in folder.tables["participants"]
        if row.values["participant_id"] in enrolled and row.values["site_id"]
    }
    return tuple(names.get(one, one) for one in sorted(found))


def _day(value: object) -> date | None:
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else None


def _fact(found: tuple[date, str, str]) -> Fact:
    day, table, code = found
    return Fact(day, f"{table}: {code}, {day.isoformat()}")


def _first(found: Iterable[tuple[date, str, str]]) -> Fact | None:
    listed = list(found)
    return _fact(min(listed, key=lambda one: (one[0], one[2]))) if listed else None


def _last(found: Iterable[tuple[date, str, str]]) -> Fact | None:
    listed = list(found)
    return _fact(max(listed, key=lambda one: (one[0], one[2]))) if listed else None
