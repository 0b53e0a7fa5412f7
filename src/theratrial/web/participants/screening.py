"""Registration of a person for screening, and the screening log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.forms.moments import TypedDate, typed_date
from theratrial.forms.numbers import latin
from theratrial.trialfolder.moments import CellProblem
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_create
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.participants.plan import said
from theratrial.web.participants.selectors import participants_of, trial_now
from theratrial.web.participants.states import Shown, event_words, shown
from theratrial.web.people.models import Site
from theratrial.web.people.selectors import site_is_active
from theratrial.web.trials.selectors import protocol_in_force, the_trial

_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NUMBERED = re.compile(r"(.*?)(\d+)")
RESERVED = frozenset({"register", "screening-log", "consent-version", "to-do", "calendar", "worksheets"})
"""Addresses below /participants/ that no pseudonym may take."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What is asked at registration."""

    code: str
    screened_on: TypedDate
    sex: str
    age_years: str


def why_inactive(site: Site) -> str:
    """Why a site may not recruit now; empty where it may: an ethics approval of the version in force stands."""
    trial = the_trial()
    if site_is_active(site, on=trial_now().date()):
        return ""
    label = trial.in_force.label if trial.in_force else "?"
    return _(
        "%(site)s is not active: no ethics approval of protocol version %(version)s is recorded for it. "
        "Record the approval under People, then register."
    ) % {"site": site.name, "version": label}


def proposed_code(site: Site) -> str:
    """The next free pseudonym: that of the site registered last, counted on."""
    codes = list(Participant.objects.filter(site=site).order_by("-pk").values_list("code", flat=True)[:1])
    match = _NUMBERED.fullmatch(codes[0]) if codes else None
    stem, digits = (match[1], match[2]) if match else (f"{site.code}-", "00")
    taken = set(Participant.objects.filter(code__startswith=stem).values_list("code", flat=True))
    number = int(digits)
    while True:
        number += 1
        code = f"{stem}{number:0{len(digits)}d}"
        if code not in taken:
            return code


def registration_read(values: Mapping[str, str]) -> tuple[Registration | None, dict[str, str]]:
    """What was typed, or why it cannot be taken, by field."""
    errors: dict[str, str] = {}
    code = values.get("code", "").strip()
    if not _CODE.fullmatch(code):
        errors["code"] = _("A pseudonym has letters a-z, digits, dot, dash and underscore, at most 64; no name.")
    elif code.lower() in RESERVED:
        errors["code"] = _("This word is an address of the site; use the next free pseudonym.")
    elif Participant.objects.filter(code__iexact=code).exists():
        errors["code"] = _("%(code)s is taken; use the next free one.") % {"code": code}
    day: TypedDate | None = None
    try:
        day = typed_date(values.get("screened_on", ""))
        if day.value > trial_now().date():
            errors["screened_on"] = _("The day of screening lies ahead; enter the day on which it took place.")
    except CellProblem as problem:
        errors["screened_on"] = problem.said
    sex, age = values.get("sex", ""), latin(values.get("age_years", ""))
    if sex not in ("female", "male", "other"):
        errors["sex"] = _("Choose one.")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?", age) or not 0 <= float(age) <= 130:
        errors["age_years"] = _("Whole years at screening, between 0 and 130.")
    if errors or day is None:
        return None, errors
    return Registration(code, day, sex, age), {}


def participant_registered(actor: Any, *, site: Site, registration: Registration) -> Participant:
    """The person and her line in the screening form, in one act.

    Raises
    ------
    InputError
        The site has no ethics approval of the protocol version in force; the code is taken.
    LockedError
        The trial's data are frozen or locked.
    """
    if why := why_inactive(site):
        raise InputError(why)
    day = registration.screened_on
    with act(actor, "participant.register"):
        if Participant.objects.filter(code__iexact=registration.code).exists():
            raise InputError(_("%(code)s is taken; use the next free one.") % {"code": registration.code})
        made = Participant.objects.create(code=registration.code, site=site, screened_on=day.value)
        record_create(
            actor,
            "participants",
            {
                "site_id": site.code,
                "screened_on": day.value.isoformat(),
                "age_years": registration.age_years,
                "sex": registration.sex,
            },
            participant=made,
            form="screening",
            visit="screening",
            entered={"screened_on": {"text": day.text, "calendar": day.calendar}},
            # Height and weight are asked by the same form and are not known yet.
            incomplete=True,
            action="participant.register",
        )
    return made


def screening_record(participant: Participant) -> dict[str, str]:
    """The cells of her screening form."""
    row = Record.objects.filter(participant=participant, table="participants", entered_in_error=False).first()
    return dict(row.cells) if row else {}


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the screening log."""

    one: Shown
    outcome: str
    tone: str
    on: date | None
    reason: str


def everybody_screened(user: Any) -> QuerySet[Participant]:
    """Everybody screened at the user's sites, in the order of the log."""
    return participants_of(user).order_by("screened_on", "code")


def log_lines(people: Iterable[Participant]) -> list[LogLine]:
    """These participants with the outcome of screening and its first reason."""
    criteria = {key: said(clause.reading) for key, clause in protocol_in_force().eligibility.items() if clause.reading}
    return [_log_line(one, criteria) for one in shown(people)]


def _log_line(one: Shown, criteria: Mapping[str, str]) -> LogLine:
    standing = one.standing
    failures = [end for end in standing.ends if end[0] == "screen_failure"]
    if standing.sessions:
        return LogLine(one, _("treated"), "good", standing.sessions[0][1].date(), "")
    if failures:
        _event, on, reason = failures[0]
        return LogLine(one, event_words("screen_failure"), "bad", on, _first_reason(reason, criteria))
    if standing.ended is not None:
        event, on, reason = standing.ended
        return LogLine(one, event_words(event), "neutral", on, _first_reason(reason, criteria))
    if one.eligibility.key in ("eligible", "overruled", "not_eligible"):
        return LogLine(one, one.eligibility.words, one.eligibility.tone, None, "")
    return LogLine(one, _("in screening"), "warn", None, one.consent.words if one.consent.tone != "good" else "")


def _first_reason(reason: str, criteria: Mapping[str, str]) -> str:
    first = re.split(r"[;\n]", reason)[0].strip()
    return criteria.get(first, first.replace("_", " "))
