"""May an object be shared at all? Only kinds that are understood; the rest is withheld, with why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID

from theratrial.sharing.images.elements import PIXELS

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
SHARED_CLASSES: Final = frozenset(
    _STORAGE + tail
    for tail in (
        "2",  # CT
        "2.1",  # Enhanced CT
        "2.2",  # Legacy Converted Enhanced CT
        "4",  # MR
        "4.1",  # Enhanced MR
        "4.4",  # Legacy Converted Enhanced MR
        "20",  # NM
        "128",  # PET
        "128.1",  # Legacy Converted Enhanced PET
        "130",  # Enhanced PET
        "30",  # Parametric Map
        "66.1",  # Spatial Registration
        "66.3",  # Deformable Spatial Registration
        "66.4",  # Segmentation
        "66.7",  # Label Map Segmentation
        "67",  # Real World Value Mapping
        "88.11",  # Basic Text SR
        "88.22",  # Enhanced SR
        "88.33",  # Comprehensive SR
        "88.34",  # Comprehensive 3D SR
        "88.59",  # Key Object Selection
        "88.67",  # X-Ray Radiation Dose SR
        "88.68",  # Radiopharmaceutical Radiation Dose SR
        "88.73",  # Patient Radiation Dose SR
        "481.2",  # RT Dose
        "481.3",  # RT Structure Set
        "481.5",  # RT Plan
    )
)
SCREEN_CLASSES: Final = frozenset(_STORAGE + tail for tail in ("7", "7.1", "7.2", "7.3", "7.4"))
"""Secondary captures: pictures of screens, the usual place of a burned-in name; shared only after a person looked."""
_SCREEN_KINDS: Final = frozenset(("SCREEN SAVE", "SCREENSHOT", "SCREEN", "SUMMARY", "RESULTS", "REPORT"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an object may leave."""

    admitted: bool
    needs_a_look: bool = False
    """A person may admit it after looking at its pictures."""
    because: str = ""
    """Why not, in words that tell nothing of the participant."""


def verdict(dataset: Dataset, *, reviewed: bool) -> Verdict:
    """May this object leave?

    Parameters
    ----------
    reviewed
        Whether a person has looked at the pictures of its series and found nobody named in them.
    """
    sop_class = str(dataset.get("SOPClassUID", "") or "")
    if not sop_class:
        return Verdict(False, because="states no SOP Class: what it is, is not known")
    if str(dataset.get("BurnedInAnnotation", "") or "").upper() == "YES":
        return Verdict(False, because="says itself that text is burned into its pixels")
    if sop_class in SCREEN_CLASSES or _is_screen(dataset):
        if reviewed:
            return Verdict(True)
        return Verdict(False, True, f"is a picture of a screen ({_name(sop_class)}), which may show a name")
    if sop_class not in SHARED_CLASSES:
        return Verdict(False, because=f"{_name(sop_class)} is not among the kinds of object that are shared")
    if "EncapsulatedDocument" in dataset or "WaveformSequence" in dataset:
        return Verdict(False, because="holds a document or a waveform, which cannot be searched for a name")
    return Verdict(True)


def has_pixels(dataset: Dataset) -> bool:
    """Whether the object holds an image."""
    return any(name in dataset for name in PIXELS)


def _is_screen(dataset: Dataset) -> bool:
    kinds = {str(value).upper() for value in dataset.get("ImageType", None) or ()}
    return bool(kinds & _SCREEN_KINDS) or bool(dataset.get("ConversionType", ""))


def _name(sop_class: str) -> str:
    name = UID(sop_class).name
    return name if name != sop_class else "a private kind of object"
