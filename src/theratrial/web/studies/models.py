"""Images as they were received: stored once by content, matched to what the protocol plans, or in quarantine."""

from __future__ import annotations

import uuid

from django.db import models


class Upload(models.Model):
    """One delivery of files: a folder dragged into the browser, an archive, what a sender of the DICOM network sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    received_at = models.DateTimeField()
    received_by = models.CharField(max_length=64)
    site = models.ForeignKey("people.Site", null=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=12, default="receiving")  # receiving | reading | done | failed | cancelled
    files = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    """Of these, files that the site had already."""
    passed_over = models.JSONField(default=list)
    """Files that were not taken: [{name, reason}]."""
    source = models.CharField(max_length=12, default="browser")  # browser | folder | dicom
    sender = models.CharField(max_length=16, blank=True)
    """AE title of who sent it over the network."""
    unknown_sender = models.BooleanField(default=False)
    """Whether that is no peer of the site: then everything of it waits for a person."""
    message = models.TextField(blank=True)

    class Meta:
        ordering = ("-received_at", "id")


class StoredFile(models.Model):
    """A file's bytes, kept once under its hash."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    bytes = models.BigIntegerField()
    stored_at = models.DateTimeField()


class Series(models.Model):
    """A DICOM series and where it belongs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="series")
    series_instance_uid = models.CharField(max_length=64)
    study_instance_uid = models.CharField(max_length=64)
    patient_id = models.CharField(max_length=64)
    """As written in the header."""
    modality = models.CharField(max_length=16)
    description = models.CharField(max_length=200, blank=True)
    acquired_at = models.DateTimeField(null=True)
    header = models.JSONField(default=dict)
    """What pages and checks need of the header, by DICOM keyword."""
    site = models.ForeignKey("people.Site", null=True, on_delete=models.PROTECT)
    participant = models.ForeignKey("participants.Participant", null=True, on_delete=models.PROTECT)
    imaging = models.CharField(max_length=64, blank=True)
    """Planned image of the protocol it was matched to."""
    session = models.PositiveSmallIntegerField(null=True)
    part = models.CharField(max_length=8, blank=True)
    """``image``, or what belongs to it: ``ct``, ``regions``."""
    settled_by = models.CharField(max_length=64, blank=True)
    """Who said where it belongs; empty: the protocol's rules did."""
    state = models.CharField(max_length=12, default="quarantined")  # quarantined | matched | set_aside
    because = models.JSONField(default=list)
    """Why it is in quarantine: [{rule, message, remedy}]."""

    class Meta:
        ordering = ("acquired_at", "series_instance_uid", "id")
        indexes = (
            models.Index(fields=["participant", "imaging", "session"], name="series_of"),
            models.Index(fields=["series_instance_uid"], name="series_uid"),
            models.Index(fields=["state", "site"], name="series_state"),
        )


class Instance(models.Model):
    """One DICOM file of a series."""

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="instances")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT)
    sop_instance_uid = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    """Path it was received under, made harmless."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=["series", "sop_instance_uid"], name="instance_once"),)
        indexes = (models.Index(fields=["sop_instance_uid"], name="instance_uid"),)
