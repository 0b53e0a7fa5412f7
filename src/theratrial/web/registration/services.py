"""Writing: drafts, a new version signed, the day it was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.registry.difference import Change, difference
from theratrial.registry.history import Version
from theratrial.registry.reader import parse_registration, registration_yaml
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Text
from theratrial.web.ledger.act import act
from theratrial.web.ledger.chain import json_digest
from theratrial.web.ledger.signing import sign, signer_confirmed
from theratrial.web.participants.selectors import trial_now
from theratrial.web.registration.comparing import plain_changes
from theratrial.web.registration.form import Read, kept, record_read
from theratrial.web.registration.models import RegistrationDraft, RegistrationVersion
from theratrial.web.registration.selectors import newest_row, record_of
from theratrial.web.registration.taking import row_made

KIND = "registration"


class Overtaken(InputError):
    """Another version was made since the draft was begun: nothing is saved."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a draft makes of the newest version."""

    draft: RegistrationDraft
    base: RegistrationVersion
    """The newest version; `draft.base_number` is another's where somebody was faster."""
    record: RegistrationRecord
    changes: tuple[Change, ...]
    """Against the newest version, without the reason, which is of the update itself."""
    errors: Mapping[str, str]

    @property
    def overtaken(self) -> bool:
        """Whether another version was made since the draft was begun."""
        return self.draft.base_number != self.base.number

    @property
    def reason(self) -> Text:
        return Text(en=self.draft.reason_en, fa=self.draft.reason_fa)


def draft_of(user: Any) -> RegistrationDraft | None:
    """The user's draft."""
    return RegistrationDraft.objects.filter(user=user).first()


def draft_discarded(user: Any) -> None:
    """Throw the user's draft away."""
    RegistrationDraft.objects.filter(user=user).delete()


def draft_kept(
    user: Any,
    *,
    answers: Mapping[str, str] | None = None,
    record: RegistrationRecord | None = None,
    base_number: int | None = None,
    onto: int | None = None,
    reason: Text | None = None,
    origin: str = "",
    told: Sequence[Mapping[str, str]] | None = None,
) -> RegistrationDraft:
    """Keep what was typed, with what was typed before; or put a whole record in its place.

    A draft is begun on the newest version where there is none.

    Parameters
    ----------
    record
        Fills the form anew; answers given before are gone.
    base_number
        Version that a new draft changes; None: the newest.
    onto
        Version that a draft is put onto, begun on whichever.
    """
    draft = draft_of(user)
    if draft is None:
        row = newest_row()
        if row is None:
            raise InputError(_("This trial has no registration record here yet."))
        if base_number is not None and base_number != row.number:
            row = RegistrationVersion.objects.filter(number=base_number).first() or row
        draft = RegistrationDraft(user=user, base_number=row.number, record=registration_yaml(record_of(row)))
    if onto is not None:
        draft.base_number = onto
    if record is not None:
        draft.record, draft.answers = registration_yaml(record), {}
    if answers is not None:
        draft.answers = {**draft.answers, **answers}
    if reason is not None:
        draft.reason_en, draft.reason_fa = reason.en, reason.fa
    if origin:
        draft.origin = origin
    if told is not None:
        draft.told = list(told)
    draft.saved_at = timezone.now()
    draft.save()
    return draft


def draft_read(draft: RegistrationDraft) -> tuple[RegistrationRecord, Read]:
    """The record that the draft's form was filled from, and what its answers make of it."""
    base = parse_registration(draft.record.encode(), "draft")
    return base, record_read(draft.answers, base, today=trial_now().date())


def candidate_of(draft: RegistrationDraft) -> Candidate:
    """What would become the next version."""
    row = newest_row()
    assert row is not None, "a draft is begun on a version"
    _base, read = draft_read(draft)
    return Candidate(draft, row, read.record, changed(record_of(row), read.record), read.errors)


def changed(old: RegistrationRecord, new: RegistrationRecord) -> tuple[Change, ...]:
    """What differs, but for the reason for the update, which the version writes itself."""
    return tuple(one for one in difference(old, new) if one.path != "registration.reason_for_update")


def content_of(candidate: Candidate) -> dict[str, Any]:
    """What is signed: number, what it rests on, why, every change, and the digest of the whole record."""
    return {
        "number": candidate.base.number + 1,
        "replaces": {"number": candidate.base.number, "digest": candidate.base.digest},
        "digest": _digest(_with_reason(candidate)),
        "reason": {"en": candidate.reason.en, "fa": candidate.reason.fa},
        "changes": plain_changes(candidate.changes),
    }


@lru_cache(maxsize=8)
def _digest(record: RegistrationRecord) -> str:
    """The digest that the version's row will have; writing YAML takes its time, and pages ask it again."""
    return json_digest({"record": registration_yaml(record)})


def statement(candidate: Candidate) -> str:
    """The sentence that is signed."""
    return _("I make this version %(number)s of the registration record, with the changes shown.") % {
        "number": candidate.base.number + 1
    }


def _with_reason(candidate: Candidate) -> RegistrationRecord:
    """The record with why it was updated, which registries print."""
    registration = candidate.record.registration.model_copy(update={"reason_for_update": candidate.reason})
    return candidate.record.model_copy(update={"registration": registration})


def hindered(candidate: Candidate) -> str:
    """Why it cannot become a version yet; empty where it can."""
    if candidate.errors:
        return _("Some fields cannot be read yet: mend them in the form.")
    if not candidate.changes:
        return _("Nothing differs from the newest version, so there is nothing to save.")
    if not candidate.reason:
        return _("Say why the record is updated, in English, Persian or both.")
    return ""


def version_made(request: HttpRequest, draft: RegistrationDraft) -> RegistrationVersion:
    """The draft as a new version, signed; the draft is gone then.

    Raises
    ------
    Overtaken
        Another version was made in between.
    NotConfirmed
        The signer is not confirmed, or it is not what was shown.
    InputError
        Nothing differs, no reason is given, or a field cannot be read.
    """
    candidate = candidate_of(draft)
    if candidate.overtaken:
        raise Overtaken(_overtaken(candidate.base))
    if why := hindered(candidate):
        raise InputError(why)
    signer_confirmed(request)
    record, _text = kept(_with_reason(candidate))
    reason = candidate.reason.en or candidate.reason.fa
    with act(request.user, "registration.version", reason=reason):
        newest = RegistrationVersion.objects.select_for_update().order_by("-number").first()
        if newest is None or newest.number != draft.base_number:
            raise Overtaken(_overtaken(newest or candidate.base))
        signature = sign(
            request, kind=KIND, key=str(newest.number + 1), content=content_of(candidate), meaning="approved",
            statement=statement(candidate), permission="registration.sign",
        )  # fmt: skip
        made_at = max(timezone.now(), newest.made_at)
        version = Version(newest.number + 1, record, made_at, request.user.get_username(), candidate.reason)
        row = row_made(version, signature=signature)
        draft.delete()
    return row


def _overtaken(row: RegistrationVersion) -> str:
    return _("Version %(number)s was made meanwhile by %(who)s. Nothing was saved; your draft is kept.") % {
        "number": row.number, "who": row.author,
    }  # fmt: skip


def version_sent(user: Any, row: RegistrationVersion, day: date) -> None:
    """Record, once, on which day the registry received a version.

    Raises
    ------
    InputError
        It is recorded already, lies before the version was made, or in the future.
    """
    today = trial_now().date()
    made = row.made_at.astimezone(trial_now().tzinfo).date()
    if row.sent_on is not None:
        raise InputError(_("That version %(number)s was sent is recorded already.") % {"number": row.number})
    if not made <= day <= today:
        raise InputError(
            _("Version %(number)s was made on %(made)s: it was sent on a day from then until today, not on %(day)s.")
            % {"number": row.number, "made": made.isoformat(), "day": day.isoformat()}
        )
    with act(user, "registration.send"):
        current = RegistrationVersion.objects.select_for_update().get(pk=row.pk)
        if current.sent_on is not None:
            raise InputError(_("That version %(number)s was sent is recorded already.") % {"number": row.number})
        current.sent_on, current.sent_by = day, user.get_username()
        current.save(update_fields=["sent_on", "sent_by"])
