"""Packages that take too long to be made while somebody waits; not data: the ledger notes what matters of them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from theratrial.web.exports.naming import package_words


class Package(models.Model):
    """A certified copy, or the trial's history as ODM, that is made in the background and kept for some days."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, default="copy")
    # copy | odm | archive | images (archive with them) | sdtm | adam | dicom (derived images)
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

    @property
    def words(self) -> str:
        """What it holds, in the language of who looks."""
        return package_words(self.kind)


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


class SharingDecision(models.Model):
    """Whether something that is withheld until a person has looked may be shared; every decision is in the ledger."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, default="text")  # text | series
    digest = models.CharField(max_length=64)
    """Of the text with its place: the text itself stays in the records alone, where it can still be redacted."""
    allowed = models.BooleanField()
    decided_by = models.CharField(max_length=64)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("kind", "digest"), name="exports_one_sharing_decision"),)


class SharedRelease(models.Model):
    """A release of shared data: the line of the release log, in the ledger; its package lies in the site folder."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    to_whom = models.TextField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    requested_at = models.DateTimeField()
    language = models.CharField(max_length=8)
    computation = models.ForeignKey("results.Computation", on_delete=models.PROTECT)
    consent_name = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=8, default="waiting")  # waiting | making | made | failed
    begun_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=160, blank=True, default="")
    """The process that makes it, as `results.services.this_process` names it."""
    finished_at = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True)
    content = models.JSONField(default=dict)
    """Items with their terms, counts, proof, risk, and the head of the ledger that the data reach to."""
    participants = models.JSONField(default=list)
    """Codes of those whose data are in it; for the question who must be told of a withdrawal. Never in the release."""
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.BigIntegerField(default=0)
