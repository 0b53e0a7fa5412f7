"""Background work of images."""

from __future__ import annotations

from django.conf import settings
from django_tasks import task


@task(queue_name=settings.IMAGES_QUEUE)
def read_upload(upload_id: str) -> None:
    """Read a delivery; idempotent."""
    from theratrial.web.studies.services import upload_read

    upload_read(upload_id)


@task(queue_name=settings.IMAGES_QUEUE)
def participant_judged_later(code: str) -> None:
    """Match a participant's images again after a record they hang on has changed; idempotent."""
    from theratrial.web.ledger.act import SystemActor
    from theratrial.web.participants.models import Participant
    from theratrial.web.studies.judging import participant_judged

    participant = Participant.objects.select_related("site").get(code=code)
    participant_judged(SystemActor("image-matching"), participant)
