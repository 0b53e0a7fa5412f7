"""Background work of the DICOM network."""

from __future__ import annotations

from django.conf import settings
from django_tasks import task


@task(queue_name=settings.IMAGES_QUEUE)
def study_fetched(fetch_id: str) -> None:
    """Have a peer send a study; idempotent."""
    from theratrial.web.dicom_node.fetching import fetch_made

    fetch_made(fetch_id)
