"""The inspector's archive of a site: its latest results with the certified copy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.pipeline.archived import standard_files
from theratrial.pipeline.outputs import RUN
from theratrial.pipeline.sdtm_package import opened_result
from theratrial.sharing.archive.contents import Advance, ArchiveSource, archive_packed
from theratrial.sharing.archive.packing import packing
from theratrial.sharing.archive.verifier import MANIFEST
from theratrial.web.exports.certified import participant_copy, trial_copy
from theratrial.web.exports.scope import provenance
from theratrial.web.ledger.act import SystemActor, act, note
from theratrial.web.ledger.models import Head
from theratrial.web.participants.models import Participant
from theratrial.web.results.selectors import computation_folder, latest_trial_result

MADE: Final = "export.archive"


@dataclass(frozen=True, slots=True)
class _Command:
    """Who makes an archive at the command line."""

    def get_username(self) -> str:
        return "command-line"


def archive_source(user: Any, participant: Participant | None, now: datetime) -> ArchiveSource:
    """What the archive of the trial, or of one participant, is made from.

    Raises
    ------
    InputError
        Nothing is computed yet.
    """
    row = latest_trial_result()
    if row is None:
        raise InputError(_("nothing is computed yet: compute the trial first"))
    place = computation_folder(row.computation)
    if place is None or not Path(place, "out", RUN).is_file():
        raise InputError(_("the files of the latest computation are gone: compute the trial again"))
    folder, result = opened_result(Path(place, "out"), Path(place, "trial"))
    standards, because = ({}, "") if participant is not None else standard_files(folder, result)
    copied = participant_copy(user, participant, now) if participant is not None else trial_copy(user, now)
    about = {**provenance(user, None, now), "computed_after_event": row.computation.ledger_seq}
    return ArchiveSource(
        folder=folder,
        result=result,
        trial=folder.path,
        out=Path(place, "out"),
        copied={name: content for name, content in copied.items() if name != MANIFEST},
        about=about,
        ledger_is_whole=participant is None,
        participant=participant.code if participant is not None else "",
        standards=standards,
        without_standards_because=because,
    )


def archive_written(user: Any, participant: Participant | None, place: Path, *, images: bool, advance: Advance) -> str:
    """Write an archive; says the digest of its manifest."""
    source = archive_source(user, participant, timezone.now())
    with packing(place) as made:
        about = archive_packed(source, made, images=images, advance=advance)
        return made.finished(about)


def command_source(code: str) -> ArchiveSource:
    """As `archive_source` at the command line; true at the moment of the last event, so that the same is made again."""
    head = Head.objects.get()
    if not head.seq:
        raise InputError("this site has no event yet; there is nothing to archive")
    participant = None
    if code:
        participant = Participant.objects.select_related("site").filter(code=code).first()
        if participant is None:
            raise InputError(f"there is no participant {code!r} in this site")
    return archive_source(_Command(), participant, datetime.fromisoformat(head.effective_at))


def archive_noted(participant: str, manifest_sha256: str, *, images: bool) -> None:
    """Note in the ledger that an archive was made at the command line."""
    with act(SystemActor("command-line"), MADE):
        note(MADE, participant=participant, manifest_sha256=manifest_sha256, images=images)
