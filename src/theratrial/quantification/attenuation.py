"""Attenuation of a gamma line in the body: from the Hounsfield units of a CT, or from a stated thickness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import numpy as np
import xraydb
from numpy.typing import NDArray
from scipy import ndimage

from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Grid, Region, Volume
from theratrial.trace import Trace

METHOD: Final = "quantification.mu_map"
VERSION: Final = "1"
Beam = Literal["narrow", "effective"]
"""Narrow: scatter is taken off the counts. Effective: it is not, and a smaller coefficient stands for it."""

_CORTICAL_BONE: Final = (
    ("H", 0.034), ("C", 0.155), ("N", 0.042), ("O", 0.435), ("Na", 0.001),
    ("Mg", 0.002), ("P", 0.103), ("S", 0.003), ("Ca", 0.225),
)  # fmt: skip
"""Mass fractions of cortical bone, ICRU Report 44, table 4.1 (density 1.92 g/mL)."""
_CORTICAL_BONE_g_per_mL: Final = 1.92
_LOWEST_keV, _HIGHEST_keV = 50.0, 600.0
_BODY_HU: Final = -500.0
_AIR_HU: Final = -900.0
_LEAST_IN_BODY: Final = 0.6
_HALF: Final = 0.5


@cache
def water_per_mm(energy_keV: float) -> float:
    """Linear attenuation coefficient of water [1/mm], all interactions (narrow beam).

    Raises
    ------
    InputError
        If the energy is outside 50-600 keV, where no gamma camera images.

    Examples
    --------
    >>> round(water_per_mm(208.4) * 10, 4), round(water_per_mm(140.5) * 10, 4)
    (0.1351, 0.1537)
    """
    _check_energy(energy_keV)
    return float(xraydb.material_mu("H2O", energy_keV * 1000, density=1.0)) / 10


@cache
def cortical_bone_per_mm(energy_keV: float) -> float:
    """Linear attenuation coefficient of cortical bone of 1.92 g/mL [1/mm], all interactions."""
    _check_energy(energy_keV)
    mass = sum(share * float(xraydb.mu_elam(element, energy_keV * 1000)) for element, share in _CORTICAL_BONE)
    return mass * _CORTICAL_BONE_g_per_mL / 10


def _check_energy(energy_keV: float) -> None:
    if not _LOWEST_keV <= energy_keV <= _HIGHEST_keV:
        raise InputError(
            f"attenuation at {energy_keV} keV; allowed are {_LOWEST_keV:g}-{_HIGHEST_keV:g} keV -> name the imaged line"
        )


def mu_of_hounsfield_per_mm(hounsfield: Any, energy_keV: float, *, ct_effective_keV: float = 70.0) -> Any:
    """Linear attenuation [1/mm] at a gamma energy of Hounsfield units, by two straight lines that meet in water.

    Below 0 HU a voxel is taken as air and water, above as water and cortical bone; the bone line goes through the
    Hounsfield number that cortical bone has at the effective energy of the CT (70 keV stands for 120 kVp).

    Examples
    --------
    >>> [round(float(v), 4) for v in 10 * mu_of_hounsfield_per_mm(np.array([-1000.0, 0.0, 1000.0]), 208.4)]
    [0.0, 0.1351, 0.207]
    """
    water, bone = water_per_mm(energy_keV), cortical_bone_per_mm(energy_keV)
    bone_HU = 1000 * (cortical_bone_per_mm(ct_effective_keV) / water_per_mm(ct_effective_keV) - 1)
    values = np.asarray(hounsfield, dtype=np.float32)
    soft = water * (1 + np.minimum(values, 0) / 1000)
    dense = np.maximum(values, 0) * ((bone - water) / bone_HU)
    return np.maximum(soft + dense, 0)


@dataclass(frozen=True, slots=True, eq=False)
class MuMap:
    """Linear attenuation of the body on the grid of its CT; zero outside of the body.

    `relative_sd` is that of the coefficient as a whole (conversion, energy), common to all pixels.
    """

    grid: Grid
    per_mm: FloatArray
    body: NDArray[np.bool_]
    energy_keV: float
    relative_sd: float
    trace: Trace


def mu_map(
    ct: Volume,
    energy_keV: float,
    *,
    regions: Sequence[Region] = (),
    relative_sd: float = 0.03,
    ct_effective_keV: float = 70.0,
) -> MuMap:
    """Attenuation map of a CT for one gamma energy.

    The body is what `body_mask` finds and what is drawn as a region; what lies outside (the table) is taken out, since
    a planar scan lies on another one.

    Parameters
    ----------
    ct
        In HU, axes parallel to the patient's.
    regions
        Drawn on this CT: they belong to the body even where a coarse CT shows no wall before them.
    relative_sd
        Of the coefficient [fraction]; 3 % covers the choice of the CT's effective energy and of two lines.

    Raises
    ------
    InputError
        If the volume is not in HU, lies oblique, shows no body, or less than half of a region lies in the body.

    References
    ----------
    Brown S et al., Appl Radiat Isot 2008;66:1206-1212 (two lines). ICRU Report 44. docs/methods/planar_activity.md.
    """
    if ct.unit != "HU":
        raise InputError(f"a mu-map is made of a CT in HU, got a volume in {ct.unit!r}")
    check_upright(ct.grid)
    body = _with_regions(body_mask(ct.values), ct.grid, regions)
    per_mm = mu_of_hounsfield_per_mm(ct.values, energy_keV, ct_effective_keV=ct_effective_keV)
    trace = Trace(
        METHOD,
        VERSION,
        {
            "ct": ct.source.content_hash,
            "energy": f"given:{energy_keV:g} keV",
            "coefficients": f"given:xraydb {xraydb.__version__}, CT of effective {ct_effective_keV:g} keV",
        },
    )
    per_mm = np.where(body, per_mm, 0).astype(np.float32)
    return MuMap(ct.grid, per_mm, body, energy_keV, relative_sd, trace)


def _with_regions(body: NDArray[np.bool_], grid: Grid, regions: Sequence[Region]) -> NDArray[np.bool_]:
    found = body.copy()
    for region in regions:
        if not region.grid.same_place(grid):
            raise InputError(f"region {region.name!r} is on another grid than the CT -> put it on the CT's grid")
        held = float((body[region.box()] * region.weights).sum(dtype=np.float64))
        share = held / float(region.weights.sum(dtype=np.float64))
        if share < _LEAST_IN_BODY:
            raise InputError(
                f"region {region.name!r}: {share:.0%} of it lies in the body that the CT shows; at least "
                f"{_LEAST_IN_BODY:.0%} is needed -> check that region and CT are of one examination"
            )
        found[region.box()] |= region.weights >= _HALF
    return found


def body_mask(hounsfield: FloatArray) -> NDArray[np.bool_]:
    """Voxels of the body ``(nz, ny, nx)``.

    Largest connected part above -500 HU after opening, holes filled in every axial slice; and what is denser than air
    (above -900 HU, smoothed) between two parts of it in a row or column: a lung that nearly reaches the skin is no
    hole.
    """
    above = hounsfield > _BODY_HU
    opened = ndimage.binary_opening(above, np.ones((1, 3, 3), dtype=bool))
    labels, count = ndimage.label(opened)
    if not count:
        raise InputError("the CT shows no body (nothing above -500 HU) -> give the CT in HU")
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    # Opening costs a rim; what touches the part grown by one voxel and is above the threshold belongs to it.
    grown = ndimage.binary_dilation(labels == int(sizes.argmax()), np.ones((1, 3, 3), dtype=bool)) & above
    filled: NDArray[np.bool_] = np.stack([ndimage.binary_fill_holes(plane) for plane in grown])
    smooth = ndimage.gaussian_filter(hounsfield, (0, 1, 1))
    return filled | ((smooth > _AIR_HU) & (_between(filled, 1) | _between(filled, 2)))


def _between(mask: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Voxels with a voxel of the mask on either side along an axis."""
    before = np.logical_or.accumulate(mask, axis=axis)
    behind = np.flip(np.logical_or.accumulate(np.flip(mask, axis), axis=axis), axis)
    found: NDArray[np.bool_] = before & behind
    return found


def check_upright(grid: Grid) -> None:
    """Refuse a grid whose axes are not those of the patient (x to the left, y to the back, z to the head)."""
    if not np.allclose(grid.direction, np.eye(3), atol=1e-3):
        raise InputError(
            "the grid lies oblique or turned to the patient's axes, along which planar views look -> resample it to "
            f"axial slices, supine and head first; direction is {np.round(grid.direction, 3).tolist()}"
        )


@dataclass(frozen=True, slots=True)
class StatedAttenuation:
    """A body of stated thickness and one coefficient, where no CT covers the region.

    Parameters
    ----------
    body_thickness_mm
        Front to back at the region [mm].
    mu_per_mm
        [1/mm], narrow or effective as `beam` says.
    thickness_sd_mm, mu_relative_sd
        Standard deviations of both.
    """

    body_thickness_mm: float
    mu_per_mm: float
    beam: Beam
    thickness_sd_mm: float
    mu_relative_sd: float
    source: str

    def __post_init__(self) -> None:
        if not (0 < self.body_thickness_mm < 800 and 0 < self.mu_per_mm < 0.05):
            raise InputError(
                f"a body of {self.body_thickness_mm} mm with {self.mu_per_mm} per mm; allowed are up to 800 mm and "
                "0.05 per mm -> check the units"
            )
        if self.thickness_sd_mm < 0 or self.mu_relative_sd < 0:
            raise InputError("standard deviations of thickness and attenuation are not negative")

    @property
    def relative_sd(self) -> float:
        """Of an activity: ``mu t / 2`` times those of both."""
        path = self.mu_per_mm * self.body_thickness_mm
        return path / 2 * math.hypot(self.mu_relative_sd, self.thickness_sd_mm / self.body_thickness_mm)


def check_beam(beam: Beam, *, scatter_taken_off: bool) -> None:
    """Refuse narrow-beam attenuation on counts with scatter, and effective attenuation on counts without.

    Raises
    ------
    InputError
        If the two do not go together: scatter would stay uncorrected or be corrected twice.
    """
    if beam == "narrow" and not scatter_taken_off:
        raise InputError(
            "narrow-beam attenuation with counts that still hold scatter overstates the activity -> take scatter off, "
            "or state an effective coefficient measured at the site"
        )
    if beam == "effective" and scatter_taken_off:
        raise InputError(
            "an effective attenuation coefficient with counts whose scatter was taken off corrects scatter twice -> "
            "use the narrow-beam coefficient"
        )
