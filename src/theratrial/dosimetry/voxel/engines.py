"""Engines: absorbed dose by voxel from a time-integrated activity map (docs/methods/voxel_dose.md)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.transport.values import VoxelKernel
from theratrial.dosimetry.voxel.convolution import convolved
from theratrial.dosimetry.voxel.density import DensityMap
from theratrial.dosimetry.voxel.dose_map import AbsorbedDoseMap, SharedActivity
from theratrial.dosimetry.voxel.tia_map import TimeIntegratedActivityMap
from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray
from theratrial.nuclides import Nuclide, nuclide_name
from theratrial.trace import Trace
from theratrial.units import delta_mGy_g_per_MBq_h

VERSION: Final = "1"
_SAME_SPACING_MM: Final = 1e-3


def _weighted(dose: FloatArray, density: DensityMap | None, medium_g_per_mL: float) -> FloatArray:
    """`dose` in the medium turned into dose at the local density, in place; no dose below the floor."""
    if density is None:
        return dose
    for plane, local in zip(dose, density.density_g_per_mL, strict=True):
        known = local >= density.floor_g_per_mL  # False for what is not a number
        np.multiply(plane, np.float32(medium_g_per_mL), out=plane)
        np.divide(plane, local, out=plane, where=known)
        plane[~known] = np.nan
    return dose


def _require_density(density: DensityMap | None, tia: TimeIntegratedActivityMap) -> None:
    if density is None:
        return
    uids = density.grid.frame_of_reference_uid, tia.grid.frame_of_reference_uid
    if (all(uids) and uids[0] != uids[1]) or not density.grid.same_place(tia.grid):
        raise InputError("the density map is on another grid than the activity; resample the CT to the activity's grid")


def _density_notes(density: DensityMap | None) -> tuple[str, ...]:
    if density is None:
        return ()
    return (f"weighted with the local density; no dose below {density.floor_g_per_mL:g} g/mL or where it is not known",)


def _trace(method: str, tia: TimeIntegratedActivityMap, density: DensityMap | None, extra: dict[str, str]) -> Trace:
    inputs = {**tia.trace.inputs, "tia map": f"value:{tia.trace.method}@{tia.trace.version}", **extra}
    if density is not None:
        inputs |= {f"density {name}": where for name, where in density.trace.inputs.items()}
    return Trace(method=method, version=VERSION, inputs=inputs, demonstration=tia.trace.demonstration)


def local_deposition(
    tia: TimeIntegratedActivityMap,
    nuclide: Nuclide,
    *,
    density_g_per_mL: float | None = None,
    density: DensityMap | None = None,
) -> AbsorbedDoseMap:
    """Absorbed dose by voxel if electrons and positrons stop in the voxel of their emission and photons escape.

    Parameters
    ----------
    density_g_per_mL
        Of a uniform medium; or give `density`, the map, instead.

    Raises
    ------
    InputError
        If not exactly one of the two densities is given, or it is not positive, or another nuclide is asked for.
    NumericalError
        For alpha emitters, whose progeny and weighting are not here.

    References
    ----------
    MIRD pamphlet No. 17, J Nucl Med 1999;40:11S.
    """
    if (density_g_per_mL is None) == (density is None):
        raise InputError("give either a uniform density or a density map")
    if density_g_per_mL is not None and not (math.isfinite(density_g_per_mL) and density_g_per_mL > 0):
        raise InputError(f"density must be above 0 g/mL, got {density_g_per_mL}")
    if tia.nuclide != nuclide.name:
        raise InputError(f"the map is of {tia.nuclide}, the dose is asked for {nuclide.name}")
    if nuclide.emits_alpha or nuclide.fission_or_neutron:
        raise NumericalError(f"{nuclide.name} emits alpha particles or fissions; this engine has electrons only")
    _require_density(density, tia)
    medium = 1.0 if density_g_per_mL is None else density_g_per_mL
    gray_per_MBq_h_per_mL = delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / 1000 / medium
    dose = _weighted(tia.MBq_h_per_mL * np.float32(gray_per_MBq_h_per_mL), density, medium)
    stated = {"density": f"given:{density_g_per_mL!r} g/mL"} if density_g_per_mL is not None else {}
    return AbsorbedDoseMap(
        grid=tia.grid,
        absorbed_dose_Gy=dose,
        engine="local_deposition",
        nuclide=tia.nuclide,
        density=density,
        notes=(*tia.notes, "photons are missing; electrons do not leave their voxel", *_density_notes(density)),
        trace=_trace("dosimetry.local_deposition", tia, density, {"nuclide": nuclide.source, **stated}),
        electron_Gy=dose,
        shared=_shared(tia),
        electron_g_Gy_per_MBq_h=delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / 1000,
        medium_g_per_mL=medium,
    )


def _shared(tia: TimeIntegratedActivityMap) -> dict[str, SharedActivity]:
    return {s.region: SharedActivity(s.volume_mL, s.shared_MBq_h) for s in tia.scaled if s.volume_mL is not None}


def _own_voxel(kernel: VoxelKernel) -> float:
    """Electron energy that stays in the voxel of its emission [g Gy/(MBq h)]."""
    electron = kernel.electron_Gy_per_MBq_h
    return float(electron[tuple(size // 2 for size in electron.shape)]) * kernel.voxel_mass_g


def _summed(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of two kernels of different extent around the same middle."""
    shape = tuple(max(pair) for pair in zip(one.shape, other.shape, strict=True))
    found = np.zeros(shape)
    for kernel in (one, other):
        low = [(whole - size) // 2 for whole, size in zip(shape, kernel.shape, strict=True)]
        found[tuple(slice(n, n + size) for n, size in zip(low, kernel.shape, strict=True))] += kernel
    return found


def kernel_dose(
    tia: TimeIntegratedActivityMap,
    kernel: VoxelKernel,
    *,
    density: DensityMap | None = None,
    parts: bool = False,
    workers: int = 1,
) -> AbsorbedDoseMap:
    """Absorbed dose by voxel as the convolution of the activity with the kernel of a uniform medium.

    Assumes that the patient is the kernel's medium everywhere. With `density`, the energy that the uniform medium
    would absorb in a voxel is divided by the voxel's own mass: right for electrons in regions larger than their range,
    too high a photon dose in lung and too low in bone near its surface.

    Parameters
    ----------
    parts
        Keep electrons and photons apart as well; costs one more inverse transform and two more volumes.
    workers
        Threads of the transforms; the result does not depend on it.

    Raises
    ------
    InputError
        If the kernel is of another nuclide or voxel size, or the density map is on another grid.
    """
    if nuclide_name(kernel.nuclide) != tia.nuclide:
        raise InputError(
            f"the map is of {tia.nuclide}, the kernel of {kernel.nuclide}; make the kernel of this nuclide"
        )
    if not np.allclose(kernel.spacing_mm, tia.grid.spacing_mm, rtol=0, atol=_SAME_SPACING_MM):
        raise InputError(
            f"the kernel is for voxels of {kernel.spacing_mm} mm (z, y, x), the map has {tia.grid.spacing_mm} mm; make "
            "the kernel for this voxel size"
        )
    _require_density(density, tia)
    volume = tia.grid.voxel_volume_mL
    electrons, photons = kernel.electron_Gy_per_MBq_h * volume, kernel.photon_Gy_per_MBq_h * volume
    electron: FloatArray | None = None
    photon: FloatArray | None = None
    if parts:
        electron, photon = convolved(tia.MBq_h_per_mL, [electrons, photons], workers=workers)
        electron = _weighted(electron, density, kernel.density_g_per_mL)
        photon = _weighted(photon, density, kernel.density_g_per_mL)
        dose = electron + photon
    else:
        (dose,) = convolved(tia.MBq_h_per_mL, [_summed(electrons, photons)], workers=workers)
        dose = _weighted(dose, density, kernel.density_g_per_mL)
    reach = ", ".join(
        f"{(size // 2 + 0.5) * step:.0f}"
        for size, step in zip(kernel.photon_Gy_per_MBq_h.shape, kernel.spacing_mm, strict=True)
    )
    medium = f"{kernel.medium}, {kernel.density_g_per_mL:g} g/mL"
    return AbsorbedDoseMap(
        grid=tia.grid,
        absorbed_dose_Gy=dose,
        engine="kernel",
        nuclide=tia.nuclide,
        density=density,
        notes=(*tia.notes, f"kernel of {medium}; photons reach {reach} mm (z, y, x)", *_density_notes(density)),
        trace=_trace(
            "dosimetry.kernel_dose",
            tia,
            density,
            {
                "kernel": f"value:{kernel.trace.method}@{kernel.trace.version}",
                "kernel medium": f"given:{medium}",
                **{f"kernel {name}": where for name, where in kernel.trace.inputs.items()},
            },
        ),
        electron_Gy=electron,
        photon_Gy=photon,
        shared=_shared(tia),
        electron_g_Gy_per_MBq_h=_own_voxel(kernel),
        medium_g_per_mL=kernel.density_g_per_mL,
    )
