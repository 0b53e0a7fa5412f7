"""The two signatures under a gate: what they say, whether they stand, who is still asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.protocol.schema import Protocol
from theratrial.web.capture.models import Record
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import content_digest, is_valid, sign
from theratrial.web.participants.models import Participant
from theratrial.web.people.permissions import roles_held
from theratrial.web.results.gate import Gate, NoGate

KIND: Final = "gate"
APPROVED, REVIEWED, OVERRULED = "approved", "reviewed", "overruled"
_SHOWN_LONGEST: Final = timedelta(hours=1)

JudgedAt = Callable[[datetime], "Gate | NoGate"]
"""The gate as it is judged from today's data, to a moment."""


@dataclass(frozen=True, slots=True)
class Given:
    """A signature and whether it stands."""

    signature: Signature
    stands: bool
    changed: tuple[str, ...] = ()
    """What changed since, in words."""


@dataclass(frozen=True, slots=True)
class GateStatus:
    """How far the decision of the physicians is."""

    state: str
    """``none``, ``second``, ``differ``, ``complete`` or ``void``."""
    meaning: str
    """Meaning of the standing signatures; empty where there are none or they differ."""
    gives: bool
    """Whether the next session is decided to be given."""
    given: tuple[Given, ...]
    missing_roles: tuple[str, ...]
    shown: Gate
    """What is to be signed: at the moment of the first standing signature, else of now."""
    digest: str = ""
    now_verdict: str = ""
    roles: tuple[str, ...] = field(default=())

    @property
    def complete(self) -> bool:
        """Whether both have signed the same, and it stands."""
        return self.state == "complete"

    @property
    def statements(self) -> tuple[str, ...]:
        """Reasons that standing signatures give."""
        return tuple(one.signature.statement for one in self.given if one.stands and one.signature.statement)


def gate_key(code: str, session: int) -> str:
    """Which gate a signature is of."""
    return f"{code}/{session}"


def signer_roles(protocol: Protocol) -> tuple[str, ...]:
    """Roles that must sign; none while the clause is open, and then nobody can."""
    reading = protocol.safety_gate.reading
    return reading.examiner_roles if reading is not None else ()


def gives_session(verdict: str, meaning: str) -> bool:
    """Whether a signature of this meaning under this verdict says that the next session is given."""
    return (verdict == "proceed") == (meaning == APPROVED) if meaning != REVIEWED else False


def gate_status(now: Gate, judged_at: JudgedAt, signatures: Sequence[Signature], roles: tuple[str, ...]) -> GateStatus:
    """How the signatures of a gate stand against today's data.

    Parameters
    ----------
    now
        The gate as judged now.
    judged_at
        The same from today's data at an earlier moment: what a signature is compared with.
    """
    given = [_stands(one, now, judged_at) for one in signatures]
    latest: dict[str, Given] = {}
    for one in given:
        if one.stands:
            latest[one.signature.signer] = one
    standing = list(latest.values())
    shown = now
    if standing:
        again = judged_at(datetime.fromisoformat(standing[0].signature.content["judged_at"]))
        shown = again if isinstance(again, Gate) else now
    meanings = {(one.signature.meaning, one.signature.digest) for one in standing}
    had = {one.signature.role for one in standing}
    missing = tuple(role for role in roles if role not in had)
    meaning = standing[0].signature.meaning if len(meanings) == 1 else ""
    if not standing:
        state = "void" if given else "none"
    elif len(meanings) > 1:
        state = "differ"
    elif roles and not missing and len(standing) >= len(roles):
        state = "complete"
    else:
        state = "second"
    key = gate_key(shown.decision.participant_id, shown.decision.session)
    return GateStatus(
        state,
        meaning,
        state == "complete" and gives_session(shown.verdict, meaning),
        tuple(given),
        missing,
        shown,
        content_digest(KIND, key, shown.content),
        now.verdict,
        roles,
    )


def _stands(signature: Signature, now: Gate, judged_at: JudgedAt) -> Given:
    then = judged_at(datetime.fromisoformat(signature.content["judged_at"]))
    if isinstance(then, NoGate):
        return Given(signature, False, (then.because,))
    if not is_valid(signature, then.content):
        return Given(signature, False, changes(signature.content, then.content))
    if then.verdict != now.verdict or (signature.meaning == OVERRULED and _speaks_more(then, now)):
        return Given(signature, False, changes(then.content, now.content))
    return Given(signature, True)


def _speaks_more(then: Gate, now: Gate) -> bool:
    """Whether a clause speaks against the session now that did not, or from other records: nobody decided on that."""
    decided = {(line["clause"], line["verdict"], *line["records"]) for line in then.content["lines"]}
    return any(
        line["verdict"] != "proceed" and (line["clause"], line["verdict"], *line["records"]) not in decided
        for line in now.content["lines"]
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between two contents of a gate, line by line in words."""
    first = {one["clause"]: one for one in before.get("lines", ())}
    second = {one["clause"]: one for one in after.get("lines", ())}
    said = []
    for clause in dict.fromkeys([*first, *second]):
        old, new = first.get(clause), second.get(clause)
        if old == new:
            continue
        title = (new or old or {}).get("title", clause)
        was = f"{old['verdict']}: {old['because']}" if old else _("not judged")
        is_now = f"{new['verdict']}: {new['because']}" if new else _("not judged")
        if was == is_now:
            is_now = _("the same verdict, from other records or another wording of the clause")
        said.append(_("%(title)s. Signed: %(was)s. Now: %(now)s.") % {"title": title, "was": was, "now": is_now})
    return tuple(said)


def moment_asked(text: str, status: GateStatus) -> datetime:
    """The moment of what a page showed, as its form sends it back.

    Raises
    ------
    InputError
        It is no moment, in the future, or of a page that was opened too long ago.
    """
    known = {one.signature.content["judged_at"] for one in status.given if one.stands}
    if text in known or text == status.shown.content["judged_at"]:
        return datetime.fromisoformat(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(_("The page did not say to which moment it looks; open it again.")) from None
    age = timezone.now() - at if at.tzinfo is not None else None
    if age is None or age < timedelta(0) or age > _SHOWN_LONGEST:
        raise InputError(_("The page was opened more than an hour ago; open it again, look at it, then sign."))
    return at


def gate_signed(
    request: HttpRequest,
    participant: Participant,
    gate: Gate,
    status: GateStatus,
    *,
    meaning: str,
    reason: str,
) -> Signature:
    """Sign a gate.

    Raises
    ------
    InputError
        The meaning does not go with the verdict, a reason is missing, or the signer's role is not asked for.
    NotConfirmed
        The signer is not confirmed, or the gate changed after it was shown.
    """
    if meaning not in (APPROVED, REVIEWED, OVERRULED):
        raise InputError(_("A gate is signed as approved, as not given, or against its verdict."))
    if meaning == APPROVED and gate.verdict != "proceed":
        raise InputError(
            _("A gate that says %(verdict)s cannot be signed as proceed; decide against it with a reason instead.")
            % {"verdict": gate.verdict}
        )
    if meaning == REVIEWED and gate.verdict == "proceed":
        raise InputError(_("This gate says proceed; to withhold the session, decide against it with a reason."))
    if meaning == OVERRULED and not reason.strip():
        raise InputError(_("A decision against the gate needs its reason."))
    held = set(roles_held(request.user, site=participant.site))
    if not held & set(status.roles):
        raise InputError(
            _("The protocol asks for the signatures of: %(roles)s. You hold none of these roles at this site.")
            % {"roles": ", ".join(status.roles).replace("_", " ")}
        )
    return sign(
        request,
        kind=KIND,
        key=gate_key(participant.code, gate.decision.session),
        content=gate.content,
        meaning=meaning,
        statement=reason.strip() if meaning == OVERRULED else "",
        rows=_records(gate),
        participant=participant,
        site=participant.site,
        permission="gate.sign",
    )


def _records(gate: Gate) -> list[Record]:
    found = {
        place.rsplit("/", 1)[1].partition("@")[0]
        for line in gate.content["lines"]
        for place in line["records"]
        if "/" in place and "@" in place
    }
    return list(Record.objects.filter(pk__in=found))


def overruled_against_gate(signatures: Sequence[Signature], roles: tuple[str, ...]) -> list[list[Signature]]:
    """Decisions of all roles to give a session against the gate's verdict: deviations, void later or not."""
    groups: dict[tuple[str, str], dict[str, Signature]] = {}
    for one in signatures:
        if one.meaning == OVERRULED and one.content.get("verdict") != "proceed":
            groups.setdefault((one.key, one.digest), {})[one.signer] = one
    return [
        list(found.values())
        for found in groups.values()
        if roles and {one.role for one in found.values()} >= set(roles) and len(found) >= len(roles)
    ]
