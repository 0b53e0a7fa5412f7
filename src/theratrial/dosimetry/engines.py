"""One time-integrated activity through several engines, and why their doses differ (docs/methods/organ_dose.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.dosimetry.organ.dose import OrganDose
from theratrial.dosimetry.organ.parts import electron_self_s_value
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.trace import Trace

VERSION: Final = "1"

Engine = Literal["local_deposition", "organ_s_value", "sphere", "voxel_kernel"]
Cause = Literal["volume", "density", "spill", "photons_self", "photons_cross", "photons", "not_told_apart"]


@dataclass(frozen=True, slots=True)
class EngineDose:
    """Mean absorbed dose of a region by one engine, in the parts the engine knows.

    Parameters
    ----------
    electron_Gy
        From electrons; from everything where the engine does not tell photons apart (then `photon_self_Gy` is None).
    photon_self_Gy, photon_cross_Gy
        From the region's own photons and from those of elsewhere. An engine that knows only their sum gives it as
        `photon_self_Gy` with `photon_cross_Gy` None. Both 0 where the engine leaves photons out by design.
    volume_mL, density_g_per_mL
        Their product is the mass that the engine divides energy by; a unit-density kernel has 1.0.
    """

    engine: Engine
    electron_Gy: float
    photon_self_Gy: float | None
    photon_cross_Gy: float | None
    volume_mL: float
    density_g_per_mL: float
    relative_sd: float | None = None
    source: str = "given:"

    def __post_init__(self) -> None:
        doses = [v for v in (self.electron_Gy, self.photon_self_Gy, self.photon_cross_Gy) if v is not None]
        if not all(math.isfinite(value) and value >= 0 for value in doses):
            raise InputError(f"engine {self.engine}: doses {doses} Gy cannot be")
        if not all(math.isfinite(v) and v > 0 for v in (self.volume_mL, self.density_g_per_mL)):
            raise InputError(
                f"engine {self.engine}: volume {self.volume_mL} mL and density {self.density_g_per_mL} g/mL "
                "must be above 0"
            )

    @property
    def absorbed_dose_Gy(self) -> float:
        """All parts [Gy]."""
        return math.fsum((self.electron_Gy, self.photon_self_Gy or 0.0, self.photon_cross_Gy or 0.0))

    @property
    def mass_g(self) -> float:
        """What the engine divides energy by [g]."""
        return self.volume_mL * self.density_g_per_mL


@dataclass(frozen=True, slots=True)
class DifferencePart:
    """How much of the difference to the reference engine one cause explains [Gy]."""

    cause: Cause
    absorbed_dose_Gy: float
    because: str


@dataclass(frozen=True, slots=True)
class EngineDifference:
    """One engine against the reference, its difference in parts that sum up to it."""

    dose: EngineDose
    difference_Gy: float
    difference_fraction: float
    parts: tuple[DifferencePart, ...]

    @property
    def largest(self) -> DifferencePart:
        """The part that explains most."""
        return max(self.parts, key=lambda part: abs(part.absorbed_dose_Gy))


@dataclass(frozen=True, slots=True)
class EngineComparison:
    """Engines side by side on one time-integrated activity."""

    region: str
    reference: EngineDose
    differences: tuple[EngineDifference, ...]
    trace: Trace


def local_deposition(
    time_integrated_activity_MBq_h: float,
    nuclide: Nuclide,
    *,
    volume_mL: float,
    density_g_per_mL: float,
    source: str = "given:",
) -> EngineDose:
    """All electrons stop in the region, photons are left out by design.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> dose = local_deposition(1000.0, nuclide("Lu-177"), volume_mL=100.0, density_g_per_mL=1.0)
    >>> round(dose.absorbed_dose_Gy, 4)
    0.8532
    """
    if not (math.isfinite(time_integrated_activity_MBq_h) and time_integrated_activity_MBq_h >= 0):
        raise InputError(f"time-integrated activity {time_integrated_activity_MBq_h} MBq h cannot be")
    if not all(math.isfinite(v) and v > 0 for v in (volume_mL, density_g_per_mL)):
        raise InputError(f"volume {volume_mL} mL and density {density_g_per_mL} g/mL must be above 0")
    gray = time_integrated_activity_MBq_h * electron_self_s_value(nuclide, volume_mL * density_g_per_mL)
    return EngineDose("local_deposition", gray, 0.0, 0.0, volume_mL, density_g_per_mL, source=source)


def organ_engine(dose: OrganDose, *, density_g_per_mL: float) -> EngineDose:
    """An organ dose as an engine; its volume is the mass it was scaled to over the density given.

    Raises
    ------
    InputError
        If the organ dose lacks a part: what is missing is not compared as zero.
    """
    if dose.missing:
        raise InputError(f"organ dose of {dose.target} lacks {'; '.join(dose.missing)}; it cannot be compared")
    if not (math.isfinite(density_g_per_mL) and density_g_per_mL > 0):
        raise InputError(f"density {density_g_per_mL} g/mL must be above 0")
    return EngineDose(
        "organ_s_value",
        dose.part_Gy("electron_self", "electron_cross"),
        dose.part_Gy("photon_self"),
        dose.part_Gy("photon_cross"),
        dose.patient_mass_g / density_g_per_mL,
        density_g_per_mL,
        dose.relative_sd,
        dose.trace.inputs["s_table"],
    )


def _difference(reference: EngineDose, dose: EngineDose) -> EngineDifference:
    start = reference.electron_Gy
    at_volume = start * reference.volume_mL / dose.volume_mL
    at_mass = start * reference.mass_g / dose.mass_g
    parts = [
        DifferencePart("volume", at_volume - start, f"{dose.volume_mL:.4g} mL against {reference.volume_mL:.4g} mL"),
        DifferencePart(
            "density",
            at_mass - at_volume,
            f"{dose.density_g_per_mL:.4g} g/mL against {reference.density_g_per_mL:.4g} g/mL",
        ),
    ]
    if dose.photon_self_Gy is None:
        rest = dose.absorbed_dose_Gy - at_mass
        parts.append(DifferencePart("not_told_apart", rest, "photons, spill and model in one; the engine has no parts"))
    else:
        spill = dose.electron_Gy - at_mass
        parts.append(DifferencePart("spill", spill, "electrons and activity that cross the region's surface"))
        photons = dose.photon_self_Gy - (reference.photon_self_Gy or 0.0)
        if dose.photon_cross_Gy is None:
            photons -= reference.photon_cross_Gy or 0.0
            parts.append(DifferencePart("photons", photons, "own photons and those of elsewhere, not told apart"))
        else:
            cross = dose.photon_cross_Gy - (reference.photon_cross_Gy or 0.0)
            parts.append(DifferencePart("photons_self", photons, "photons emitted in the region"))
            parts.append(DifferencePart("photons_cross", cross, "photons from elsewhere in the body"))
    total = dose.absorbed_dose_Gy - reference.absorbed_dose_Gy
    fraction = total / reference.absorbed_dose_Gy if reference.absorbed_dose_Gy > 0 else math.nan
    return EngineDifference(dose, total, fraction, tuple(parts))


def engine_comparison(region: str, reference: EngineDose, doses: Sequence[EngineDose]) -> EngineComparison:
    """Each dose against the reference (usually local deposition), its difference in parts.

    Assumes one time-integrated activity behind all of them. The parts, taken in the order volume, density, spill,
    photons, sum up to the difference exactly; another order would share the products of small changes out otherwise.

    Raises
    ------
    InputError
        If the reference does not tell its photons apart, is zero, or an engine stands twice.
    """
    if reference.photon_self_Gy is None or reference.absorbed_dose_Gy <= 0:
        raise InputError(f"region {region}: the reference engine must know its parts and be above 0 Gy")
    names = [reference.engine, *(dose.engine for dose in doses)]
    if len(set(names)) != len(names):
        raise InputError(f"region {region}: an engine stands twice among {', '.join(names)}")
    return EngineComparison(
        region,
        reference,
        tuple(_difference(reference, dose) for dose in doses),
        Trace("dosimetry.engines", VERSION, {dose.engine: dose.source for dose in (reference, *doses)}),
    )
