"""Participants: what ties records, images and results of one woman together."""

from __future__ import annotations

from django.db import models


class Participant(models.Model):
    """A screened person by pseudonym; everything clinical about her is in `capture.Record`."""

    code = models.CharField(max_length=64, unique=True)
    """Pseudonym, the PatientID of her images."""
    site = models.ForeignKey("people.Site", on_delete=models.PROTECT, related_name="participants")
    screened_on = models.DateField()
    data_state = models.CharField(max_length=8, default="open")  # open | frozen | locked

    class Meta:
        ordering = ("code",)

    def __str__(self) -> str:
        return self.code
