"""Radiation protection after each session of one participant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from theratrial.errors import InputError
from theratrial.nuclides import Nuclide, nuclide
from theratrial.pipeline.context import Context, product_reading
from theratrial.protocol.plans.protection import ProtectionPlan
from theratrial.reference import table
from theratrial.results.places import session_place
from theratrial.results.protection import ContactRestriction, DoseRatePoint, SessionProtection
from theratrial.results.values import Note, ParticipantResult, SessionResult
from theratrial.safety.protection.constant import COEFFICIENTS
from theratrial.safety.protection.contact import HOURS
from theratrial.safety.protection.curve import Interval
from theratrial.safety.protection.household import (
    CONSTRAINTS,
    KIND_WORDS,
    PUBLIC,
    SITUATIONS,
    HouseholdMember,
    contacts,
)
from theratrial.safety.protection.judged import METHOD, VERSION, Judged, JudgedContact, Situation, judged
from theratrial.safety.protection.readings import READING_SD_FRACTION, Reading
from theratrial.safety.protection.release import CRITERIA, ReleaseLimit, release_limit
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import Row, TrialFolder

_CLAUSE: Final = "radiation_protection"
_CURVE_h: Final = (0, 6, 12, 24, 36, 48, 72, 96, 120, 144, 168, 216, 264, 336, 408, 504, 672)
_Z_95: Final = 1.959964


def participant_protection(
    folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> tuple[SessionProtection, ...]:
    """Dose rates, release and restrictions, session by session; empty where the protocol says nothing of them."""
    clause = folder.protocol.radiation_protection
    if clause is None or clause.reading is None:
        return ()
    plan = clause.reading
    limit = _limit(plan)
    therapy = folder.protocol.sessions.reading
    assert therapy is not None  # the walk refuses a protocol without
    isotope = nuclide(product_reading(folder.protocol, therapy.product).nuclide)
    found = []
    for session in result.sessions:
        one = _session(folder, result.participant_id, session, plan, limit, isotope, context, therapy.maximum_sessions)
        found.append(_with_contraception(one, plan, session.injected_at, folder.zone))
        notes.extend(
            Note(result.participant_id, "warning", f"radiation protection after session {session.session}", remark)
            for remark in (*one.remarks, *((one.because,) if one.verdict == "undetermined" else ()))
        )
    return tuple(found)


def _limit(plan: ProtectionPlan) -> ReleaseLimit:
    """The criterion of the protocol; one that cannot be used is one without value, by which nobody leaves."""
    try:
        return release_limit(
            plan.release_limit, plan.own_limit_uSv_per_h, plan.own_limit_distance_m, plan.own_limit_citation
        )
    except InputError as error:
        return ReleaseLimit(
            plan.release_limit, str(error), "no_value", None, 1.0, 0.0, None, "none", "none", "not used"
        )


def _session(
    folder: TrialFolder,
    participant_id: str,
    session: SessionResult,
    plan: ProtectionPlan,
    limit: ReleaseLimit,
    isotope: Nuclide,
    context: Context,
    sessions: int,
) -> SessionProtection:
    number = session.session
    rows = sorted(
        folder.rows("dose_rates", participant_id=participant_id, session=number),
        key=lambda row: (row["measured_at"], row["distance_m"]),
    )
    leaving = folder.rows("discharges", participant_id=participant_id, session=number)
    household = folder.rows("household", participant_id=participant_id)
    trace = _trace(session, participant_id, plan, isotope, context, (*rows, *leaving, *household))
    discharged_at = leaving[0]["discharged_at"] if leaving else None
    try:
        situation = _situation(folder, session, plan, limit, isotope, rows, discharged_at, household, sessions)
    except InputError as error:
        return _undetermined(session.session, discharged_at, limit, str(error), trace)
    result = judged(situation)
    return _values(session, discharged_at, limit, result, trace, folder.zone)


def _situation(
    folder: TrialFolder,
    session: SessionResult,
    plan: ProtectionPlan,
    limit: ReleaseLimit,
    isotope: Nuclide,
    rows: Sequence[Row],
    discharged_at: datetime | None,
    household: Sequence[Row],
    sessions: int,
) -> Situation:
    administered = session.administered_activity_MBq.value
    if administered is None:
        raise InputError("the administered activity is not known")
    if discharged_at is not None and discharged_at < session.injected_at:
        raise InputError("the discharge lies before the administration -> correct its time")
    members = [HouseholdMember(str(row["member_id"]), row["kind"], bool(row["shares_bed"])) for row in household]
    local = session.injected_at.astimezone(folder.zone)
    return Situation(
        isotope=isotope,
        administered_MBq=administered,
        readings=tuple(_reading(row, session.injected_at) for row in rows),
        limit=limit,
        contacts=contacts(plan.constraints, members, sessions=sessions),
        injected_hour=local.hour + local.minute / 60 + local.second / 3600,
        discharged_h=None if discharged_at is None else _hours(session.injected_at, discharged_at),
        kinetics=plan.kinetics,
        whole_body_half_life_h=_whole_body(session),
        minimum_readings=plan.minimum_measurements,
        leaving_fraction=plan.attenuation_fraction,
        margin_fraction=plan.safety_margin_fraction,
    )


def _hours(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 3600


def _reading(row: Row, injected_at: datetime) -> Reading:
    return Reading(
        _hours(injected_at, row["measured_at"]),
        row["distance_m"],
        row["dose_rate_uSv_per_h"],
        row["background_uSv_per_h"],
        row.source,
    )


def _whole_body(session: SessionResult) -> tuple[float, float, float] | None:
    body = session.whole_body
    if body is None:
        return None
    found = body.effective_half_life_h
    if found.value is None or found.lower is None or found.upper is None or not math.isfinite(found.upper):
        return None
    return found.value, found.lower, found.upper


def _trace(
    session: SessionResult,
    participant_id: str,
    plan: ProtectionPlan,
    isotope: Nuclide,
    context: Context,
    rows: Sequence[Row],
) -> Trace:
    here = f"value:{session_place(participant_id, session.session)}"
    inputs = {
        "administered_activity": f"{here}.administered_activity_MBq",
        "injected_at": f"{here}.injected_at",
        "plan": f"protocol:{_CLAUSE}",
        "nuclide": isotope.source,
        "release_limit": _row_key(CRITERIA, plan.release_limit),
        "constraints": _row_key(CONSTRAINTS, plan.constraints),
        "situations": table(SITUATIONS).trace_key,
        "patterns": table(HOURS).trace_key,
        "coefficients": table(COEFFICIENTS).trace_key,
        "reading_sd_fraction": f"given:{READING_SD_FRACTION:g}, own choice of docs/methods/radiation_protection.md",
    }
    if plan.kinetics == "whole_body_counts" and session.whole_body is not None:
        inputs["whole_body"] = f"{here}.whole_body.effective_half_life_h"
    for index, row in enumerate(rows, 1):
        inputs[f"{row.table} {index}"] = row.source
    return Trace(METHOD, VERSION, inputs, demonstration=context.resting_on(_CLAUSE))


def _row_key(name: str, row_id: str) -> str:
    found = table(name)
    known = any(row_id in row.cells.values() for row in found)
    return f"{found.trace_key}#{row_id}" if known else found.trace_key


def _quantity(found: Interval, unit: str, trace: Trace, note: str = "") -> Quantity:
    return Quantity(found.value, unit, trace, found.lower, found.upper, note)


def _undetermined(
    session: int, discharged_at: datetime | None, limit: ReleaseLimit, why: str, trace: Trace
) -> SessionProtection:
    return SessionProtection(
        session=session,
        rates=(),
        curve=(),
        effective_half_life_h=Quantity(None, "h", trace, note=why),
        dose_rate_at_discharge_uSv_per_h=Quantity(None, "uSv/h", trace, note=why),
        discharged_at=discharged_at,
        limit_name=limit.limit_id,
        limit_text=limit.text,
        verdict="undetermined",
        because=why,
        may_leave_from_h=None,
        restrictions=(),
        trace=trace,
    )


def _values(
    session: SessionResult,
    discharged_at: datetime | None,
    limit: ReleaseLimit,
    result: Judged,
    trace: Trace,
    zone: tzinfo,
) -> SessionProtection:
    if result.fall is None:
        return _undetermined(session.session, discharged_at, limit, result.release.because, trace)
    curves, from_h = result.fall.curves, result.release.from_h
    return SessionProtection(
        session=session.session,
        rates=_points(result),
        curve=_curve(result),
        effective_half_life_h=_quantity(
            curves.interval(lambda curve: curve.slowest_half_life_h), "h", trace, result.fall.text
        ),
        dose_rate_at_discharge_uSv_per_h=_quantity(
            curves.interval(lambda curve: curve.rate(result.at_h)), "uSv/h", trace, f"at 1 m, at {result.at_h:.1f} h"
        ),
        discharged_at=discharged_at,
        limit_name=limit.limit_id,
        limit_text=limit.text,
        verdict=result.release.verdict,
        because=result.release.because,
        may_leave_from_h=None if from_h is None else _quantity(from_h, "h", trace),
        restrictions=tuple(_restriction(one, session.injected_at, result.at_h, trace, zone) for one in result.contacts),
        trace=trace,
        kinetics=result.fall.kinetics,
        kinetics_text=result.fall.text,
        judged_at_h=result.at_h,
        remarks=result.remarks,
    )


def _points(result: Judged) -> tuple[DoseRatePoint, ...]:
    return tuple(
        DoseRatePoint(
            one.hours_after,
            one.dose_rate_uSv_per_h,
            True,
            one.dose_rate_uSv_per_h * math.exp(-_Z_95 * one.relative_sd),
            one.dose_rate_uSv_per_h * math.exp(_Z_95 * one.relative_sd),
        )
        for one in result.rates
    )


def _curve(result: Judged) -> tuple[DoseRatePoint, ...]:
    """The curve from the first reading on; before it nothing is known of a fast phase."""
    assert result.fall is not None
    curves, first = result.fall.curves, result.fall.first_h
    times = sorted({first, *(float(hours) for hours in _CURVE_h if hours > first)})
    found = [(hours, curves.interval(lambda curve, hours=hours: curve.rate(hours))) for hours in times]  # type: ignore[misc]
    return tuple(DoseRatePoint(hours, at.value, False, at.lower, at.upper) for hours, at in found)


def _restriction(
    one: JudgedContact, injected_at: datetime, start_h: float, trace: Trace, zone: tzinfo
) -> ContactRestriction:
    contact = one.contact
    who = "Others" if contact.kind == PUBLIC else f"Person {contact.member_id}, {KIND_WORDS[contact.kind]}"
    return ContactRestriction(
        person=f"{who}: {contact.title}",
        constraint_mSv=contact.constraint_mSv,
        pattern=contact.pattern.text,
        until_h=_quantity(one.until_h, "h", trace, "" if one.until_h.upper > start_h else "no restriction is needed"),
        dose_without_mSv=_quantity(one.without_mSv, "mSv", trace, f"from {start_h:.1f} h on"),
        dose_with_mSv=_quantity(one.with_mSv, "mSv", trace, f"from {one.until_h.upper:.1f} h on"),
        member_id=contact.member_id,
        kind=contact.kind,
        pattern_id=contact.pattern.pattern_id,
        until_on=first_free_day(injected_at, one.until_h.upper, zone),
    )


def first_free_day(injected_at: datetime, hours: float, zone: tzinfo) -> date:
    """The first whole day after a time, in the local calendar: a day that has begun counts to its end."""
    moment = (injected_at + timedelta(hours=hours)).astimezone(zone)
    return moment.date() + timedelta(days=1)


def _with_contraception(
    one: SessionProtection, plan: ProtectionPlan, injected_at: datetime, zone: tzinfo
) -> SessionProtection:
    """From this session on: a later one has its own, later date."""
    if plan.contraception_months is None:
        return one
    until = months_later(injected_at.astimezone(zone).date(), plan.contraception_months)
    return replace(one, contraception_until=until)


def months_later(day: date, months: float) -> date:
    """The day so many months later; parts of a month as 31 days each, and no day that the month lacks: never too short.

    Examples
    --------
    >>> months_later(date(2026, 1, 31), 1).isoformat(), months_later(date(2026, 3, 2), 7).isoformat()
    ('2026-03-01', '2026-10-02')
    """
    whole = int(months)
    index = day.year * 12 + day.month - 1 + whole
    try:
        found = date(index // 12, index % 12 + 1, day.day)
    except ValueError:
        following = index + 1
        found = date(following // 12, following % 12 + 1, 1)
    return found + timedelta(days=math.ceil((months - whole) * 31))
