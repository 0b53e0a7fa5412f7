"""S values of spheres: the point kernel averaged over a sphere of uniform activity; a shipped table by mass."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.transport.point_kernels import SHIPPED_NUCLIDES, point_kernel
from theratrial.dosimetry.transport.point_kernels_values import RadialDeposition, medium_density_g_per_mL
from theratrial.dosimetry.transport.values import SValue
from theratrial.errors import InputError
from theratrial.nuclides.library import nuclide as known_nuclide
from theratrial.reference import Table, table_from_text
from theratrial.trace import Trace
from theratrial.units import delta_mGy_g_per_MBq_h

Float64 = NDArray[np.float64]

METHOD: Final = "dosimetry.transport.sphere"
VERSION: Final = "1"
SMALLEST_g: Final = 0.004
LARGEST_g: Final = 6000.0
TABLE_MEDIUM: Final = "soft_tissue"


@cache
def sphere_table() -> Table:
    """The shipped S values of spheres."""
    path = files("theratrial.dosimetry.transport").joinpath("data", "sphere_s_values.csv")
    return table_from_text(path.read_text(encoding="utf-8"), "dosimetry/transport/sphere_s_values")


def share_in_sphere(radius: Float64, sphere_radius: float) -> Float64:
    """Chance that a point at `radius` from a uniform point of a sphere, in any direction, is in the sphere too.

    Examples
    --------
    >>> share_in_sphere(np.array([0.0, 1.0, 2.0]), 1.0).tolist()
    [1.0, 0.3125, 0.0]
    """
    t = np.minimum(np.asarray(radius) / sphere_radius, 2.0)
    return np.asarray(1 - 0.75 * t + t**3 / 16)


def _mean_share(edges: Float64, sphere_radius: float) -> Float64:
    """Mean of `share_in_sphere` over each shell, uniform by radius: exact."""
    t = np.minimum(edges / sphere_radius, 2.0)
    integral = sphere_radius * (t - 0.375 * t**2 + t**4 / 64)
    return np.asarray(np.diff(integral) / np.diff(edges))


def _energy_keV(kernel: RadialDeposition, sphere_radius_g_per_cm2: float) -> tuple[float, float]:
    """Energy per decay that stays in the sphere, and its statistical standard deviation [keV]."""
    share = _mean_share(kernel.edges_g_per_cm2, sphere_radius_g_per_cm2)
    return float(share @ kernel.energy_keV), math.hypot(*(share * kernel.sd_keV))


def _checked_mass_g(mass_g: float) -> float:
    if not (math.isfinite(mass_g) and SMALLEST_g <= mass_g <= LARGEST_g):
        raise InputError(
            f"a sphere of {mass_g} g is outside {SMALLEST_g:g}-{LARGEST_g:g} g, where S values of spheres are known; "
            "they are not extrapolated: use the voxel route, or correct the mass"
        )
    return float(mass_g)


def computed_sphere_s_value(
    nuclide: str,
    mass_g: float,
    medium: str = TABLE_MEDIUM,
    *,
    density_g_per_mL: float | None = None,
) -> SValue:
    """S of a sphere for itself, from the point kernel of the nuclide [Gy/(MBq h)].

    Assumes activity spread evenly and an infinite medium of the same composition and density around the sphere, so that
    photons are scattered back. Alpha particles are not in it.

    Raises
    ------
    InputError
        If the mass is outside 0.004-6000 g, or medium or density are not usable.
    SourceError
        If the nuclide is not known.
    """
    mass = _checked_mass_g(mass_g)
    density = medium_density_g_per_mL(medium) if density_g_per_mL is None else float(density_g_per_mL)
    if not (math.isfinite(density) and density > 0):
        raise InputError(f"a sphere needs a positive density, got {density} g/mL")
    radius = (3 * mass / (4 * math.pi * density)) ** (1 / 3) * density
    kernel = point_kernel(nuclide, medium)
    if 2 * radius > kernel.photon.edges_g_per_cm2[-1]:
        raise InputError(
            f"a sphere of {mass:g} g at {density:g} g/mL is wider than the point kernel of {kernel.nuclide} reaches"
        )
    electron, _ = _energy_keV(kernel.electron, radius)
    photon, sd = _energy_keV(kernel.photon, radius)
    per_keV = delta_mGy_g_per_MBq_h(1e-3) / 1000 / mass
    return SValue(electron * per_keV, photon * per_keV, photon_relative_sd=sd / photon if photon > 0 else 0.0)


@cache
def _logarithms(name: str) -> tuple[Float64, Float64, Float64, Float64]:
    """Logarithms of mass and of both parts of S, and the photons' relative standard deviation, by mass."""
    rows = [row for row in sphere_table() if row.text("nuclide") == name]
    columns = ("mass_g", "electron_Gy_per_MBq_h", "photon_Gy_per_MBq_h", "photon_relative_sd")
    mass, electron, photon, sd = (np.array([row.number(column) for row in rows]) for column in columns)
    return np.log(mass), np.log(electron), np.log(photon), sd


def log_log_interpolated(mass_g: float, masses_g: Float64, values: Float64) -> float:
    """Value at a mass by straight lines between the logarithms of a table; the ends are never passed.

    Raises
    ------
    InputError
        If the mass is outside the table.

    Examples
    --------
    >>> round(log_log_interpolated(10.0, np.array([1.0, 100.0]), np.array([1.0, 0.01])), 6)
    0.1
    """
    masses = np.asarray(masses_g, dtype=np.float64)
    if not (math.isfinite(mass_g) and masses[0] <= mass_g <= masses[-1]):
        raise InputError(f"{mass_g} g is outside the table's {masses[0]:g}-{masses[-1]:g} g; it is not extrapolated")
    return float(np.exp(np.interp(math.log(mass_g), np.log(masses), np.log(values))))


def sphere_s_value(nuclide: str, mass_g: float, medium: str = TABLE_MEDIUM) -> SValue:
    """S of a sphere for itself by mass [Gy/(MBq h)]: from the shipped table, log-log, else from the point kernel.

    Raises
    ------
    InputError
        If the mass is outside 0.004-6000 g or the medium is not known.
    SourceError
        If the nuclide is not known.

    References
    ----------
    Stabin MG, Konijnenberg MW. Re-evaluation of absorbed fractions for photons and electrons in spheres of various
    sizes. J Nucl Med 2000;41:149-160.

    Examples
    --------
    10 g of soft tissue, 177Lu; all electrons absorbed would be 8.532e-3:

    >>> s = sphere_s_value("177Lu", 10.0)
    >>> round(s.electron_Gy_per_MBq_h, 5), round(s.photon_Gy_per_MBq_h, 5)
    (0.00841, 8e-05)
    """
    name, mass = known_nuclide(nuclide).name, _checked_mass_g(mass_g)
    if name not in SHIPPED_NUCLIDES or medium != TABLE_MEDIUM:
        return computed_sphere_s_value(name, mass, medium)
    log_mass, electron, photon, sd = _logarithms(name)
    at = math.log(mass)
    return SValue(
        math.exp(np.interp(at, log_mass, electron)),
        math.exp(np.interp(at, log_mass, photon)),
        photon_relative_sd=float(np.interp(at, log_mass, sd)),
    )


def sphere_s_value_Gy_per_MBq_h(nuclide: str, mass_g: float, medium: str = TABLE_MEDIUM) -> float:
    """Electrons and photons of `sphere_s_value` together [Gy/(MBq h)]."""
    return sphere_s_value(nuclide, mass_g, medium).total_Gy_per_MBq_h


def sphere_trace(nuclide: str, mass_g: float, medium: str = TABLE_MEDIUM) -> Trace:
    """What `sphere_s_value` rests on."""
    name = known_nuclide(nuclide).name
    shipped = name in SHIPPED_NUCLIDES and medium == TABLE_MEDIUM
    inputs = (
        {"table": f"{sphere_table().trace_key}#{name}"} if shipped else dict(point_kernel(name, medium).trace.inputs)
    )
    return Trace(METHOD, VERSION, {**inputs, "mass_g": f"given:{mass_g:g}", "medium": f"given:{medium}"})
