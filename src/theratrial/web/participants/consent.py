"""Consent, re-consent and withdrawal: the acts, and what each of them means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.forms.moments import TypedInstant, typed_instant
from theratrial.trialfolder.moments import CellProblem
from theratrial.web.access import may
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.participants.selectors import trial_now
from theratrial.web.participants.standing import standing
from theratrial.web.people.models import Site, User
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import protocol_in_force, the_trial, trial_zone

CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
KINDS = ("treatment", "follow_up", "data_use", "all")


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """What is recorded of a signed consent form."""

    form_version: str
    language: str
    signed_at: TypedInstant
    obtained_by: str
    witness: str
    copy_given: bool
    kept: tuple[str, ...] = ()
    """Kinds of withdrawal that this signature does not take back."""


def consent_takers(site: Site, at: datetime) -> list[User]:
    """People to whom obtaining consent was delegated at the site at that moment."""
    people = User.objects.filter(is_active=True, delegations__site=site).distinct().order_by("username")
    return [one for one in people if may(one, "consent.record", site=site, at=at)]


def instant_read(text: str, field: str, errors: dict[str, str]) -> TypedInstant | None:
    """A date and time typed in either calendar, past; else the reason stands in `errors`."""
    try:
        found = typed_instant(text, trial_zone())
    except CellProblem as problem:
        errors[field] = problem.said
        return None
    if found.value > trial_now():
        errors[field] = _("This moment lies ahead; enter when it happened.")
        return None
    return found


def consent_read(values: Mapping[str, str], participant: Participant) -> tuple[ConsentEntry | None, dict[str, str]]:
    """What was typed, or why it cannot be taken, by field."""
    errors: dict[str, str] = {}
    signed = instant_read(f"{values.get('signed_on', '')} {values.get('signed_time', '')}".strip(), "signed_on", errors)
    version, language = values.get("form_version", "").strip(), values.get("language", "").strip()
    if not version:
        errors["form_version"] = _("Write the version printed on the form.")
    if not language:
        errors["language"] = _("Choose the language of the form that she signed.")
    taker = values.get("obtained_by", "")
    if signed is not None and taker not in [one.username for one in consent_takers(participant.site, signed.value)]:
        errors["obtained_by"] = _("Obtaining consent was not delegated to this person at that moment.")
    witness = values.get("witness", "").strip()
    if witness and not CODE.fullmatch(witness):
        errors["witness"] = _("A code of the delegation log: letters a-z, digits, dot, dash and underscore; no name.")
    if values.get("copy_given") != "yes":
        errors["copy_given"] = _("She receives a copy before consent is complete; give it, then tick this.")
    if signed is not None and version:
        errors.update(_version_refused(the_trial(), participant, version, signed.value))
    kept = _kept(values, participant, signed.value, errors) if signed is not None else ()
    if errors or signed is None:
        return None, errors
    return ConsentEntry(version, language, signed, taker, witness, True, kept), {}


def _kept(values: Mapping[str, str], participant: Participant, at: datetime, errors: dict[str, str]) -> tuple[str, ...]:
    """Withdrawals that stay although she signs; each must be answered, for a signature takes it back."""
    kept = []
    for kind in standing(participant).withdrawn_at(at):
        answer = values.get(f"withdrawal_{kind}", "")
        if answer == "stays":
            kept.append(kind)
        elif answer != "back":
            errors[f"withdrawal_{kind}"] = _("Ask her, and answer what becomes of her withdrawal.")
    return tuple(sorted(kept))


def _version_refused(trial: Trial, participant: Participant, version: str, at: datetime) -> dict[str, str]:
    since = trial.consent_version_since
    if (
        trial.consent_version
        and version != trial.consent_version
        and since
        and at.astimezone(trial_zone()).date() >= since
    ):
        return {
            "form_version": _("Version %(version)s is out of use since %(day)s; version %(new)s is to be signed.")
            % {"version": version, "day": since.isoformat(), "new": trial.consent_version}
        }
    signed_before = consent_records(participant).filter(cells__form_version=version).exists()
    if signed_before and not standing(participant).withdrawn_at(at):
        return {
            "form_version": _("She has signed version %(version)s already; correct that entry under Forms.")
            % {"version": version}
        }
    return {}


def consent_records(participant: Participant) -> Any:
    """Her lines of the consents table that count."""
    return Record.objects.filter(participant=participant, table="consents", entered_in_error=False).order_by("sequence")


def consent_recorded(actor: Any, participant: Participant, entry: ConsentEntry) -> Record:
    """Her consent to one version of the form; what stays withdrawn is written anew at the moment of the signature."""
    at = entry.signed_at
    moment = at.value.astimezone(trial_zone()).isoformat(timespec="minutes")
    cells = {
        "form_version": entry.form_version,
        "language": entry.language,
        "signed_at": moment,
        "obtained_by": entry.obtained_by,
        "witness": entry.witness,
        "copy_given": "yes" if entry.copy_given else "no",
    }
    if entry.kept:
        cells |= {"withdrawn_at": moment, "withdrawal_kind": entry.kept[0]}
    with act(actor, "consent.record"):
        for kind in entry.kept[1:]:
            _further(actor, participant, kind, at, f"stays withdrawn, consent {entry.form_version}")
        return record_create(
            actor,
            "consents",
            cells,
            participant=participant,
            form="consent",
            visit="screening",
            entered={"signed_at": {"text": at.text, "calendar": at.calendar}},
            action="consent.record",
        )


def what_stops(kind: str) -> list[str]:
    """What a withdrawal stops and what it leaves, in sentences; said before it is confirmed."""
    kept = _("What was recorded so far stays and is analysed, as the law and the consent form say.")
    watch = _("Safety visits and scans after sessions already given stay due.")
    return {
        "treatment": [_("No further injection of the therapy product is allowed."), watch, kept],
        "follow_up": [
            _("Visits and images that lie ahead are no longer due."),
            _("No further injection is allowed: nobody could watch over what it does."),
            kept,
        ],
        "data_use": [
            _("No procedure of the trial is done any more and nothing new is collected."),
            _("Her rows are left out of every export made from now on; her record is shown as withdrawn."),
            _("The ledger, signatures and exports made before stay: they show what was done and may not be deleted."),
        ],
        "all": [
            _("No further injection, visit, image or sample."),
            _("Her rows are left out of every export made from now on; her record is shown as withdrawn."),
            _("The ledger, signatures and exports made before stay: they show what was done and may not be deleted."),
        ],
    }[kind]


def consent_withdrawn(actor: Any, participant: Participant, *, kind: str, at: TypedInstant, reason: str) -> Record:
    """Record that she withdraws; the consent signed last carries it, a further kind has a line of its own.

    Raises
    ------
    InputError
        There is no consent to withdraw, the kind is unknown or withdrawn already, or the moment is before the
        signature.
    """
    if kind not in KINDS:
        raise InputError(_("Choose what she withdraws: %(kinds)s.") % {"kinds": ", ".join(KINDS)})
    lines = sorted(consent_records(participant), key=lambda one: datetime.fromisoformat(one.cells["signed_at"]))
    if not lines:
        raise InputError(_("There is no consent to withdraw. A person who never consented is a screening failure."))
    free = [one for one in lines if not one.cells.get("withdrawn_at")]
    line = free[-1] if free else lines[-1]
    if at.value < datetime.fromisoformat(line.cells["signed_at"]):
        raise InputError(_("The withdrawal is before the signature; correct the moment."))
    if not free:
        return _withdrawn_further(actor, participant, kind, at, reason)
    cells = {
        **{key: value for key, value in line.cells.items() if key != "participant_id"},
        "withdrawn_at": at.value.astimezone(trial_zone()).isoformat(timespec="minutes"),
        "withdrawal_kind": kind,
    }
    entered = {**line.entered, "withdrawn_at": {"text": at.text, "calendar": at.calendar}}
    return record_change(
        actor, line, cells, seen_version=line.version, reason=reason, entered=entered, action="consent.withdraw"
    )


def _withdrawn_further(actor: Any, participant: Participant, kind: str, at: TypedInstant, reason: str) -> Record:
    """A withdrawal beside the one that the line of the consent carries."""
    if kind in standing(participant).withdrawals:
        raise InputError(
            _("A withdrawal of %(kind)s is recorded already; correct that entry under Forms.") % {"kind": kind}
        )
    if not reason.strip():
        raise InputError(_("Say why, in her words, or that she gave no reason."))
    with act(actor, "consent.withdraw", reason=reason.strip()):
        return _further(actor, participant, kind, at, reason.strip())


def _further(actor: Any, participant: Participant, kind: str, at: TypedInstant, reason: str) -> Record:
    cells = {
        "withdrawn_at": at.value.astimezone(trial_zone()).isoformat(timespec="minutes"),
        "withdrawal_kind": kind,
        "reason": reason,
    }
    return record_create(
        actor,
        "withdrawals",
        cells,
        participant=participant,
        form="withdrawal" if "withdrawal" in protocol_in_force().forms else "",
        entered={"withdrawn_at": {"text": at.text, "calendar": at.calendar}},
        action="consent.withdraw",
    )


def consent_version_set(actor: Any, *, version: str, since: date, reason: str) -> Trial:
    """Put a new version of the consent form into use: later visits are flagged until each participant has signed it.

    Raises
    ------
    InputError
        No version or no reason is given.
    """
    if not version.strip() or not reason.strip():
        raise InputError(_("Write the version printed on the form, and why it replaces the one before."))
    with act(actor, "consent-version.set", reason=reason.strip()):
        trial = the_trial()
        trial.consent_version, trial.consent_version_since = version.strip()[:40], since
        trial.save(update_fields=["consent_version", "consent_version_since"])
    return trial
