"""What was derived from a participant's images, as DICOM: asked for here, made in the background, fetched later."""

from __future__ import annotations

import json
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.pipeline.derived_objects import INDEX, derived_index, derived_trial, participant_objects
from theratrial.pipeline.derived_values import KINDS, DerivedObject
from theratrial.web.access import may, requires
from theratrial.web.exports.scope import data_use_withdrawn
from theratrial.web.exports.standards import computed
from theratrial.web.participants.models import Participant
from theratrial.web.results.selectors import latest_trial_result

KIND: Final = "dicom"
PERMISSIONS: Final = ("exports.make", "images.view", "doses.view")
"""Images, doses and uptakes of a participant leave the site: all three are needed at hers."""


def derived_files(participant: Participant) -> dict[str, bytes]:
    """The objects of one participant and their index, from the latest computation.

    Raises
    ------
    InputError
        Nothing is computed yet, its files are gone, or she withdrew the use of her data.
    """
    row = latest_trial_result()
    if row is None:
        raise InputError(_("nothing is computed yet: compute the trial first"))
    if participant.code in data_use_withdrawn():
        raise InputError(_("the use of the data was withdrawn: nothing is derived from the images"))
    folder, result = computed(row.computation)
    trial = derived_trial(folder, result, made_at=row.computation.finished_at)
    made = list(participant_objects(trial, participant.code))
    files = {one.file: one.content for one in made if isinstance(one, DerivedObject)}
    index: dict[str, Any] = derived_index(trial, KINDS, made)
    files[INDEX] = (json.dumps(index, ensure_ascii=False, indent=1) + "\n").encode()
    return files


def may_have(user: Any, participant: Participant) -> bool:
    """Whether the user may have a participant's derived objects."""
    return all(may(user, one, site=participant.site) for one in PERMISSIONS)


@requires("ledger.view")
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for the objects of one participant."""
    from theratrial.web.exports.making import package_requested
    from theratrial.web.exports.views import participant_to_copy

    code = request.POST.get("code", "")
    if not code or "\x00" in code:
        raise Http404
    participant = participant_to_copy(request, code)
    if not may_have(request.user, participant):
        raise PermissionDenied("images.view")
    if latest_trial_result() is None:
        messages.error(request, _("Nothing is computed yet. Compute the trial under Results."))
    else:
        package_requested(request.user, participant, KIND)
        messages.success(request, _("The derived images are being made. This page shows when they can be fetched."))
    return redirect("exports:index")
