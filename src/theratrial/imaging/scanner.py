"""The scanner of a series and how its image was reconstructed, as the header names them."""

from __future__ import annotations

from dataclasses import dataclass

from theratrial.imaging.series import Series
from theratrial.imaging.suv_tags import Tags


@dataclass(frozen=True, slots=True)
class Scanner:
    """Texts as stored; empty where the header states nothing."""

    model: str
    """Manufacturer and model."""
    software: str
    reconstruction: str
    """Method and convolution kernel."""


def scanner(series: Series) -> Scanner:
    """The scanner that made a series.

    References
    ----------
    DICOM PS3.3 C.7.5.1 (general equipment), C.8.9.1 (PET series).
    """
    tags = Tags(series.header)

    def joined(*keywords: str) -> str:
        return ", ".join(" ".join(text.split()) for keyword in keywords if (text := tags.text(keyword)))

    return Scanner(
        model=joined("Manufacturer", "ManufacturerModelName"),
        software=joined("SoftwareVersions"),
        reconstruction=joined("ReconstructionMethod", "ConvolutionKernel"),
    )
