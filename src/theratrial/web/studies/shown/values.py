"""What the browser is sent: bytes, their type, and a header that says what they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from theratrial.imaging.values import FloatArray, Grid

NIFTI = "application/gzip"
RAW = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Shown:
    """Bytes for the browser and what they are. The header is JSON, and goes into the manifest of the viewer."""

    content: bytes
    content_type: str
    header: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Values on a grid, ready to be shown: what `volume_shown` and `mip_shown` take."""

    grid: Grid
    values: FloatArray
    unit: str
    """SUVbw, HU, Bq/mL, or the unit of the series where it is none of these."""
    modality: str
    patient_id: str
    acquired_at: str | None
    """ISO 8601, with the zone where it is known."""
    notes: tuple[str, ...] = field(default=())
    """What a reader must be told: warnings of the conversion, averaging."""
    exact: bool = True
    """False where the values are averages of stored ones, to bound what the browser must hold."""


@dataclass(frozen=True, slots=True)
class Window:
    """Lower and upper display value, with a name that the page can translate."""

    name: str
    low: float
    high: float


def windows(image: Image) -> tuple[Window, ...]:
    """The window shown first, and the presets after it."""
    match image.unit:
        case "SUVbw":
            return (
                Window("SUV 0-10", 0.0, 10.0),
                Window("SUV 0-5", 0.0, 5.0),
                Window("SUV 0-15", 0.0, 15.0),
                Window("SUV 0-25", 0.0, 25.0),
            )
        case "HU":
            return (
                Window("Soft tissue", -160.0, 240.0),
                Window("Lung", -1350.0, 150.0),
                Window("Bone", -450.0, 1050.0),
                Window("Liver", -20.0, 160.0),
            )
        case _:
            return _relative_windows(image.values)


def _relative_windows(values: FloatArray) -> tuple[Window, ...]:
    """Windows by the values themselves: activity differs by orders of magnitude between sessions."""
    highest = float(values.max(initial=0.0))
    positive = values[values > 0]
    usual = float(np.percentile(positive[:: max(1, positive.size // 200_000)], 99.5)) if positive.size else 0.0
    top = round_up(usual) or 1.0
    return (
        Window("99.5 %", 0.0, top),
        Window("Half", 0.0, top / 2),
        Window("Maximum", 0.0, round_up(highest) or top),
    )


def round_up(value: float) -> float:
    """The next number with two leading digits: 1234 -> 1300."""
    if value <= 0 or not np.isfinite(value):
        return 0.0
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(np.ceil(value / step) * step)
