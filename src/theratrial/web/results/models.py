"""What was computed from records and images, when, from which inputs."""

from __future__ import annotations

import uuid

from django.db import models


class Computation(models.Model):
    """One run of the pipeline in the background."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20)  # simulation | trial | participant
    state = models.CharField(max_length=12, default="waiting")  # waiting | running | done | failed | superseded
    requested_by = models.CharField(max_length=64)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    ledger_seq = models.BigIntegerField(default=0)
    """Last event of the ledger that its inputs hold."""
    software = models.CharField(max_length=80, blank=True)
    message = models.TextField(blank=True)
    folder = models.CharField(max_length=200, blank=True)
    """Below the site folder: the exported trial folder and the report."""
    participant = models.ForeignKey("participants.Participant", null=True, on_delete=models.PROTECT)
    """Whose alone, where it is not the cohort's."""
    arguments = models.JSONField(default=dict)
    """Of a simulation: seed, number of participants, small images."""


class Progress(models.Model):
    """How far a computation is; not data, not in the ledger."""

    computation = models.OneToOneField(Computation, on_delete=models.CASCADE, related_name="progress")
    step = models.CharField(max_length=200, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()
    worker = models.CharField(max_length=200, blank=True)
    """Machine, process and its start: whether who began it still lives."""


class ParticipantResultRow(models.Model):
    """The computed result of one participant, `theratrial.results` as JSON."""

    computation = models.ForeignKey(Computation, on_delete=models.PROTECT, related_name="participants")
    participant = models.ForeignKey("participants.Participant", on_delete=models.PROTECT)
    content = models.JSONField()
    """`theratrial.results.values.ParticipantResult`, and ``notes``."""
    for_gate = models.JSONField(default=dict)
    """Small: doses as the gate takes them, and of which injections they are."""
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["computation", "participant"], name="one_result_each"),)


class TrialResultRow(models.Model):
    """The computed result of the cohort without its participants: endpoint, flow, assumptions, notes."""

    computation = models.OneToOneField(Computation, on_delete=models.PROTECT, related_name="trial_result")
    content = models.JSONField()
    digest = models.CharField(max_length=64)
