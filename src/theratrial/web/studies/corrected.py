"""Copies in which only the PatientID differs, for programs that know a person by nothing else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pydicom
from django.conf import settings

from theratrial.web.studies.store import stored_path


def corrected_copy(sha256: str, patient_id: str) -> Path:
    """A copy of a stored file with another PatientID, made once; the file in the store is not touched."""
    place = Path(settings.SITE_FOLDER, "derived", "patient-id", patient_id, sha256)
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    dataset = pydicom.dcmread(stored_path(sha256))
    dataset.PatientID = patient_id
    part = place.with_name(f".part-{secrets.token_hex(8)}")
    try:
        dataset.save_as(part)
        os.replace(part, place)
    finally:
        part.unlink(missing_ok=True)
    return place
