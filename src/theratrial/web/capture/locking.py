"""Frozen, locked, hard locked: who moves data between these states, and what is refused in them.

Freezing closes the data for the site, queries and source verification go on. Locking closes everything, the comments
of queries and source verification too. Unlocking takes two people and voids the endorsements that rest on the lock. A
hard lock, of the trial alone, is for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.capture.endorsement import endorsement_in_force, endorsements_voided
from theratrial.web.capture.models import Record
from theratrial.web.capture.preconditions import Blocker, blockers_of
from theratrial.web.capture.services import LockedError
from theratrial.web.capture.two_people import decide_two, pending_request, request_two
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import TwoPersonRequest
from theratrial.web.participants.models import Participant
from theratrial.web.people.permissions import may
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import the_trial

Target = Trial | Participant | Record
LOCKED: Final = ("locked", "hard_locked")


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state that one person makes."""

    name: str
    source: str
    target: str
    reason_required: bool


MOVES: Final = {
    move.name: move
    for move in (
        Move("freeze", "open", "frozen", False),
        Move("thaw", "frozen", "open", True),
        Move("lock", "frozen", "locked", False),
    )
}


def state_label(state: str) -> str:
    """A state of data in the user's language."""
    return {"open": _("Open"), "frozen": _("Frozen"), "locked": _("Locked"), "hard_locked": _("Hard locked")}[state]


def unlocked_or_refused(participant: Participant | None, record: Record | None = None) -> None:
    """Refuse what goes on in frozen data (queries, source verification) where data are locked.

    Raises
    ------
    LockedError
        The trial, the participant or the record is locked.
    """
    for what, state in (
        (_("the trial"), the_trial().data_state),
        (_("the participant"), participant.data_state if participant else "open"),
        (_("the record"), record.data_state if record else "open"),
    ):
        if state in LOCKED:
            raise LockedError(
                _("%(what)s is locked: nothing is entered, verified, asked or answered; two people can unlock it")
                % {"what": what}
            )


def key_of(target: Target) -> str:
    """``trial``, ``participant:P01``, ``record:<id>``: how requests and signatures name it."""
    match target:
        case Trial():
            return "trial"
        case Participant():
            return f"participant:{target.code}"
        case _:
            return f"record:{target.pk}"


def target_of(key: str) -> Target:
    """What a key names.

    Raises
    ------
    InputError
        Nothing.
    """
    kind, _sep, name = key.partition(":")
    found: Target | None = None
    if kind == "trial":
        found = the_trial()
    elif kind == "participant":
        found = Participant.objects.select_related("site").filter(code=name).first()
    elif kind == "record":
        found = Record.objects.select_related("participant", "site").filter(pk=name).first()
    if found is None:
        raise InputError(f"nothing is called {key!r}; name trial, participant:<code> or record:<id>")
    return found


def site_of(target: Target) -> Any:
    """The site whose data they are; None for the trial and for what all sites share."""
    return None if isinstance(target, Trial) else target.site


def may_move(actor: Any, permission: str, target: Target) -> bool:
    """The trial as a whole is moved by who holds the permission at every site."""
    if not isinstance(target, Trial):
        return may(actor, permission, site=target.site)
    from theratrial.web.people.models import Site

    return all(may(actor, permission, site=site) for site in Site.objects.all())


def moved(actor: Any, target: Target, move: str, *, reason: str = "", override: bool = False) -> Target:
    """Freeze, thaw or lock.

    Parameters
    ----------
    override
        Freeze although something is outstanding; needs a reason. Locking cannot be overridden.

    Raises
    ------
    InputError
        The data are in another state, something is outstanding, a reason or the investigator's endorsement is missing.
    PermissionError
        The person may not.
    """
    wanted = MOVES.get(move)
    if wanted is None:
        raise InputError(f"there is no step {move!r}; there are {', '.join(MOVES)}")
    if not may_move(actor, "data.freeze", target):
        raise PermissionError("data.freeze")
    if (wanted.reason_required or override) and not reason.strip():
        raise InputError(_("say why: this step needs a reason"))
    with act(actor, f"data.{move}", reason=reason.strip()):
        current = _held(target)
        _container_allows(current)
        if current.data_state != wanted.source:
            raise InputError(
                _("the data are %(state)s by now; this step starts from %(wanted)s")
                % {"state": state_label(current.data_state).lower(), "wanted": state_label(wanted.source).lower()}
            )
        if move != "thaw":
            _outstanding_refused(current, move, override)
        current.data_state = wanted.target
        current.save(update_fields=["data_state"])
        if move == "thaw":
            endorsements_voided(
                _endorsed_keys(current), _("the data were thawed: %(reason)s") % {"reason": reason.strip()}
            )
    return current


def unlock_requested(actor: Any, target: Target, *, reason: str) -> TwoPersonRequest:
    """Ask for unlocking; another person has to approve.

    Raises
    ------
    InputError
        No reason, the data are not locked, or somebody has asked already.
    """
    if not may_move(actor, "data.unlock", target):
        raise PermissionError("data.unlock")
    _requestable(target, "unlock", "locked", reason)
    return request_two(actor, kind="unlock", target=key_of(target), reason=reason, site=site_of(target))


def hard_lock_requested(actor: Any, *, reason: str) -> TwoPersonRequest:
    """Ask for the hard lock of the trial, which nobody can undo.

    Raises
    ------
    InputError
        No reason, the trial is not locked, or somebody has asked already.
    """
    trial = the_trial()
    if not may_move(actor, "data.unlock", trial):
        raise PermissionError("data.unlock")
    _requestable(trial, "hard_lock", "locked", reason)
    return request_two(actor, kind="hard_lock", target="trial", reason=reason)


def request_decided(actor: Any, request: TwoPersonRequest, *, approve: bool, reason: str = "") -> TwoPersonRequest:
    """The second person's answer; approval unlocks, or locks for good, in the same transaction.

    Raises
    ------
    InputError
        It is the person who asked, the request is decided already, or a refusal gives no reason.
    PermissionError
        The person may not decide on it.
    """
    if request.kind not in ("unlock", "hard_lock"):
        raise InputError(f"a request of kind {request.kind} is not decided here")
    target = target_of(request.target)
    if not may_move(actor, "data.unlock", target):
        raise PermissionError("data.unlock")

    def approved(decision: TwoPersonRequest) -> None:
        with act(actor, "data.unlock" if decision.kind == "unlock" else "data.hard-lock", reason=decision.reason):
            _approved(target, decision)

    return decide_two(actor, request, approve=approve, reason=reason, site=site_of(target), effect=approved)


def _approved(target: Target, decision: TwoPersonRequest) -> None:
    current = _held(target)
    if current.data_state != "locked":
        raise InputError(_("the data are not locked any more; nothing is left to decide"))
    current.data_state = "open" if decision.kind == "unlock" else "hard_locked"
    current.save(update_fields=["data_state"])
    if decision.kind == "unlock":
        because = _("the data were unlocked: %(reason)s") % {"reason": decision.reason}
        endorsements_voided(_endorsed_keys(current), because)


def _held(target: Target) -> Target:
    """The row, held until the act ends."""
    found: Target = type(target)._default_manager.select_for_update().get(pk=target.pk)  # type: ignore[misc]
    return found


def _requestable(target: Target, kind: str, state: str, reason: str) -> None:
    if not reason.strip():
        raise InputError(_("say why: this step needs a reason"))
    target.refresh_from_db(fields=["data_state"])
    _container_allows(target)
    if target.data_state != state:
        raise InputError(
            _("the data are %(state)s, not %(wanted)s")
            % {"state": state_label(target.data_state).lower(), "wanted": state_label(state).lower()}
        )
    if pending_request(kind, key_of(target)):
        raise InputError(_("this has been asked for already and waits for another person's answer"))


def _container_allows(target: Target) -> None:
    """What lies in something locked is moved only after that is unlocked; a hard lock holds for good."""
    trial = the_trial()
    if isinstance(target, Trial):
        if trial.data_state == "hard_locked":
            raise LockedError(_("the trial is hard locked: its data change no more"))
        return
    unlocked_or_refused(target.participant if isinstance(target, Record) else None)


def _outstanding_refused(target: Target, move: str, override: bool) -> None:
    found = blockers_of(target)
    if move == "lock" and not isinstance(target, Record) and endorsement_in_force(key_of(target)) is None:
        found = (*found, Blocker("endorsement", _("the investigator has not endorsed the data as they are now"), 1))
    if found and not (move == "freeze" and override):
        listed = "; ".join(one.text for one in found)
        remedy = _("freeze with a reason, or settle it first") if move == "freeze" else _("settle it first")
        raise InputError(_("outstanding: %(listed)s. What to do: %(remedy)s") % {"listed": listed, "remedy": remedy})


def _endorsed_keys(target: Target) -> tuple[str, ...]:
    participant = target.participant if isinstance(target, Record) else target
    if isinstance(participant, Participant):
        return ("trial", key_of(participant))
    return ("trial",)
