"""What must hold before anything of the trial is done to a participant; other apps ask here (D1, D9).

Each function answers with the reasons against it, as sentences for the person who is about to act; an empty list means
that nothing stands in the way. They judge by the records as they are now, for an act at the instant `at`.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models.fields.json import KT
from django.utils.translation import gettext as _

from theratrial.eligibility import eligibility, eligibility_moment
from theratrial.errors import TheratrialError
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.participants.renewal import criterion_title
from theratrial.web.participants.standing import Standing, standing
from theratrial.web.participants.states import event_words, withdrawal_words
from theratrial.web.sentences.shown import said_plain
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import protocol_in_force, the_trial, trial_zone


def consent_needed(participant: Participant, at: datetime) -> list[str]:
    """Why consent does not cover an act at `at`: not signed by then, withdrawn, or signed on a version out of use."""
    return _consent(standing(participant), the_trial(), at)


def _consent(one: Standing, trial: Trial, at: datetime) -> list[str]:
    signed = [consent for consent in one.consents if consent.signed_at <= at]
    if not signed:
        later = [consent.signed_at for consent in one.consents]
        if later:
            when = min(later).astimezone(trial_zone()).strftime("%Y-%m-%d %H:%M")
            return [
                _("Consent was signed only on %(when)s, after this. Correct the time, or report the deviation.")
                % {"when": when}
            ]
        return [_("No consent is recorded. Record it under Consent before any procedure of the trial.")]
    gone = one.withdrawn_at(at)
    for kind in ("all", "data_use"):
        if kind in gone:
            return [
                _("Consent to %(what)s is withdrawn: nothing more is done in the trial.")
                % {"what": withdrawal_words(kind)}
            ]
    since = trial.consent_version_since
    if trial.consent_version and since is not None and at.astimezone(trial_zone()).date() >= since:
        unsigned = all(consent.form_version != trial.consent_version for consent in signed)
        if unsigned:
            return [
                _("Version %(version)s of the consent form is in use since %(day)s; ask her to sign it first.")
                % {"version": trial.consent_version, "day": since.isoformat()}
            ]
    return []


def may_do_procedure(participant: Participant, at: datetime) -> list[str]:
    """Why no procedure of the trial (PET, scan, sample) may be done at `at`."""
    one = standing(participant)
    return _consent(one, the_trial(), at) + _gone(one, at, ("follow_up",))


def may_inject(participant: Participant, product_id: str, at: datetime) -> list[str]:
    """Why a product of the trial may not be injected at `at`: consent, and for the therapy signed eligibility too."""
    one = standing(participant)
    reasons = _consent(one, the_trial(), at) + _gone(one, at, ("follow_up",))
    clause = protocol_in_force().products.get(product_id)
    if clause is None or clause.reading is None:
        return [*reasons, _("%(product)s is no product of the protocol in force.") % {"product": product_id}]
    if clause.reading.role == "therapy":
        reasons += _gone(one, at, ("treatment",)) + _eligibility(participant, at)
    return reasons


def _gone(one: Standing, at: datetime, kinds: tuple[str, ...]) -> list[str]:
    found = [
        _("Consent to %(what)s is withdrawn.") % {"what": withdrawal_words(kind)}
        for kind in kinds
        if kind in one.withdrawn_at(at)
    ]
    today = at.astimezone(trial_zone()).date()
    if one.ended is not None and one.ended[1] < today:
        found.append(
            _("Her participation ended on %(day)s: %(how)s.")
            % {"day": one.ended[1].isoformat(), "how": event_words(one.ended[0])}
        )
    return found


def _eligibility(participant: Participant, at: datetime) -> list[str]:
    told = (
        Signature.objects.filter(kind="eligibility", key=participant.code)
        .annotate(outcome=KT("content__outcome"))
        .order_by("-signed_at", "-pk")
        .values_list("signed_at", "voided_at", "outcome")
    )
    standing_ones = [(signed_at, outcome) for signed_at, voided_at, outcome in told if voided_at is None]
    if not standing_ones:
        if told:
            return [_("The signature on eligibility is void: a record under it changed. It must be signed again.")]
        return [_("Eligibility is not signed. The investigator signs it under Eligibility first.")]
    if standing_ones[0][1] != "eligible":
        return [_("She is signed as not eligible.")]
    if min(signed_at for signed_at, outcome in standing_ones if outcome == "eligible") > at:
        return [_("Eligibility was signed only after this. Correct the time, or report the deviation.")]
    return _changed_since_signed(participant, at)


def _changed_since_signed(participant: Participant, at: datetime) -> list[str]:
    """Criteria that were met when they were signed and are not at the first treatment: new records void nothing."""
    standing_ones = Signature.objects.filter(kind="eligibility", key=participant.code, voided_at=None)
    latest = standing_ones.latest("signed_at", "pk")
    folder = participant_rows(participant).folder
    if eligibility_moment(folder.protocol, folder, participant.code, at)[0] < at:
        return []
    signed = {one["id"]: one["truth"] for one in latest.content["criteria"]}
    try:
        now = eligibility(folder.protocol, folder, participant.code, at).criteria
    except TheratrialError as error:
        return [_("Eligibility cannot be judged: %(why)s") % {"why": said_plain(error)}]
    changed = [
        criterion_title(folder.protocol, one) for one in now if one.truth.value not in ("met", signed.get(one.id))
    ]
    if not changed:
        return []
    text = _(
        "Since eligibility was signed, records came or grew too old. No longer as signed: %(what)s. Sign it again."
    )
    return [text % {"what": "; ".join(changed)}]
