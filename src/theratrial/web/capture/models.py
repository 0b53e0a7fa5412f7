"""Clinical records as rows of the trial folder's tables, and what is said about them."""

from __future__ import annotations

import uuid

from django.db import models


class Record(models.Model):
    """One row of a record table (`theratrial.trialfolder.tables`), its cells as the trial folder writes them.

    A form that fills several rows (blood counts) gives them the same `group`. Changed in place; the ledger keeps
    every earlier state. Never deleted: `entered_in_error` takes it out of every computation and keeps its content.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    table = models.CharField(max_length=40)
    form = models.CharField(max_length=64, blank=True)
    """Form of the protocol it was entered with; empty for imports."""
    group = models.UUIDField(default=uuid.uuid4)
    protocol_version = models.ForeignKey("trials.ProtocolVersion", on_delete=models.PROTECT)
    participant = models.ForeignKey("participants.Participant", null=True, on_delete=models.PROTECT)
    site = models.ForeignKey("people.Site", null=True, on_delete=models.PROTECT)
    visit = models.CharField(max_length=64, blank=True)
    """Visit of the schedule in whose context it was entered."""
    session = models.PositiveSmallIntegerField(null=True)
    cells = models.JSONField()
    """Column -> text, as in the table's CSV; absent or empty: missing."""
    entered = models.JSONField(default=dict)
    """Column -> {text, calendar, unit} as it was typed, where that differs from the cell."""
    version = models.PositiveIntegerField(default=1)
    """Counts changes; who saves an older one is told of the conflict."""
    incomplete = models.BooleanField(default=False)
    """Saved with required items missing."""
    entered_in_error = models.BooleanField(default=False)
    data_state = models.CharField(max_length=8, default="open")  # open | frozen | locked
    entered_late = models.BooleanField(default=False)
    """Typed from a paper worksheet after a failure of the system or the line."""
    source = models.CharField(max_length=120, default="form")
    """``form``, ``import:sha256:...``, ``system:...``."""
    sequence = models.BigIntegerField(default=0)
    """Order within its table: the order of the exported file."""

    class Meta:
        ordering = ("table", "sequence", "id")
        indexes = (
            models.Index(fields=["participant", "table"], name="record_of"),
            models.Index(fields=["table", "sequence"], name="record_table"),
            models.Index(fields=["group"], name="record_group"),
        )


class Draft(models.Model):
    """What somebody has typed and not yet saved: not data, not in the ledger, gone when saved or discarded."""

    user = models.ForeignKey("people.User", on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    """Form, participant, visit, session, group."""
    answers = models.JSONField()
    base_version = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "key"], name="one_draft_each"),)


class Query(models.Model):
    """A question about an item; states of ODM 2.0."""

    participant = models.ForeignKey("participants.Participant", null=True, on_delete=models.PROTECT)
    site = models.ForeignKey("people.Site", null=True, on_delete=models.PROTECT)
    record = models.ForeignKey(Record, null=True, on_delete=models.PROTECT, related_name="queries")
    column = models.CharField(max_length=64, blank=True)
    subject = models.CharField(max_length=200)
    """What it is about where there is no record yet: ``visit:follow_up/1``, ``image:spect_24h/1``."""
    state = models.CharField(max_length=10, default="open")  # open | answered | closed | cancelled
    kind = models.CharField(max_length=8)  # manual | system
    rule = models.CharField(max_length=100, blank=True)
    """Edit check or arrival check that raised it; one open query per rule and item."""
    text = models.TextField()
    opened_by = models.CharField(max_length=64)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-opened_at", "-id")
        indexes = (models.Index(fields=["state", "site"], name="query_state"),)


class QueryMessage(models.Model):
    """One step in the thread of a query."""

    query = models.ForeignKey(Query, on_delete=models.PROTECT, related_name="messages")
    author = models.CharField(max_length=64)
    at = models.DateTimeField()
    step = models.CharField(max_length=10)  # open | answer | reopen | close | cancel | comment
    text = models.TextField()

    class Meta:
        ordering = ("at", "id")


class Verification(models.Model):
    """Source verification of one cell, at one version of its record; a later change makes it stale."""

    record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="verifications")
    column = models.CharField(max_length=64)
    record_version = models.PositiveIntegerField()
    verified_by = models.CharField(max_length=64)
    verified_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["record", "column", "record_version"], name="verified_once"),)
