"""S values split by kind of radiation and scaled to a patient's masses (MIRD 11 and 21)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from theratrial.dosimetry.organ.findings import IN_SKELETON, SKELETON
from theratrial.dosimetry.organ.names import contents_of
from theratrial.dosimetry.transport.values import SValue, SValueTable
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.units import delta_mGy_g_per_MBq_h

PHOTON_SELF_EXPONENT: Final = 2 / 3
"""Self-dose of photons goes as mass to the power -2/3: the absorbed fraction grows as the radius (MIRD 11)."""

_REMAINDER_ROUNDING_FRACTION: Final = 0.02
"""Of ``S(T <- total body) m_TB / m_RB``: by how much rounding of printed cells can bring a difference below zero."""
_LAST_DIGITS_FRACTION: Final = 1e-4
"""A difference below zero by less than this is a zero in the last digits of a table, and not worth a note."""


def electron_self_s_value(nuclide: Nuclide, mass_g: float) -> float:
    """``Delta_e / m``: S value if all electrons stop where they are emitted [Gy/(MBq h)].

    Raises
    ------
    InputError
        If the mass is not positive.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> f"{electron_self_s_value(nuclide('Lu-177'), 275.0) / 3.6:.3g}"  # mGy/(MBq s)
    '8.62e-05'
    """
    if not (math.isfinite(mass_g) and mass_g > 0):
        raise InputError(f"mass must be above 0 g, got {mass_g}")
    return delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / 1000 / mass_g


def wall_surface_s_value(nuclide: Nuclide, contents_mass_g: float) -> float:
    """``Delta_e / (2 m_contents)``: electron dose of the inner surface of a wall from its contents [Gy/(MBq h)].

    Half of what the contents get themselves, as at the plane face of a large source. Printed tables give this as the
    dose of the wall. For electrons whose range is small against the wall (177Lu: 0.2 mm mean) the mean over the wall is
    far lower; what is computed with this value is the dose of the inner layer.

    References
    ----------
    ICRP Publication 30 Part 1, 1979. Stabin MG, Siegel JA, Health Phys 2003;85:294.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> f"{wall_surface_s_value(nuclide('Lu-177'), 370.0) / 3.6:.3g}"  # mGy/(MBq s)
    '3.2e-05'
    """
    return electron_self_s_value(nuclide, contents_mass_g) / 2


def told_apart(table: SValueTable, target: str, source: str, nuclide: Nuclide) -> SValue:
    """The S value of a pair with electrons and photons apart, also where the table prints totals only.

    Assumes, for totals only, that a region's own electrons all stay in it and that what crosses is photons; for a wall
    and its contents and within the skeleton, whose electrons do cross, the total stays with the electrons.

    Raises
    ------
    InputError
        If the table has no such pair, or lacks the mass that the split needs.
    """
    value = table.value(target, source)
    if table.parts_known:
        return value
    if _electrons_cross(target, source):
        return value
    # Every gram of the body gets the electrons of its own share of what is spread over the body.
    if "total_body" in (target, source):
        return _split(value, electron_self_s_value(nuclide, reference_mass_g(table, "total_body")))
    if target == source:
        return _split(value, electron_self_s_value(nuclide, reference_mass_g(table, target)))
    return _split(value, 0.0)


def _split(value: SValue, electrons_Gy_per_MBq_h: float) -> SValue:
    """A total as electrons, at most those stated, and photons."""
    total = value.total_Gy_per_MBq_h
    electrons = min(electrons_Gy_per_MBq_h, total)
    return SValue(electrons, total - electrons, photon_relative_sd=value.photon_relative_sd)


def _electrons_cross(target: str, source: str) -> bool:
    return target != source and (contents_of(target) == source or {target, source} <= SKELETON)


def reference_mass_g(table: SValueTable, region: str) -> float:
    """Reference mass of a region in the table's phantom [g].

    Raises
    ------
    InputError
        If the table does not have it.
    """
    try:
        return table.masses_g[region]
    except KeyError:
        raise InputError(f"S table {table.source} has no reference mass of {region}; give it with the table") from None


def patient_s_value(reference: SValue, *, is_self: bool, reference_mass_g: float, patient_mass_g: float) -> SValue:
    """S value for the patient's mass of the target.

    Self: electrons and alpha particles as ``m_ref / m``, photons as ``(m_ref / m) ** (2/3)``. Cross: unchanged, since
    the mean dose from photons of elsewhere does not depend on the target's size to first order.

    References
    ----------
    Snyder WS et al., MIRD pamphlet No. 11, 1975. Bolch WE et al., MIRD pamphlet No. 21, J Nucl Med 2009;50:477.
    """
    if not is_self:
        return reference
    for mass in (reference_mass_g, patient_mass_g):
        if not (math.isfinite(mass) and mass > 0):
            raise InputError(f"mass must be above 0 g, got {mass}")
    ratio = reference_mass_g / patient_mass_g
    return replace(
        reference,
        electron_Gy_per_MBq_h=reference.electron_Gy_per_MBq_h * ratio,
        alpha_Gy_per_MBq_h=reference.alpha_Gy_per_MBq_h * ratio,
        photon_Gy_per_MBq_h=reference.photon_Gy_per_MBq_h * ratio**PHOTON_SELF_EXPONENT,
    )


_KINDS: Final = ("electron", "photon", "alpha")


def _kind(value: SValue, kind: str) -> float:
    return float(getattr(value, f"{kind}_Gy_per_MBq_h"))


def _as_in_total_body(table: SValueTable, target: str, source: str, nuclide: Nuclide) -> SValue:
    """The S value of a pair as ``S(T <- TB)`` holds it: a wall with its own electrons, not those at its surface."""
    value = table.value(target, source)
    if contents_of(target) != source:
        return value
    if table.parts_known:
        return replace(value, electron_Gy_per_MBq_h=0.0, alpha_Gy_per_MBq_h=0.0)
    surface = wall_surface_s_value(nuclide, reference_mass_g(table, source))
    return SValue(max(value.total_Gy_per_MBq_h - surface, 0.0), 0.0)


@dataclass(frozen=True, slots=True)
class RemainderSValue:
    """S value of the remainder of the body for one target."""

    value: SValue
    mass_g: float
    """Of the remainder in the reference phantom [g]."""
    rounded_to_zero: tuple[str, ...]
    """Kinds of radiation whose difference was below zero by no more than rounding."""


def remainder_s_value(table: SValueTable, target: str, explicit: Sequence[str], nuclide: Nuclide) -> RemainderSValue:
    """S value of the remainder of the body: the total body without the regions that are sources of their own.

    ``S(T <- RB) = (S(T <- TB) m_TB - sum_i S(T <- i) m_i) / m_RB`` with ``m_RB = m_TB - sum_i m_i``, all of the
    reference phantom, by kind of radiation. Assumes activity spread by mass in total body and remainder, and explicit
    regions that lie in the total body and do not overlap.

    Parameters
    ----------
    explicit
        The regions that are sources of their own.

    Raises
    ------
    InputError
        If a pair or a mass is not in the table, or the regions outweigh the body.
    NumericalError
        If the difference is negative by more than rounding: the explicit regions already explain more than all.

    References
    ----------
    Coffey JL, Watson EE, Med Phys 1979;6:307. Cristy M, Eckerman KF, ORNL/TM-8381/V1, 1987.
    """
    body_g = reference_mass_g(table, "total_body")
    shares = {region: reference_mass_g(table, region) for region in explicit}
    rest_g = body_g - math.fsum(shares.values())
    if rest_g <= 0:
        raise InputError(f"the sources {', '.join(explicit)} outweigh the body of {body_g:g} g; nothing remains")
    if "skeleton" in explicit and (doubled := sorted(IN_SKELETON & set(explicit))):
        raise InputError(f"skeleton and {', '.join(doubled)} overlap; give the one or the others as sources")
    # Totals are subtracted as printed and told apart afterwards, so that a target's own electrons cancel exactly.
    whole = table.value(target, "total_body")
    values = {region: _as_in_total_body(table, target, region, nuclide) for region in explicit}
    found: dict[str, float] = {}
    rounded = []
    for kind in _KINDS:
        gross = _kind(whole, kind) * body_g / rest_g
        net = gross - math.fsum(_kind(values[region], kind) * mass / rest_g for region, mass in shares.items())
        largest = whole.total_Gy_per_MBq_h * body_g / rest_g
        if net < -_REMAINDER_ROUNDING_FRACTION * largest:
            raise NumericalError(
                f"{target} <- remainder of the body: {kind} part {net:.3g} Gy/(MBq h) after subtracting "
                f"{', '.join(explicit)} from {gross:.3g}; S table {table.source} contradicts itself, run the linter"
            )
        if net < -_LAST_DIGITS_FRACTION * largest:
            rounded.append(kind)
        found[kind] = max(net, 0.0)
    noise = math.hypot(
        whole.photon_relative_sd * whole.photon_Gy_per_MBq_h * body_g / rest_g,
        *(values[r].photon_relative_sd * values[r].photon_Gy_per_MBq_h * m / rest_g for r, m in shares.items()),
    )
    sd = noise / found["photon"] if found["photon"] > 0 else 0.0
    value = SValue(found["electron"], found["photon"], found["alpha"], sd)
    if not table.parts_known:
        holder_g = body_g if target == "total_body" else rest_g
        value = _split(value, 0.0 if target in explicit else electron_self_s_value(nuclide, holder_g))
    return RemainderSValue(value, rest_g, tuple(rounded))
