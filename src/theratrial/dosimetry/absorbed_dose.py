"""Absorbed dose by local deposition of electrons, and its sum over sessions (docs/methods/absorbed_dose.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.dosimetry.curve import Determinacy
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.time_integrated import Z_95, TimeIntegratedActivity
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.trace import Quantity, Trace
from theratrial.units import delta_mGy_g_per_MBq_h

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class AbsorbedDose:
    """Absorbed dose of a region in one session from electrons emitted in it."""

    region: str
    absorbed_dose_Gy: float | None
    lower_Gy: float | None
    upper_Gy: float
    """Infinite where nothing bounds it."""
    no_clearance_upper_Gy: float
    determinacy: Determinacy
    because: str
    mass_g: float
    own_photons_at_most_fraction: float
    """Photon over electron energy per decay: what the region's own photons add if none leaves it."""
    missing: tuple[str, ...]
    """Contributions that the dose lacks, each with what is known of its size."""
    not_in_interval: tuple[str, ...]
    trace: Trace

    @property
    def upper_with_own_photons_Gy(self) -> float:
        """Upper end if every photon emitted in the region stayed in it: what to hold against a limit [Gy]."""
        return self.upper_Gy * (1 + self.own_photons_at_most_fraction)

    @property
    def no_clearance_upper_with_own_photons_Gy(self) -> float:
        """The same if nothing is cleared after the last scan: what a careful gate may hold against a limit [Gy]."""
        return self.no_clearance_upper_Gy * (1 + self.own_photons_at_most_fraction)

    def quantity(self) -> Quantity:
        """The value as it may leave the product."""
        return Quantity(
            value=self.absorbed_dose_Gy,
            unit="Gy",
            trace=self.trace,
            lower=self.lower_Gy,
            upper=self.upper_Gy,
            note=f"{self.determinacy}: {self.because}",
        )


@dataclass(frozen=True, slots=True)
class CumulativeDose:
    """Absorbed dose of a region over several sessions."""

    region: str
    absorbed_dose_Gy: float | None
    """None if any session has no value."""
    lower_Gy: float
    """Sum of what is known: sessions of which nothing is known add nothing."""
    upper_Gy: float
    """Infinite if any session is unbounded."""
    upper_with_own_photons_Gy: float
    determinacy: Determinacy
    """The least determined of the sessions."""
    sessions: int
    sessions_without_value: tuple[int, ...]
    """Positions, from 1, of sessions without a value."""
    missing: tuple[str, ...]
    not_in_interval: tuple[str, ...]
    trace: Trace
    no_clearance_upper_Gy: float = math.inf
    no_clearance_upper_with_own_photons_Gy: float = math.inf

    def quantity(self) -> Quantity:
        """The value as it may leave the product."""
        lacking = ", ".join(str(n) for n in self.sessions_without_value)
        note = f"{self.determinacy}" + (f": no value for session {lacking}" if lacking else "")
        return Quantity(self.absorbed_dose_Gy, "Gy", self.trace, self.lower_Gy, self.upper_Gy, note)


def region_mass_g(volume_mL: float, density_g_per_mL: float) -> float:
    """Mass [g] of a region; the density comes with its source from the protocol, there is no default.

    Raises
    ------
    InputError
        If volume or density is not positive.

    Examples
    --------
    >>> region_mass_g(1000, 1.05)
    1050.0
    """
    for what, value in (("volume [mL]", volume_mL), ("density [g/mL]", density_g_per_mL)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{what} must be above 0, got {value}")
    return volume_mL * density_g_per_mL


def _lower_end(best: float | None, end: float | None, mass_relative_sd: float) -> float | None:
    """Lower end after the mass's independent relative uncertainty is added on the log scale."""
    if end is None or end <= 0:
        return end
    if best is None:
        return end * math.exp(-Z_95 * mass_relative_sd)
    return best * math.exp(-math.hypot(math.log(best / end), Z_95 * mass_relative_sd))


def _upper_end(best: float | None, end: float, mass_relative_sd: float) -> float:
    """Upper end, likewise."""
    if best is None or math.isinf(end):
        return end
    return best * math.exp(math.hypot(math.log(end / best), Z_95 * mass_relative_sd))


def _missing(nuclide: Nuclide) -> tuple[str, ...]:
    share = nuclide.photon_MeV / nuclide.electron_MeV
    return (
        f"photons emitted in the region itself (at most +{share:.1%} if none left it)",
        "photons from other regions (size not known to this method)",
        "electrons crossing the region's surface (matters for small and walled regions)",
        "activity blurred over the region's edge by the camera (no recovery applied; matters most for small regions)",
    )


def absorbed_dose(
    tia: TimeIntegratedActivity,
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    region: str,
    mass_g: float,
    mass_source: str = "as given",
) -> AbsorbedDose:
    """Absorbed dose [Gy] of a region from its own electrons: time-integrated activity times delta over mass.

    Assumes that electrons and positrons stop in the region, uniform uptake, and a mass that stays the same. Photons
    are named as missing.

    Parameters
    ----------
    mass_g
        Of the region [g].
    mass_source
        Where mass or density come from, for the trace.

    Raises
    ------
    InputError
        If the mass is not positive.
    NumericalError
        For alpha emitters, whose progeny and weighting are not here, and for nuclides without electrons.

    References
    ----------
    MIRD pamphlet No. 21, J Nucl Med 2009;50:477.
    """
    if not (math.isfinite(mass_g) and mass_g > 0):
        raise InputError(f"region {region}: mass must be above 0 g, got {mass_g}")
    if nuclide.emits_alpha or nuclide.fission_or_neutron:
        raise NumericalError(
            f"{nuclide.name} emits alpha particles or fissions: its absorbed dose needs its decay chain, "
            "which this version does not have"
        )
    if nuclide.electron_MeV <= 0:
        raise NumericalError(f"{nuclide.name} emits no electrons; local deposition says nothing about it")
    gray_per_MBq_h = delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / mass_g / 1000
    mass_sd = plan.mass_relative_sd or 0.0

    def gray(tia_MBq_h: float | None) -> float | None:
        return None if tia_MBq_h is None else tia_MBq_h * gray_per_MBq_h

    best = gray(tia.time_integrated_activity_MBq_h)
    upper, no_clearance = tia.upper_MBq_h * gray_per_MBq_h, tia.no_clearance_upper_MBq_h * gray_per_MBq_h
    return AbsorbedDose(
        region=region,
        absorbed_dose_Gy=best,
        lower_Gy=_lower_end(best, gray(tia.lower_MBq_h), mass_sd),
        upper_Gy=_upper_end(best, upper, mass_sd),
        no_clearance_upper_Gy=_upper_end(best, no_clearance, mass_sd),
        determinacy=tia.determinacy,
        because=tia.because,
        mass_g=mass_g,
        own_photons_at_most_fraction=nuclide.photon_MeV / nuclide.electron_MeV,
        missing=_missing(nuclide),
        not_in_interval=tia.not_in_interval
        + (("uncertainty of the mass (not known)",) if plan.mass_relative_sd is None else ()),
        trace=Trace(
            method="dosimetry.local_deposition",
            version=VERSION,
            inputs={**tia.trace.inputs, "mass": f"given:{mass_g!r} g, {mass_source}"},
            demonstration=tia.trace.demonstration,
        ),
    )


_FROM_LEAST: Final = (
    Determinacy.UNDETERMINED,
    Determinacy.SINGLE_POINT,
    Determinacy.RISING,
    Determinacy.EXTRAPOLATED,
    Determinacy.BOUNDED,
    Determinacy.DETERMINED,
)


def cumulative(doses: Sequence[AbsorbedDose]) -> CumulativeDose:
    """Absorbed dose of one region over the sessions given, one entry per session, undetermined ones included.

    Assumes that a session whose scans are missing stands in `doses` as undetermined: leaving it out would count it as
    zero. Ends of intervals are added, since calibration, mass and kinetics are shared between sessions.

    Raises
    ------
    InputError
        If there is no session, or the doses are of different regions.
    """
    if not doses:
        raise InputError("a cumulative dose needs at least one session; pass undetermined ones too")
    if len(regions := sorted({dose.region for dose in doses})) > 1:
        raise InputError(f"a cumulative dose is of one region, got {', '.join(regions)}")
    values = [dose.absorbed_dose_Gy for dose in doses]
    known = [value for value in values if value is not None]
    lowers = [dose.lower_Gy for dose in doses if dose.lower_Gy is not None]
    return CumulativeDose(
        region=doses[0].region,
        absorbed_dose_Gy=math.fsum(known) if len(known) == len(values) else None,
        lower_Gy=math.fsum(lowers),
        upper_Gy=math.fsum(dose.upper_Gy for dose in doses),
        upper_with_own_photons_Gy=math.fsum(dose.upper_with_own_photons_Gy for dose in doses),
        determinacy=min((dose.determinacy for dose in doses), key=_FROM_LEAST.index),
        sessions=len(doses),
        sessions_without_value=tuple(n for n, value in enumerate(values, start=1) if value is None),
        missing=tuple(dict.fromkeys(part for dose in doses for part in dose.missing)),
        not_in_interval=tuple(dict.fromkeys(part for dose in doses for part in dose.not_in_interval)),
        trace=Trace(
            method="dosimetry.cumulative",
            version=VERSION,
            inputs={
                f"session {n}, {name}": where
                for n, dose in enumerate(doses, start=1)
                for name, where in dose.trace.inputs.items()
            },
            demonstration=tuple(dict.fromkeys(clause for dose in doses for clause in dose.trace.demonstration)),
        ),
        no_clearance_upper_Gy=math.fsum(dose.no_clearance_upper_Gy for dose in doses),
        no_clearance_upper_with_own_photons_Gy=math.fsum(d.no_clearance_upper_with_own_photons_Gy for d in doses),
    )
