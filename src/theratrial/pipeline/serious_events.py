"""Serious adverse events and pregnancies of one participant, with the clock of their reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from theratrial.pipeline.context import Context
from theratrial.pipeline.expedited import expedited_of, is_fatal, to_the_authority_alone
from theratrial.protocol.plans.toxicity import SeriousEvents
from theratrial.results.toxicity import Contraception, Expedited, Pregnancy, SeriousEvent, SeriousReport
from theratrial.results.values import Note, ParticipantResult
from theratrial.safety.adverse.clock import ReportClock, report_clock
from theratrial.safety.adverse.consistency import event_problems, seriousness_problems
from theratrial.safety.adverse.pregnancy import contraception_until, exposure
from theratrial.safety.adverse.terms import EVENT_TABLES, as_written, event_term
from theratrial.trace import Trace
from theratrial.trialfolder.records import Row, TrialFolder

_CLAUSE = "serious_events"


@dataclass(frozen=True, slots=True)
class _Listing:
    """What all lines of one participant's listing share."""

    folder: TrialFolder
    participant_id: str
    now: datetime
    plan: SeriousEvents | None
    demonstration: tuple[str, ...]

    @property
    def clause(self) -> dict[str, str]:
        return {"clause": f"protocol:{_CLAUSE}"} if self.folder.protocol.serious_events is not None else {}

    def trace(self, method: str, inputs: dict[str, str]) -> Trace:
        demonstration = self.demonstration if self.plan is not None else ()
        return Trace(method, "1", {**inputs, **self.clause}, demonstration=demonstration)


def serious_plan(folder: TrialFolder) -> SeriousEvents | None:
    """The protocol's reading of serious events; None where it has none."""
    clause = folder.protocol.serious_events
    return clause.reading if clause is not None else None


def serious_events(
    folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> tuple[SeriousEvent, ...]:
    """The lines of the listing of serious adverse events, by first day and term; what is odd is noted."""
    found = serious_events_at(folder, result.participant_id, context.cut_off, context.resting_on(_CLAUSE))
    for one in found:
        place = f"serious event {one.term}, {one.started_on}"
        notes += [Note(result.participant_id, "warning", place, text) for text in one.missing]
        notes += _clock_notes(result.participant_id, place, one.reports)
        notes += _expedited_notes(result.participant_id, place, one.expedited)
    notes += [
        Note(result.participant_id, "warning", "report of a serious event", text)
        for text in unmatched_reports(folder, result.participant_id)
    ]
    return found


def pregnancies(
    folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> tuple[Pregnancy, ...]:
    """Pregnancies that became known, with exposure and the clock of their reports."""
    found = pregnancies_at(folder, result.participant_id, context.cut_off, context.resting_on(_CLAUSE))
    for one in found:
        place = f"pregnancy of the {one.whose}"
        notes += [Note(result.participant_id, "warning", place, text) for text in one.missing]
        notes += _clock_notes(result.participant_id, place, (one.report,))
    return found


def contraception(folder: TrialFolder, result: ParticipantResult, context: Context) -> Contraception | None:
    """Until when the participant needs contraception; None where nothing was given or no clause asks for it."""
    plan = serious_plan(folder)
    given = [(row["injected_at"].date(), row) for row in _given(folder, result.participant_id)]
    if plan is None or plan.contraception_months is None or not given:
        return None
    day, row = max(given, key=lambda one: one[0])
    months = plan.contraception_months
    until = contraception_until(day, months)
    listing = _Listing(folder, result.participant_id, context.cut_off, plan, context.resting_on(_CLAUSE))
    because = f"{months:g} months after the last administration on {day.isoformat()}"
    return Contraception(day, months, until, because, listing.trace("safety.contraception", {"last": row.source}))


def _clock_notes(participant_id: str, place: str, reports: Sequence[SeriousReport]) -> list[Note]:
    severities = {"late": "deviation", "overdue": "deviation", "not_known": "warning"}
    return [
        Note(
            participant_id,
            "deviation" if severities[one.state] == "deviation" else "warning",
            place,
            f"report to {one.recipient or 'nobody named'}: {one.because}",
        )
        for one in reports
        if one.state in severities
    ]


def _expedited_notes(participant_id: str, place: str, expedited: Expedited | None) -> list[Note]:
    """An undetermined case is a warning, and its reports are judged as those of a due one."""
    if expedited is None or expedited.verdict == "not_due":
        return []
    notes = _clock_notes(participant_id, f"{place}, within days", expedited.reports)
    if expedited.verdict == "undetermined":
        notes.insert(0, Note(participant_id, "warning", f"{place}, within days", f"undetermined: {expedited.because}"))
    return notes


def _given(folder: TrialFolder, participant_id: str) -> list[Row]:
    return [row for row in folder.rows("administrations", participant_id=participant_id) if row["injected_at"]]


def _same_event(row: Row) -> tuple[str, date | None]:
    return as_written(row["term"] or ""), row["started_on"]


def unmatched_reports(folder: TrialFolder, participant_id: str) -> tuple[str, ...]:
    """Reports of an event that is not recorded, or not as serious, in words."""
    events = {_same_event(row): row for row in folder.rows("adverse_events", participant_id=participant_id)}
    found = []
    for row in folder.rows("serious_reports", participant_id=participant_id):
        event = events.get(_same_event(row))
        if event is None:
            found.append(f"a report names {row['term']!r} of {row['started_on']}, which is no recorded adverse event")
        elif event["serious"] is False:
            found.append(f"{row['term']} of {row['started_on']} was reported, but is recorded as not serious")
    return tuple(dict.fromkeys(found))


def serious_events_at(
    folder: TrialFolder, participant_id: str, now: datetime, demonstration: tuple[str, ...] = ()
) -> tuple[SeriousEvent, ...]:
    """The listing as it stands at a moment.

    An event of which nobody recorded whether it is serious is on it, and a fatal one whatever is recorded.
    """
    listing = _Listing(folder, participant_id, now, serious_plan(folder), demonstration)
    events = folder.rows("adverse_events", participant_id=participant_id)
    rows = [row for row in events if row["serious"] is not False or is_fatal(row)]
    rows.sort(key=lambda row: (row["started_on"] or date.min, as_written(row["term"] or ""), row.line))
    return tuple(_serious_event(listing, row) for row in rows)


def _serious_event(listing: _Listing, row: Row) -> SeriousEvent:
    wanted = _same_event(row)
    reported = [
        one
        for one in listing.folder.rows("serious_reports", participant_id=listing.participant_id)
        if _same_event(one) == wanted
    ]
    reported.sort(key=lambda one: (one["became_aware_at"] is None, one["became_aware_at"] or listing.now, one.line))
    version = row["ctcae_version"] or ""
    term = event_term(row["term"] or "", version) if version in EVENT_TABLES else None
    session, days = _since_session(listing, row["started_on"])
    inputs = {"event": row.source, **{f"report {n}": one.source for n, one in enumerate(reported, 1)}}
    trace = listing.trace("safety.serious_event", inputs)
    if term is not None:
        trace = replace(trace, inputs={**trace.inputs, "term": term.source})
    return SeriousEvent(
        term=row["term"] or "",
        system_organ_class=term.system_organ_class if term else "",
        ctcae_version=version,
        grade=row["grade"],
        started_on=row["started_on"],
        ended_on=row["ended_on"],
        days_after_last_session=days,
        session=session,
        seriousness=row["seriousness"] or "",
        related=row["related"] or "",
        expected=next((one["expected"] for one in reversed(reported) if one["expected"]), ""),
        action_taken=row["action_taken"] or "",
        outcome=row["outcome"] or "",
        narrative=_narrative(listing, reported),
        comment=row["comment"] or "",
        reports=_reports(listing, row, reported),
        missing=_missing(listing, row, reported),
        trace=trace,
        expedited=_expedited(listing, row, reported),
    )


def _expedited(listing: _Listing, row: Row, reported: Sequence[Row]) -> Expedited | None:
    if listing.plan is None:
        return None
    trace = listing.trace("safety.serious_report", {"event": row.source})
    return expedited_of(listing.folder, row, reported, listing.plan, listing.now, trace)


def _narrative(listing: _Listing, reported: Sequence[Row]) -> str:
    """What the reports tell, the first first, a text sent to several once; with its day where more than one tells."""
    texts: dict[str, datetime | None] = {}
    for one in reported:
        if one["narrative"]:
            texts.setdefault(one["narrative"], one["became_aware_at"])
    told = [(at, text) for text, at in texts.items()]
    if len(told) == 1:
        return told[0][1]
    days = [(at.astimezone(listing.folder.zone).date().isoformat() if at else "no day", text) for at, text in told]
    return " ".join(f"{day}: {text}" for day, text in days)


def _since_session(listing: _Listing, started_on: date | None) -> tuple[int | None, int | None]:
    """(session, days since it) of the last session on or before a day."""
    given = [
        (row["injected_at"].date(), row["session"])
        for row in _given(listing.folder, listing.participant_id)
        if row["session"] is not None and started_on is not None and row["injected_at"].date() <= started_on
    ]
    if not given or started_on is None:
        return None, None
    day, session = max(given)
    return session, (started_on - day).days


def _reports(listing: _Listing, event: Row, reported: Sequence[Row]) -> tuple[SeriousReport, ...]:
    """Every recorded report, then the initial ones that are owed to a recipient of whom none is recorded."""
    first = _first_aware(reported)
    hours = [row for row in reported if not to_the_authority_alone(listing.plan, row["recipient"])]
    found = [_recorded(listing, event, row, first) for row in hours]
    told = {as_written(row["recipient"] or "") for row in reported if row["report"] == "initial"}
    aware = first["became_aware_at"] if first is not None else None
    for recipient in listing.plan.recipients if listing.plan is not None else ():
        if as_written(recipient) not in told:
            clock = _clock(listing, event, aware, None, initial=True)
            trace = listing.trace("safety.serious_report", {"event": event.source})
            found.append(_report("initial", recipient, aware, None, clock, trace))
    return tuple(found)


def _first_aware(reported: Sequence[Row]) -> Row | None:
    """The report that names the earliest moment of becoming aware."""
    known = [row for row in reported if row["became_aware_at"]]
    return min(known, key=lambda row: (row["became_aware_at"], row.line), default=None)


def _recorded(listing: _Listing, event: Row, row: Row, first: Row | None) -> SeriousReport:
    """A recorded report. The investigator becomes aware once: every initial report is due from the earliest moment."""
    initial = row["report"] == "initial"
    by = first if initial and first is not None else row
    aware = by["became_aware_at"]
    clock = _clock(listing, event, aware, row["sent_at"], initial=initial)
    inputs = {"event": event.source, "report": row.source}
    if aware != row["became_aware_at"]:
        inputs["aware"] = by.source
        own = row["became_aware_at"]
        said = own.astimezone(listing.folder.zone).strftime("%Y-%m-%d %H:%M") if own else "nothing"
        because = f"{clock.because}; its own line says {said} of becoming aware, an earlier report rules"
        clock = replace(clock, because=because)
    trace = listing.trace("safety.serious_report", inputs)
    return _report(row["report"] or "", row["recipient"] or "", aware, row["sent_at"], clock, trace)


def _clock(
    listing: _Listing, event: Row, aware: datetime | None, sent: datetime | None, *, initial: bool
) -> ReportClock:
    within = listing.plan.report_within_h if listing.plan is not None and initial else None
    return report_clock(
        became_aware_at=aware, sent_at=sent, now=listing.now, within_h=within, not_before=event["started_on"]
    )


def _report(
    kind: str, recipient: str, aware: datetime | None, sent: datetime | None, clock: ReportClock, trace: Trace
) -> SeriousReport:
    return SeriousReport(kind, recipient, aware, clock.due_at, sent, clock.state, clock.because, trace)


def _missing(listing: _Listing, row: Row, reported: Sequence[Row]) -> tuple[str, ...]:
    criteria = listing.plan.criteria if listing.plan is not None else ()
    found = [*event_problems(row), *seriousness_problems(row, criteria)]
    if row["serious"] is False:
        found.append("it was fatal, which is serious, and is recorded as not serious")
    if len({one["became_aware_at"] for one in reported if one["report"] == "initial"}) > 1:
        found.append("initial reports name different moments of becoming aware; the earliest counts")
    if not reported:
        found.append("no report is recorded")
    elif not any(
        one["sent_at"]
        for one in reported
        if one["report"] == "initial" and not to_the_authority_alone(listing.plan, one["recipient"])
    ):
        found.append("no initial report was sent")
    if listing.plan is None:
        found.append("the protocol does not say to whom and how soon a serious event is reported")
    else:
        known = {as_written(one) for one in (*listing.plan.recipients, *listing.plan.expedited.recipients)}
        odd = [one["recipient"] for one in reported if as_written(one["recipient"] or "") not in known]
        found += [f"{one!r} is no recipient of the protocol" for one in dict.fromkeys(odd)]
    if reported and not any(one["expected"] for one in reported):
        found.append("whether it was expected is not recorded")
    ends = {one["event"] for one in listing.folder.rows("dispositions", participant_id=listing.participant_id)}
    if row["outcome"] == "fatal" and ends and "death" not in ends:
        found.append("the event was fatal, but the participant's end in the trial is not death")
    return tuple(found)


def pregnancies_at(
    folder: TrialFolder, participant_id: str, now: datetime, demonstration: tuple[str, ...] = ()
) -> tuple[Pregnancy, ...]:
    """Pregnancies as they stand at a moment, in order of becoming aware."""
    listing = _Listing(folder, participant_id, now, serious_plan(folder), demonstration)
    rows = sorted(
        folder.rows("pregnancies", participant_id=participant_id),
        key=lambda row: (row["became_aware_at"] is None, row["became_aware_at"] or now, row.line),
    )
    return tuple(_pregnancy(listing, row) for row in rows)


def _pregnancy(listing: _Listing, row: Row) -> Pregnancy:
    plan = listing.plan
    given = _given(listing.folder, listing.participant_id)
    clock = report_clock(
        became_aware_at=row["became_aware_at"],
        sent_at=row["sent_at"],
        now=listing.now,
        within_h=plan.pregnancy_report_within_h if plan is not None else None,
        not_before=row["conceived_on"],
    )
    trace = listing.trace("safety.pregnancy_report", {"pregnancy": row.source})
    whose = row["whose"] or ""
    recipient = row["recipient"] or ", ".join(plan.recipients if plan is not None else ())
    report = _report(whose, recipient, row["became_aware_at"], row["sent_at"], clock, trace)
    inputs = {"pregnancy": row.source, **{f"administration {n}": one.source for n, one in enumerate(given, 1)}}
    return Pregnancy(
        whose=whose,
        conceived_on=row["conceived_on"],
        exposure=exposure(
            row["conceived_on"],
            [one["injected_at"].date() for one in given],
            plan.contraception_months if plan is not None else None,
        ),
        outcome=row["outcome"] or "",
        report=report,
        missing=_missing_of_pregnancy(row),
        trace=listing.trace("safety.pregnancy", inputs),
    )


def _missing_of_pregnancy(row: Row) -> tuple[str, ...]:
    found = []
    if row["conceived_on"] is None:
        found.append("the presumed day of conception is not recorded")
    if row["sent_at"] is not None and not row["recipient"]:
        found.append("it was reported, but to whom is not recorded")
    if row["outcome"] in (None, "not_known"):
        found.append("how it ended, or that it goes on, is not recorded")
    return tuple(found)
