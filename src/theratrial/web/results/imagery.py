"""The demonstration's images: simulated participant by participant and taken in as any delivery is."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.simulation.cohort import members, participant_images
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.results.models import Computation
from theratrial.web.results.services import WORKER, computation_requested, progressed
from theratrial.web.trials.selectors import protocol_in_force, the_trial


def images_simulated(computation: Computation) -> None:
    """Simulate and receive the images of everybody who has none yet; begin the results afterwards.

    Raises
    ------
    InputError
        The trial's participants are not virtual.
    """
    if not the_trial().simulated:
        raise InputError("the participants of this trial are not virtual; nothing is simulated for them")
    arguments = computation.arguments
    count, seed = int(arguments["participants"]), int(arguments["seed"])
    protocol = protocol_in_force()
    people = {one.code: one for one in Participant.objects.select_related("site")}
    wanted = [one.participant_id for one in members(count, seed) if one.participant_id in people]
    have = _with_images()
    root = Path(settings.SITE_FOLDER, "computed")
    root.mkdir(parents=True, exist_ok=True)
    for number, code in enumerate(wanted, start=1):
        progressed(computation, code, done=number - 1, total=len(wanted))
        if code in have:
            continue
        folder = Path(tempfile.mkdtemp(prefix=".simulated-", dir=root))
        try:
            participant_images(protocol, code, count, seed, folder / code, small=bool(arguments.get("small")))
            if (folder / code).is_dir():
                _received(folder / code, people[code])
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    progressed(computation, _("done"), done=len(wanted), total=len(wanted))
    with act(WORKER, "computation.finish"):
        found = Computation.objects.select_for_update().get(pk=computation.pk)
        found.state, found.finished_at = "done", timezone.now()
        found.save()
    computation_requested(WORKER, "trial")


def _with_images() -> set[str]:
    from theratrial.web.studies.models import Series

    return set(Series.objects.exclude(participant=None).values_list("participant__code", flat=True).distinct())


def _received(folder: Path, participant: Participant) -> None:
    from theratrial.web.studies.services import folder_received

    upload = folder_received(folder, WORKER, participant.site)
    if upload.state == "failed":
        raise InputError(f"the images of {participant.code} could not be taken in: {upload.message}")
