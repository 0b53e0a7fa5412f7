"""Versions of the protocol: loaded, looked at, released."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.protocol.check import Severity, protocol_findings
from theratrial.protocol.reader import parse_protocol
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import sign, signer_confirmed
from theratrial.web.trials.models import ProtocolVersion
from theratrial.web.trials.selectors import protocol_of, the_trial

LARGEST_FILE_BYTES = 4 * 1024 * 1024


def protocol_loaded(actor: Any, content: bytes) -> ProtocolVersion:
    """A new version, byte for byte, not yet in force.

    Raises
    ------
    Problems
        The file is no protocol that can be run; every problem with its line.
    InputError
        It is the file of a version that is here already, another trial's, or too large.
    """
    if len(content) > LARGEST_FILE_BYTES:
        raise InputError(_("The file is larger than 4 MB; a protocol is a text file."))
    protocol = parse_protocol(content, "protocol.yaml")
    identity, trial = protocol.identity.reading, the_trial()
    if identity is None or identity.trial_id != trial.trial_id:
        got = identity.trial_id if identity else "-"
        raise InputError(
            _("The file is the protocol of %(got)s; this site runs %(ours)s.") % {"got": got, "ours": trial.trial_id}
        )
    sha256 = hashlib.sha256(content).hexdigest()
    if same := ProtocolVersion.objects.filter(sha256=sha256).first():
        raise InputError(_("This file is version %(number)s already; nothing was loaded.") % {"number": same.number})
    with act(actor, "protocol.load"):
        last = ProtocolVersion.objects.aggregate(last=Max("number"))["last"] or 0
        return ProtocolVersion.objects.create(
            number=last + 1,
            label=identity.protocol_version,
            yaml=content.decode("utf-8"),
            sha256=sha256,
            loaded_at=timezone.now(),
        )


def release_content(version: ProtocolVersion) -> dict[str, Any]:
    """What is signed of a release: the file's hash and everything its check says."""
    findings = protocol_findings(protocol_of(version))
    return {
        "number": version.number,
        "label": version.label,
        "sha256": version.sha256,
        "findings": [
            {"rule": one.rule, "severity": one.severity.value, "path": one.path, "message": one.message}
            for one in findings
        ],
    }


def release_hindered(version: ProtocolVersion) -> str:
    """Why a version cannot be put into force; empty where it can."""
    trial = the_trial()
    if version.pk == trial.in_force_id:
        return _("This version is in force.")
    findings = protocol_findings(protocol_of(version))
    waiting = [
        one
        for one in findings
        if one.severity is Severity.OPEN or (one.severity is Severity.DEMONSTRATION and not trial.simulated)
    ]
    if waiting and not trial.simulated:
        return _("%(count)s questions of this version are open or mere assumptions. Decide them in the file first.") % {
            "count": len(waiting)
        }
    return ""


def protocol_released(request: HttpRequest, version: ProtocolVersion, *, reason: str) -> Signature:
    """Put a version into force, signed. Records stay exactly as they are; each keeps the version it was entered with.

    Sites are not active under it before their ethics approval of it is recorded.

    Raises
    ------
    NotConfirmed
        The signer is not confirmed, or the version is not what was shown.
    InputError
        It cannot be put into force; or no reason is given.
    """
    if not reason.strip():
        raise InputError(_("Say why this version replaces the one in force."))
    if why := release_hindered(version):
        raise InputError(why)
    signer_confirmed(request)
    with act(request.user, "protocol.release", reason=reason.strip()):
        signature = sign(
            request, kind="protocol", key=str(version.number), content=release_content(version), meaning="approved",
            statement=release_statement(version), permission="protocol.release",
        )  # fmt: skip
        version.released_at = timezone.now()
        version.save(update_fields=["released_at"])
        trial = the_trial()
        trial.in_force = version
        trial.save(update_fields=["in_force"])
    return signature


def release_statement(version: ProtocolVersion) -> str:
    """The sentence that is signed."""
    return _("I put version %(number)s (%(label)s) of the protocol into force, with the findings shown.") % {
        "number": version.number, "label": version.label,
    }  # fmt: skip
