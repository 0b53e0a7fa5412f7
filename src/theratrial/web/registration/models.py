"""The versions of the registration record, and what somebody is writing for the next one."""

from __future__ import annotations

from django.db import models


class RegistrationVersion(models.Model):
    """One version, never changed and never deleted: the database refuses both, but for the day it was sent, once."""

    number = models.PositiveIntegerField(unique=True)
    """0 is the first registration; then 1, 2, 3 ... without a gap."""
    record = models.JSONField()
    """The record's YAML as one text. People's addresses are in it, so the ledger holds its digest only."""
    digest = models.CharField(max_length=64)
    """`ledger.chain.json_digest` of ``{"record": ...}``: what the ledger verifies `record` by."""
    author = models.CharField(max_length=64)
    """Account, or the part of the software that took it in."""
    made_at = models.DateTimeField()
    reason_en = models.TextField(blank=True)
    reason_fa = models.TextField(blank=True)
    signature = models.ForeignKey("ledger.Signature", null=True, on_delete=models.PROTECT)
    """None where the version was made before it came here."""
    sent_on = models.DateField(null=True)
    """Day on which the registry received it; None while it is only ours."""
    sent_by = models.CharField(max_length=64, blank=True)
    """Who recorded that day."""

    class Meta:
        ordering = ("number",)


class RegistrationDraft(models.Model):
    """What somebody has typed for the next version: not data, not in the ledger, gone when saved or discarded."""

    user = models.OneToOneField("people.User", on_delete=models.CASCADE)
    base_number = models.PositiveIntegerField(default=0)
    """Version that it changes; another one in between is a conflict."""
    record = models.TextField()
    """YAML of the record that the form was filled from: what was not typed over keeps its exact value."""
    answers = models.JSONField(default=dict)
    """Name of a field -> text as it was typed (`form`)."""
    reason_en = models.TextField(blank=True)
    reason_fa = models.TextField(blank=True)
    origin = models.CharField(max_length=8, default="edit")  # edit | import | owed
    told = models.JSONField(default=list)
    """What an import could not place, and what it repaired."""
    saved_at = models.DateTimeField()
