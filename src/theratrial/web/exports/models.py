"""Packages that take too long to be made while somebody waits; not data: the ledger notes what matters of them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Package(models.Model):
    """A certified copy, or the trial's history as ODM, that is made in the background and kept for some days."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, default="copy")
    # copy | odm | archive | images (archive with them) | sdtm | dicom (derived images)
    participant = models.ForeignKey("participants.Participant", null=True, on_delete=models.CASCADE)
    """Whose copy; None: of the whole trial."""
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    requested_at = models.DateTimeField()
    language = models.CharField(max_length=8)
    state = models.CharField(max_length=8, default="waiting")  # waiting | making | ready | failed | removed
    begun_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=160, blank=True, default="")
    """The process that makes it, as `results.services.this_process` names it."""
    finished_at = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.BigIntegerField(default=0)


class StudyDocument(models.Model):
    """A document of the trial that is made in the background and kept for some days."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8)  # csr | sap | safety | m11
    language = models.CharField(max_length=2)
    cut_off = models.DateField(null=True)
    """Day after which nothing exists for it; None: everything that was computed."""
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=8, default="waiting")  # waiting | making | ready | failed | removed
    begun_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=160, blank=True, default="")
    finished_at = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True)
    source = models.CharField(max_length=160, blank=True)
    """Number and hash of the ledger's event that its data reach to; empty where it holds no data."""
    draft = models.BooleanField(default=True)
    html_sha256 = models.CharField(max_length=64, blank=True)
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    """Empty where no PDF could be made; `message` says why."""
