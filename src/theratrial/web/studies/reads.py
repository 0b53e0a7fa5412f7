"""The read of a session's whole-body scans: the protocol's answers, and which lesions of the PET are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.protocol.schema import BiodistributionRead
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.capture.services import ConflictError, record_change, record_create
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.people.permissions import roles_held
from theratrial.web.studies.models import Series
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

KIND = "biodistribution_read"


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lesion of the baseline PET."""

    id: str
    site: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader says of one scan."""

    imaging: str
    result: str
    lesions: tuple[str, ...]
    comment: str
    seen_version: int


def plan() -> BiodistributionRead:
    """Who reads, what, with which answers.

    Raises
    ------
    InputError
        The protocol asks for no such read, or has not decided on it.
    """
    clause = protocol_in_force().biodistribution_read
    if clause is None or clause.reading is None:
        raise InputError(_("the protocol says nothing of a read of the whole-body scans; decide on it there first"))
    return clause.reading


def scans(participant: Participant, session: int) -> dict[str, Series]:
    """Received scans of a session that are to be read, by planned image."""
    rows = Series.objects.filter(
        participant=participant, session=session, state="matched", part="image", imaging__in=plan().imaging
    ).order_by("acquired_at")
    return {row.imaging: row for row in rows}


def lesions(participant: Participant, user: Any = None) -> list[Lesion]:
    """Lesions seen on the baseline PET, once each, as the readers named them; those that `user` may see."""
    from theratrial.web.results.blinding import hidden_records

    found: dict[str, Lesion] = {}
    baseline = _baseline()
    hidden = hidden_records(user, participant).records if user is not None else frozenset()
    for record in live_records().filter(participant=participant, table="lesion_readings").exclude(pk__in=hidden):
        cells = record.cells
        if cells.get("timepoint") == baseline and cells.get("status") == "present":
            found.setdefault(cells["lesion_id"], Lesion(cells["lesion_id"], cells.get("site", "")))
    return list(found.values())


def _baseline() -> str:
    plans = [one.reading for one in protocol_in_force().imaging.values() if one.reading is not None]
    return next((one.timepoint for one in plans if "selection" in one.purpose), "baseline")


def reads(participant: Participant, session: int) -> list[Record]:
    """Every live read of the session, in order of entry."""
    lines = live_records().filter(participant=participant, table="biodistribution_reads", session=session)
    return [one for one in lines if one.cells.get("session") == str(session)]


def own_reads(records: Sequence[Record], reader: str) -> dict[str, Record]:
    """A reader's own, by planned image."""
    return {one.cells.get("imaging_id", ""): one for one in records if one.cells.get("reader") == reader}


def reader_role(user: Any, participant: Participant) -> str:
    """The role in which the person reads.

    Raises
    ------
    InputError
        None of her roles may read by the protocol.
    """
    allowed = plan().reader_roles
    held = [role for role in roles_held(user, site=participant.site) if role in allowed]
    if not held:
        raise InputError(_("by the protocol the scans are read by: %(roles)s") % {"roles": ", ".join(allowed)})
    return held[0]


def read_recorded(
    user: Any, participant: Participant, session: int, answers: Sequence[Answer], *, reason: str
) -> list[Record]:
    """Keep a reader's answers; a changed answer needs a reason and voids her signature.

    Raises
    ------
    InputError
        An answer is none of the protocol's, names a lesion the PET does not have, or a scan that is not there.
    ConflictError
        The read was changed meanwhile.
    LockedError
        The data are frozen or locked.
    """
    role = reader_role(user, participant)
    there, known = scans(participant, session), {one.id for one in lesions(participant, user)}
    for one in answers:
        _judged(one, there, known)
    if not answers:
        raise InputError(_("choose an answer for at least one scan"))
    made = []
    with act(user, "biodistribution.read", reason=reason):
        mine = own_reads(reads(participant, session), user.get_username())
        for one in answers:
            made.append(_kept(user, participant, session, one, role, mine.get(one.imaging), reason))
    return made


def _judged(one: Answer, there: Mapping[str, Series], known: set[str]) -> None:
    if one.imaging not in there:
        raise InputError(_("%(scan)s has not been received, so it cannot be read") % {"scan": one.imaging})
    if one.result not in plan().answers:
        raise InputError(
            _("%(got)s is none of the protocol's answers: %(known)s")
            % {"got": one.result or "–", "known": ", ".join(plan().answers)}
        )
    if unknown := sorted(set(one.lesions) - known):
        raise InputError(_("the PET has no lesion %(names)s") % {"names": ", ".join(unknown)})


def _kept(
    user: Any, participant: Participant, session: int, one: Answer, role: str, old: Record | None, reason: str
) -> Record:
    named = sorted(one.lesions)
    cells = {
        "session": str(session),
        "imaging_id": one.imaging,
        "reader": user.get_username(),
        "reader_role": role,
        "read_at": timezone.now().astimezone(trial_zone()).isoformat(timespec="minutes"),
        "result": one.result,
        # Nothing can be seen or not seen on a scan that cannot be assessed: missing, not zero.
        "lesions_seen": "" if one.result == "not_assessable" else str(len(named)),
        "comment": one.comment.strip(),
    }
    entered = {"lesions_seen": {"text": ", ".join(named)}} if named else {}
    if old is None and one.seen_version:
        raise InputError(_("the read was taken back meanwhile; look at the page again"))
    if old is None:
        return record_create(
            user,
            "biodistribution_reads",
            cells,
            participant=participant,
            form=KIND,
            session=session,
            visit=one.imaging,
            entered=entered,
        )
    same = {key: value for key, value in old.cells.items() if key not in ("read_at", "participant_id")}
    wanted = {key: value for key, value in cells.items() if value and key != "read_at"}
    if same == wanted and old.entered == entered:
        return old
    if one.seen_version != old.version:
        raise ConflictError(old)
    return record_change(user, old, cells, seen_version=one.seen_version, reason=reason, entered=entered)


def signed_content(participant: Participant, session: int, records: Sequence[Record]) -> dict[str, Any]:
    """Exactly what a reader's signature binds: her answers, the images they were made on, the lesions of the PET."""
    there = scans(participant, session)
    return {
        "participant": participant.code,
        "session": session,
        "reads": [
            {**one.cells, "lesions": one.entered.get("lesions_seen", {}).get("text", ""), "version": one.version}
            for one in sorted(records, key=lambda one: one.cells.get("imaging_id", ""))
        ],
        "images": {name: row.series_instance_uid for name, row in there.items()},
        "lesions_of_pet": [one.id for one in lesions(participant)],
    }


__all__ = [
    "KIND",
    "Answer",
    "Lesion",
    "lesions",
    "own_reads",
    "plan",
    "read_recorded",
    "reader_role",
    "reads",
    "scans",
    "signed_content",
]
