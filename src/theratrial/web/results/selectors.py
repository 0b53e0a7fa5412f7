"""What was computed, read: the latest results, and whether the data have moved on since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from theratrial.results.rebuild import rebuilt
from theratrial.results.values import ParticipantResult
from theratrial.web.access import sites_of
from theratrial.web.ledger.models import Event
from theratrial.web.participants.models import Participant
from theratrial.web.results.changes import INPUTS, changes_by_participant
from theratrial.web.results.gate import IMAGES_CHANGED
from theratrial.web.results.images_since import sessions_with_changed_images
from theratrial.web.results.models import Computation, ParticipantResultRow, TrialResultRow


@dataclass(frozen=True, slots=True)
class Age:
    """How current a result is."""

    computation: Computation | None
    changes: int
    """Of records and images since."""

    @property
    def current(self) -> bool:
        """Whether there is a result and nothing changed since."""
        return self.computation is not None and self.changes == 0


def changes_since(seq: int) -> int:
    """Changes of records and images of the whole trial after an event of the ledger."""
    return Event.objects.filter(seq__gt=seq, entity__in=INPUTS).count()


def latest_trial_result(*, whole: bool = True) -> TrialResultRow | None:
    """The cohort's latest result.

    Parameters
    ----------
    whole
        Whether its large content is fetched with it; otherwise it is when it is asked for.
    """
    rows = TrialResultRow.objects.filter(computation__state="done").select_related("computation")
    if not whole:
        rows = rows.defer("content")
    return rows.order_by("-computation__finished_at").first()


def trial_age() -> Age:
    """How current the cohort's result is."""
    row = latest_trial_result(whole=False)
    if row is None:
        return Age(None, 0)
    return Age(row.computation, changes_since(row.computation.ledger_seq))


def _current_rows() -> QuerySet[ParticipantResultRow]:
    return ParticipantResultRow.objects.filter(computation__state="done").select_related("computation")


def latest_result(participant: Participant) -> ParticipantResultRow | None:
    """Her latest result, from the cohort's computation or from one of her alone."""
    return _current_rows().filter(participant=participant).order_by("-computation__finished_at").first()


def age_of(row: ParticipantResultRow | None, participant: Participant) -> Age:
    """How current her result is."""
    if row is None:
        return Age(None, 0)
    changes = changes_by_participant({participant.code: row.computation.ledger_seq})
    return Age(row.computation, changes[participant.code])


def notes_of_latest_result(participant: Participant) -> list[dict[str, Any]]:
    """What the latest computation noted about her, without its large rest."""
    rows = _current_rows().filter(participant=participant).order_by("-computation__finished_at")
    found: list[dict[str, Any]] = rows.values_list("content__notes", flat=True).first() or []
    return found


def latest_for_gate(participants: Iterable[Participant], *, until: datetime | None = None) -> dict[int, dict[str, Any]]:
    """Participant -> what gates need of her latest result, without the large rest. A few queries for any number.

    Parameters
    ----------
    until
        The results, and the changes of images, as they stood at this instant; None: now.
    """
    found: dict[int, dict[str, Any]] = {}
    seqs: dict[int, int] = {}
    rows = _current_rows()
    if until is not None:
        # Those replaced since were the current ones then.
        rows = ParticipantResultRow.objects.filter(
            computation__state__in=("done", "superseded"), computation__finished_at__lte=until
        )
    rows = rows.filter(participant__in=list(participants)).order_by("computation__finished_at")
    for participant_id, for_gate, seq in rows.values_list("participant_id", "for_gate", "computation__ledger_seq"):
        found[participant_id], seqs[participant_id] = for_gate, seq
    changed = sessions_with_changed_images(seqs, until=until)
    return {pk: {**one, IMAGES_CHANGED: sorted(changed.get(pk, ()))} for pk, one in found.items()}


def participant_result(row: ParticipantResultRow) -> ParticipantResult:
    """The stored result as the core's value."""
    return rebuilt(ParticipantResult, row.content)


def computation_folder(computation: Computation) -> Path | None:
    """The folder with its report, where it is still there."""
    if not computation.folder:
        return None
    found = Path(settings.SITE_FOLDER, computation.folder)
    return found if found.is_dir() else None


def computations(limit: int = 30) -> list[Computation]:
    """The latest computations."""
    return list(Computation.objects.select_related("progress", "participant").order_by("-requested_at")[:limit])


def under_way() -> list[Computation]:
    """Those that wait or run."""
    return list(
        Computation.objects.filter(state__in=("waiting", "running"))
        .select_related("progress", "participant")
        .order_by("requested_at")
    )


def of_own_sites(user: Any, found: Iterable[Computation]) -> list[Computation]:
    """The cohort's computations, and those of one participant at a site whose participants `user` sees."""
    sites = set(sites_of(user, "participants.view"))
    return [one for one in found if one.participant is None or one.participant.site_id in sites]


def left_out(user: Any, row: TrialResultRow) -> list[tuple[str, Any]]:
    """Participants of the user's sites whom the cohort's result leaves out, with the reason."""
    found: dict[str, Any] = row.content.get("left_out", {})
    seen = Participant.objects.filter(code__in=list(found), site__in=sites_of(user, "participants.view"))
    codes = set(seen.values_list("code", flat=True))
    return sorted((code, why) for code, why in found.items() if code in codes)
