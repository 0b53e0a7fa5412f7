"""Signatures: a person, confirmed at the moment of signing, signs exactly what was shown (21 CFR 11.50, 11.70, 11.200).

    try:
        signature = sign(request, kind="eligibility", key="P01", content=shown, meaning="approved", rows=records)
    except NotConfirmed as refusal:
        ...  # show str(refusal) and the form again, status 422

The form is ``{% include "ledger/sign_form.html" with ... %}``. `sign` must not be called inside an act: a refusal would
undo the count of its own failure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from axes.utils import reset
from django.conf import settings
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.ledger.act import SystemActor, act, current_act, note, software_text
from theratrial.web.ledger.models import Head, Signature, SignedRow

SIGNING: Final = SystemActor("signing")
FIRST_DONE: Final = "theratrial_signed_in_this_session"
_EXACT_INTEGERS_END: Final = 1e16


class NotConfirmed(InputError):
    """Nothing was signed: the signer is not confirmed, or what she saw is no longer what is there."""


def canonical(content: Mapping[str, Any]) -> str:
    """`content` as the one text that is digested: keys sorted, no space, Unicode as it is.

    Raises
    ------
    InputError
        It holds something that is not plain JSON (a date, a set, not-a-number).
    """
    try:
        return json.dumps(_plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"this content cannot be signed: {error}; give texts, numbers, lists and mappings") from None


def _plain(value: Any) -> Any:
    """PostgreSQL gives a large float back as an integer; both are one number here."""
    if isinstance(value, float) and abs(value) >= _EXACT_INTEGERS_END and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def content_digest(kind: str, key: str, content: Mapping[str, Any]) -> str:
    """SHA-256 over kind, key and content: a signature copied to another record does not fit it."""
    return hashlib.sha256(canonical({"kind": kind, "key": key, "content": content}).encode("utf-8")).hexdigest()


def needs_both_components(request: HttpRequest) -> bool:
    """Whether this is the first signing of the session: account name and password (11.200(a)(1))."""
    return not request.session.get(FIRST_DONE, False)


def needs_code(user: Any) -> bool:
    """Whether the signer must give a one-time code as well."""
    from theratrial.web.people.credentials import code_device

    return bool(settings.TOTP_REQUIRED_FOR_SIGNING or code_device(user) is not None)


def signer_confirmed(request: HttpRequest) -> None:
    """Demand the signer's components; nothing happens a second time on the same request.

    Raises
    ------
    NotConfirmed
        A component is missing or wrong, the name is another's, the account is locked. The failure is counted and noted.
    """
    if getattr(request, "theratrial_signer_confirmed", False):
        return
    if current_act() is not None:
        raise RuntimeError("confirm the signer before the act is opened: a refusal must not be undone with it")
    if not request.user.is_authenticated:
        raise NotConfirmed(_("Nobody is signed in; sign in, then sign."))
    _name_demanded(request)
    _password_demanded(request)
    _code_demanded(request)
    reset(username=request.user.get_username())
    request.session[FIRST_DONE] = True
    request.theratrial_signer_confirmed = True  # type: ignore[attr-defined]


def _name_demanded(request: HttpRequest) -> None:
    typed = request.POST.get("sign_username", "").strip()
    if not typed and needs_both_components(request):
        raise NotConfirmed(_("Your first signature since you signed in needs your account name and your password."))
    if typed and typed != request.user.get_username():
        from theratrial.web.people.credentials import failure_counted

        failure_counted(request, request.user.get_username())
        raise _refused(
            request, "another name", _("This is not your account name. Everybody signs for herself only."), typed
        )


def _password_demanded(request: HttpRequest) -> None:
    from theratrial.web.people.credentials import confirmed_account, is_locked

    password = request.POST.get("sign_password", "")
    if not password:
        raise NotConfirmed(_("Type your password to sign."))
    found = confirmed_account(request, request.user.get_username(), password)
    if found is None or found.pk != request.user.pk:
        if is_locked(request):
            text = _("Too many failures: your account is locked, for the right password too.")
            raise _refused(request, "locked", text)
        raise _refused(request, "password", _("The password is not right. Nothing was signed."))


def _code_demanded(request: HttpRequest) -> None:
    from theratrial.web.people.credentials import code_device, code_is_right, failure_counted

    if not needs_code(request.user):
        return
    if code_device(request.user) is None:
        raise NotConfirmed(
            _("Signing needs a one-time code here, and your account has no device. Add one on your account page.")
        )
    if not code_is_right(request.user, request.POST.get("sign_code", "")):  # type: ignore[arg-type]
        failure_counted(request, request.user.get_username())
        raise _refused(
            request,
            "code",
            _("The one-time code is not right, or was used already. Wait for the next one and try again."),
        )


def _refused(request: HttpRequest, what: str, message: str, typed: str = "") -> NotConfirmed:
    with act(SIGNING, "sign.failed"):
        note("sign.failed", account=request.user.get_username(), what=what, typed=typed, page=request.path)
    return NotConfirmed(message)


def sign(
    request: HttpRequest,
    *,
    kind: str,
    key: str,
    content: Mapping[str, Any],
    meaning: str,
    statement: str = "",
    rows: Iterable[models.Model] = (),
    participant: Any = None,
    site: Any = None,
    permission: str = "",
) -> Signature:
    """Sign what was shown.

    Parameters
    ----------
    kind, key
        What was signed and which one; both are in the digest.
    content
        Exactly what was shown, as it is now; the digest posted by the form must be its digest.
    rows
        Rows whose later change voids the signature.
    permission
        In virtue of which right; the role that holds it is kept. Else the permission of the view.

    Raises
    ------
    NotConfirmed
        The signer is not confirmed, or the content changed after it was shown.
    """
    signer_confirmed(request)
    digest = content_digest(kind, key, content)
    if request.POST.get("digest", "") != digest:
        raise NotConfirmed(
            _("What you were shown has changed meanwhile. Nothing was signed: look again, then sign what is there.")
        )
    if meaning not in Signature.Meaning.values:
        raise InputError(f"unknown meaning of a signature: {meaning}; known: {', '.join(Signature.Meaning.values)}")
    where = site or getattr(participant, "site", None)
    with act(request.user, "sign"):
        again = Signature.objects.filter(
            kind=kind, key=key, signer=request.user.get_username(), meaning=meaning, digest=digest, voided_at=None
        ).first()
        if again is not None:
            return again
        head = Head.objects.order_by("-seq").first()
        signature = Signature.objects.create(
            signer=request.user.get_username(),
            printed_name=str(request.user),
            role=_role_of(request, permission, where),
            signed_at=timezone.now(),
            meaning=meaning,
            statement=statement,
            kind=kind,
            key=key,
            participant=getattr(participant, "code", ""),
            site=getattr(where, "code", ""),
            content=json.loads(canonical(content)),
            digest=digest,
            ledger_seq=head.seq if head else 0,
            ledger_hash=head.hash if head else "",
            software=_software_and_protocol(),
        )
        for row in rows:
            SignedRow.objects.create(signature=signature, entity=row._meta.db_table, entity_id=row_id(row))
    return signature


def row_id(row: models.Model) -> str:
    """The row's key as the ledger writes it."""
    return str(row.pk)


def _role_of(request: HttpRequest, permission: str, site: Any) -> str:
    from theratrial.web.people.permissions import matrix, roles_held

    match = request.resolver_match
    wanted = permission or str(getattr(match.func, "theratrial_permission", "") if match else "")
    held = roles_held(request.user, site=site)
    fitting = [role for role in held if role in matrix().roles and wanted in matrix().roles[role].permissions]
    return (fitting or held or [""])[0]


def _software_and_protocol() -> str:
    from theratrial.web.trials.selectors import trial_or_none

    text, trial = software_text(), trial_or_none()
    if "protocol" in text or trial is None or trial.in_force is None:
        return text[:80]
    return f"{text}, protocol {trial.in_force.sha256[:16]}"[:80]


def signatures_of(kind: str, key: str) -> list[Signature]:
    """Every signature on it, voided ones too, in the order in which they were given."""
    return list(Signature.objects.filter(kind=kind, key=key).order_by("signed_at", "pk"))


def is_authentic(signature: Signature) -> bool:
    """Whether its digest is that of its own kind, key and content: false for a copied or altered one."""
    return signature.digest == content_digest(signature.kind, signature.key, signature.content)


def is_valid(signature: Signature, current_content: Mapping[str, Any]) -> bool:
    """Whether it stands: not voided, authentic, and given on what is there now."""
    if signature.voided_at is not None or not is_authentic(signature):
        return False
    return signature.digest == content_digest(signature.kind, signature.key, current_content)


def valid_signatures(kind: str, key: str, current_content: Mapping[str, Any]) -> list[Signature]:
    """Those that stand on what is there now."""
    return [one for one in signatures_of(kind, key) if is_valid(one, current_content)]


def signature_withdraw(actor: Any, signature: Signature, *, reason: str) -> None:
    """Void one's own signature; it stays visible with the reason.

    Raises
    ------
    InputError
        It is another's, it is void already, or no reason is given.
    """
    if signature.signer != actor.get_username():
        raise InputError(f"the signature is {signature.signer}'s; only who signed may withdraw it")
    if not reason.strip():
        raise InputError("say why the signature is withdrawn")
    with act(actor, "sign.withdraw", reason=reason.strip()):
        current = Signature.objects.select_for_update().get(pk=signature.pk)
        if current.voided_at is not None:
            raise InputError("the signature is void already")
        current.voided_at, current.voided_because = timezone.now(), reason.strip()
        current.save(update_fields=["voided_at", "voided_because"])
