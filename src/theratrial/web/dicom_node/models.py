"""Peers of the DICOM network, and studies fetched from them."""

from __future__ import annotations

import uuid

from django.db import models


class Peer(models.Model):
    """A camera, workstation or PACS that may send to the site, or that the site may ask."""

    name = models.CharField(max_length=80)
    ae_title = models.CharField(max_length=16)
    host = models.CharField(max_length=255, blank=True)
    """Name or address; empty where the peer only sends, from anywhere."""
    port = models.PositiveIntegerField(null=True)
    """Where it answers; None where it is never asked."""
    site = models.ForeignKey("people.Site", on_delete=models.PROTECT)
    """Whose images it sends."""
    may_send = models.BooleanField(default=True)
    may_be_asked = models.BooleanField(default=False)
    any_address = models.BooleanField(default=False)
    """Whether it may send from another address than `host`: behind address translation, or with changing addresses."""
    tls = models.BooleanField(default=False)
    """Whether it sends and is asked over TLS only."""
    is_active = models.BooleanField(default=True)
    """Peers are closed, not deleted: deliveries and the ledger name them."""

    class Meta:
        ordering = ("ae_title", "pk")
        constraints = (
            models.UniqueConstraint(fields=["ae_title"], condition=models.Q(is_active=True), name="one_active_peer"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.ae_title})"


class Fetch(models.Model):
    """A study that a person asked a peer to send to us."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    peer = models.ForeignKey(Peer, on_delete=models.PROTECT)
    site = models.ForeignKey("people.Site", on_delete=models.PROTECT)
    asked_by = models.CharField(max_length=64)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    study_instance_uid = models.CharField(max_length=64)
    patient_id = models.CharField(max_length=64, blank=True)
    """As the peer told it."""
    state = models.CharField(max_length=8, default="waiting")  # waiting | moving | done | failed
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ("-asked_at", "id")
