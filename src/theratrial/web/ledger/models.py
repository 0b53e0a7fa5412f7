"""The ledger's own tables. Rows of `Event` are written by database triggers only (`theratrial.web.ledger.triggers`)."""

from __future__ import annotations

from django.db import models


class Event(models.Model):
    """One change or act: who, when, what, why. Append-only and chained over digests."""

    seq = models.BigIntegerField(primary_key=True)
    """1, 2, 3 ... without gaps, in the order in which changes became true."""
    at = models.CharField(max_length=32)
    """What the clock said, UTC, ``2026-11-23T06:00:00.123456Z``."""
    effective_at = models.CharField(max_length=32)
    """`at`, but never before that of the event before: a clock set back does not reorder anything."""
    actor = models.CharField(max_length=64)
    """Account name, or the named system actor with the version of the software."""
    actor_kind = models.CharField(max_length=8)  # person | system
    action = models.CharField(max_length=64)
    """``record.change``, ``query.open``, ``sign``, ``sign-in`` ..."""
    reason = models.TextField()
    op = models.CharField(max_length=8)  # insert | update | delete | note
    entity = models.CharField(max_length=64)
    """Database table of the row."""
    entity_id = models.CharField(max_length=64)
    participant = models.CharField(max_length=64)
    """Pseudonym where the row belongs to a participant, else empty."""
    site = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64)
    software = models.CharField(max_length=80)
    """Version and hash of the protocol in force."""
    payload_digest = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("seq",)
        indexes = (
            models.Index(fields=["entity", "entity_id", "seq"], name="event_of_row"),
            models.Index(fields=["participant", "seq"], name="event_of_participant"),
            models.Index(fields=["action", "seq"], name="event_of_action"),
            models.Index(fields=["actor", "seq"], name="event_of_actor"),
            models.Index(fields=["effective_at"], name="event_at"),
        )


class Payload(models.Model):
    """Old and new row of an event, apart from the chain so that a redaction leaves the chain whole.

    A redacted half holds ``redacted:<its digest>`` and has lost its salt (`ledger.chain`).
    """

    seq = models.BigIntegerField(primary_key=True)
    salt = models.CharField(max_length=64)
    old = models.TextField(null=True)
    new = models.TextField(null=True)
    redacted_by = models.ForeignKey("ledger.Redaction", null=True, on_delete=models.PROTECT)


class Head(models.Model):
    """The last event; one row, moved by the trigger. A ledger shorter than its head has lost its tail."""

    id = models.SmallIntegerField(primary_key=True)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    effective_at = models.CharField(max_length=32)


class Note(models.Model):
    """An act that changes no row (sign-in, export, print, access refused): inserting it makes its event."""

    action = models.CharField(max_length=64)
    participant = models.CharField(max_length=64, blank=True)
    site = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)


class Redaction(models.Model):
    """Removal of wrongly entered identifiers from payloads, by two people; the justification stays."""

    requested_by = models.CharField(max_length=64)
    requested_at = models.DateTimeField()
    justification = models.TextField()
    seqs = models.JSONField()
    """Numbers of the events whose payloads are emptied."""
    approved_by = models.CharField(max_length=64, blank=True)
    approved_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default="requested")  # requested | done | refused


class Signature(models.Model):
    """A person's signature on exactly what was shown. A later change of anything it rests on voids it, visibly."""

    class Meaning(models.TextChoices):
        ENTERED = "entered", "entered by me and correct"
        REVIEWED = "reviewed", "reviewed"
        APPROVED = "approved", "approved"
        RESPONSIBLE = "responsible", "responsibility for the data"
        OVERRULED = "overruled", "decision against the computed verdict"

    signer = models.CharField(max_length=64)
    printed_name = models.CharField(max_length=120)
    role = models.CharField(max_length=40)
    signed_at = models.DateTimeField()
    meaning = models.CharField(max_length=20, choices=Meaning.choices)
    statement = models.TextField(blank=True)
    """The sentence that was signed, in the signer's language."""
    kind = models.CharField(max_length=40)
    """What was signed: ``eligibility``, ``gate``, ``dosimetry``, ``batch_release``, ``record`` ..."""
    key = models.CharField(max_length=120)
    """Which one: ``P01``, ``P01/1`` (session), a record's id."""
    participant = models.CharField(max_length=64, blank=True)
    site = models.CharField(max_length=64, blank=True)
    content = models.JSONField()
    """Exactly what was shown, so that it can be shown again."""
    digest = models.CharField(max_length=64)
    """SHA-256 over kind, key and canonical content."""
    ledger_seq = models.BigIntegerField()
    ledger_hash = models.CharField(max_length=64)
    software = models.CharField(max_length=80)
    voided_at = models.DateTimeField(null=True)
    voided_because = models.TextField(blank=True)

    class Meta:
        indexes = (models.Index(fields=["kind", "key"], name="signature_of"),)


class SignedRow(models.Model):
    """A row that a signature rests on; the database voids the signature when that row changes."""

    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="rows")
    entity = models.CharField(max_length=64)
    entity_id = models.CharField(max_length=64)

    class Meta:
        indexes = (models.Index(fields=["entity", "entity_id"], name="signed_row"),)


class TwoPersonRequest(models.Model):
    """What one person asks for and another must approve: unlock, redaction, activation."""

    kind = models.CharField(max_length=20)  # unlock | redact | hard_lock
    target = models.CharField(max_length=120)
    """``trial``, ``participant:P01``, ``record:<id>``, ``redaction:<id>``."""
    reason = models.TextField()
    requested_by = models.CharField(max_length=64)
    requested_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default="requested")  # requested | approved | refused
