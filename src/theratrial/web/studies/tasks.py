"""Background work of images."""

from __future__ import annotations

from django_tasks import task


@task()
def read_upload(upload_id: str) -> None:
    """Read a delivery; idempotent."""
    from theratrial.web.studies.services import upload_read

    upload_read(upload_id)
