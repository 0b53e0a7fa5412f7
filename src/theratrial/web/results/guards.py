"""Whether the next injection may be given: asked by the pharmacy before it records one."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import signatures_of
from theratrial.web.ledger.void_words import void_words
from theratrial.web.participants.models import Participant
from theratrial.web.results.gate import Gate, NoGate, moment_of_gate, therapy_rows
from theratrial.web.results.gate_signing import KIND, GateStatus, changes, gate_key, gate_status, signer_roles
from theratrial.web.results.gates_now import GateSource, gate_source, gate_source_as_of
from theratrial.web.trials.selectors import trial_zone


@dataclass(frozen=True, slots=True)
class GateAt:
    """What the gate before a session said of an injection at one instant."""

    against: tuple[str, ...] = ()
    """Why the session must not have been injected then; empty where it might."""
    since: tuple[str, ...] = ()
    """What today's records say otherwise of that instant than what was known then."""
    digest: str = ""
    """Of the content that both physicians had signed by then."""


def gate_allows(participant: Participant, session: int, at: datetime | None = None) -> list[str]:
    """Why `session` must not be injected at `at` (None: now); empty where it may. See `gate_at`."""
    return list(gate_at(participant, session, at).against)


def gate_at(participant: Participant, session: int, at: datetime | None = None) -> GateAt:
    """The gate before `session` for an injection at `at`.

    The first session has no gate. Every later one needs the gate after the session before it, signed by every role
    that the protocol names, by different people, by the time of the injection, on what was known at that time, and
    judging the same at that time. A signature that became void only afterwards counts, and what came since is told.

    Parameters
    ----------
    at
        Instant of the injection as typed, to the minute: the whole minute counts. None: now.
    """
    if session <= 1:
        return GateAt()
    key, now = gate_key(participant.code, session - 1), timezone.now()
    given = signatures_of(KIND, key)
    today = gate_source(participant)
    if at is None or _end_of_minute(at) >= now:
        moment = max(at, now) if at is not None else now
        found = _judged(today, session - 1, moment)
        return _answer(found, today, session, moment, given)
    until = _end_of_minute(at)
    signed = [_as_it_stood(one, until) for one in given if one.signed_at <= until]
    if given and not signed:
        when = min(one.signed_at for one in given).astimezone(trial_zone()).strftime("%Y-%m-%d %H:%M")
        text = _(
            "The gate after session %(session)s was signed only at %(when)s, after this injection. "
            "Correct the time, or report the deviation."
        )
        return GateAt((text % {"session": session - 1, "when": when},))
    then = gate_source_as_of(participant, until)
    found = _judged(then, session - 1, at)
    answer = _answer(found, then, session, at, signed)
    return GateAt(answer.against, _since(found, _judged(today, session - 1, at)), answer.digest)


def _end_of_minute(at: datetime) -> datetime:
    return at if at.second or at.microsecond else at + timedelta(minutes=1, microseconds=-1)


def _as_it_stood(signature: Signature, until: datetime) -> Signature:
    """The signature, not void where it became so only later. Never saved."""
    if signature.voided_at is None or signature.voided_at <= until:
        return signature
    stood = copy(signature)
    stood.voided_at, stood.voided_because = None, ""
    return stood


def _judged(source: GateSource, session: int, at: datetime) -> Gate | NoGate:
    """The gate judged at `at`; of virtual participants, whose time stands still, not after their last record."""
    folder, code = source.folder, source.participant.code
    if folder.simulated and session in therapy_rows(folder, code):
        at = min(at, moment_of_gate(folder, code, session, source.end))
    return source.judged(session, at)


def _answer(found: Gate | NoGate, source: GateSource, session: int, at: datetime, given: list[Signature]) -> GateAt:
    if isinstance(found, NoGate):
        return GateAt((found.because,))
    roles = signer_roles(source.folder.protocol)
    status = gate_status(found, lambda then: source.judged(session - 1, then), given, roles)
    return GateAt(tuple(_against(status, session)), (), status.digest if status.complete else "")


def _against(status: GateStatus, session: int) -> list[str]:
    before = {"session": session - 1}
    if status.state == "void":
        changed = [text for one in status.given for text in one.changed or (_void(one.signature),)]
        void = _("The signatures under the gate after session %(session)s are void: the data changed.") % before
        return [void, *dict.fromkeys(changed)]
    if status.state == "differ":
        return [_("The physicians' decisions at the gate after session %(session)s differ.") % before]
    if not status.complete:
        missing = ", ".join(role.replace("_", " ") for role in status.missing_roles)
        text = _("The gate after session %(session)s is not signed by: %(roles)s.")
        return [text % {**before, "roles": missing or _("anybody the protocol names")}]
    if not status.gives:
        return [_("The physicians decided at the gate after session %(session)s not to give the next one.") % before]
    return []


def _since(then: Gate | NoGate, now: Gate | NoGate) -> tuple[str, ...]:
    """Lines of the gate that today's records judge otherwise, at the same instant."""
    if isinstance(then, NoGate) or isinstance(now, NoGate):
        said = {one.because for one in (then, now) if isinstance(one, NoGate)}
        return tuple(sorted(said)) if isinstance(then, Gate) else ()
    return changes(*_said_otherwise(then.content, now.content))


def _said_otherwise(then: dict[str, Any], now: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both contents without the lines whose verdict and reason are the same."""
    told = [{line["clause"]: (line["verdict"], line["because"]) for line in one["lines"]} for one in (then, now)]
    same = {clause for clause, said in told[0].items() if told[1].get(clause) == said}
    first, second = ({"lines": [line for line in one["lines"] if line["clause"] not in same]} for one in (then, now))
    return first, second


def _void(signature: Signature) -> str:
    told = void_words(signature.voided_because, None)
    return told.text if told is not None else signature.voided_because
