"""The trial of this installation: its protocol versions, its registration record, the state of its data."""

from __future__ import annotations

from django.db import models


class Trial(models.Model):
    """One row: an installation runs one trial."""

    trial_id = models.CharField(max_length=64, unique=True)
    title = models.TextField()
    simulated = models.BooleanField(default=False)
    """Whether the participants are virtual; said on every page."""
    data_state = models.CharField(max_length=12, default="open")  # open | frozen | locked | hard_locked
    in_force = models.ForeignKey("trials.ProtocolVersion", null=True, on_delete=models.PROTECT, related_name="+")
    registration_yaml = models.TextField(blank=True)
    """Of sites set up before versions were kept: taken over as version 0 at migration (`registration.taking`), then
    empty. Nothing else reads it."""
    consent_version = models.CharField(max_length=40, blank=True)
    """Version of the consent form that new consents must be on; empty: any."""
    consent_version_since = models.DateField(null=True)


class ProtocolVersion(models.Model):
    """The protocol file, byte for byte."""

    number = models.PositiveIntegerField(unique=True)
    label = models.CharField(max_length=100)
    yaml = models.TextField()
    sha256 = models.CharField(max_length=64)
    loaded_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
