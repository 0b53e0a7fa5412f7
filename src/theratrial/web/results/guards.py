"""Whether the next injection may be given: asked by the pharmacy before it records one."""

from __future__ import annotations

from django.utils.translation import gettext as _

from theratrial.web.participants.models import Participant
from theratrial.web.results.gate import NoGate
from theratrial.web.results.gates_now import gate_of


def gate_allows(participant: Participant, session: int) -> list[str]:
    """Why `session` must not be injected; empty where it may.

    The first session has no gate. Every later one needs the gate after the session before it, signed by every role
    that the protocol names, by different people, on what the data still say.
    """
    if session <= 1:
        return []
    found = gate_of(participant, session - 1)
    if isinstance(found.gate, NoGate):
        return [found.gate.because]
    status = found.status
    assert status is not None, "a gate has a status"
    before = {"session": session - 1}
    if status.state == "void":
        changed = [text for one in status.given for text in one.changed or (one.signature.voided_because,)]
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
