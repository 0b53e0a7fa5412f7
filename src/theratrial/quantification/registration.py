"""Rigid registration of one patient's scans, with a quality figure and a refusal. docs/methods/registration.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import ActivityMap, FloatArray, Grid, Region, Volume
from theratrial.quantification.registration_transform import Floats, RigidTransform, centre_mm
from theratrial.quantification.resampling import resampled_region, resampled_values
from theratrial.quantification.segmentation_sphere import shared_volume_mL
from theratrial.trace import Trace

METHOD: Final = "quantification.rigid_registration"
VERSION: Final = "1"

_WORKING_MM: Final = 4.8
"""Images are averaged to about this first: a third of it is the accuracy that SPECT time points need."""
_COARSER: Final = 4
"""Blocks of working voxels for the first search."""
_LEVELS: Final = ((2, 0.15), (1, 0.02))
"""Coarsening of the working voxels, and share of them that the metric looks at."""
_SEED: Final = 20177
_STEP_MM: Final = 4.0
_SMALLEST_STEP_MM: Final = 0.05
_ITERATIONS: Final = 60
_BINS: Final = 32
_AIR_HU: Final = -1000.0
_BODY_HU: Final = -500.0
_WARM_FRACTION: Final = 0.01
"""Of the activity concentration that 0.1 % of the voxels exceed: below it is surrounding, which always agrees."""


@dataclass(frozen=True, slots=True)
class RegistrationLimits:
    """What a registration must reach to be used, and beyond what it is flagged for a person to look at.

    Parameters
    ----------
    minimum_correlation
        Of the two images over the body after registration; below it is refused. Square roots of activity for SPECT.
    maximum_round_trip_mm
        Largest residual of there and back over the body, both ways registered independently; above it is refused.
    minimum_overlap_fraction
        Share of the fixed image's body that the moved image covers; below it is refused.
    flagged_shift_mm, flagged_rotation_deg
        Motion relative to the coordinates of the headers (or to the middle of the images where these agree no better).
    """

    minimum_correlation: float = 0.6
    maximum_round_trip_mm: float = 5.0
    minimum_overlap_fraction: float = 0.6
    flagged_shift_mm: float = 30.0
    flagged_rotation_deg: float = 8.0


DEFAULT_LIMITS: Final = RegistrationLimits()


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """How the moving scan lies on the fixed one, and how good that is.

    Parameters
    ----------
    transform
        Takes a place in the moving scan to the same place of the body in the fixed scan.
    shift_mm
        By how much the place moves (x, y, z) that comes to lie in the middle of the fixed image's body.
    correlation_before, correlation_after
        Pearson's, over the body, by the headers' coordinates and after registration; None where nothing overlaps.
    round_trip_mm
        Largest distance, over the corners of the body's box, between a place and where it comes back to.
    refusal
        Why it must not be used; "" if it may.
    """

    transform: RigidTransform
    shift_mm: tuple[float, float, float]
    rotation_deg: float
    metric: str
    correlation_before: float | None
    correlation_after: float | None
    round_trip_mm: float
    overlap_fraction: float
    refusal: str
    warnings: tuple[str, ...]
    trace: Trace

    def accepted(self) -> RigidTransform:
        """The transform.

        Raises
        ------
        NumericalError
            If the registration is refused.
        """
        if self.refusal:
            raise NumericalError(f"registration refused: {self.refusal} -> register by hand, or draw on each scan")
        return self.transform


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    values: FloatArray
    grid: Grid
    body: NDArray[np.bool_]
    image: Any
    coarse_image: Any
    outside: float


def rigid_registration(
    fixed: ActivityMap | Volume, moving: ActivityMap | Volume, *, limits: RegistrationLimits = DEFAULT_LIMITS
) -> Registration:
    """Motion that lays `moving` on `fixed`: two CT (mutual information), or two SPECT (correlation of square roots).

    Three starts (the headers' coordinates, the middles of the images, the centres of mass) are tried coarsely, the best
    is refined over two resolutions; both directions are registered independently, and the residual of there and back
    is the quality figure. Samples are drawn with a fixed seed on one thread: the same images give the same numbers.

    Assumes that the body moved as a whole. Breathing, a bent spine and a filled bladder are not in it.

    Raises
    ------
    InputError
        If an image is of another kind than the other, has fewer than 8 voxels along an axis, or is empty.

    References
    ----------
    Mattes D et al., PET-CT image registration in the chest using free-form deformations, IEEE Trans Med Imaging
    2003;22:120-128 (the mutual information). Lowekamp BC et al., The design of SimpleITK, Front Neuroinform 2013;7:45.
    """
    is_ct = _kind(fixed) == "CT"
    if is_ct != (_kind(moving) == "CT"):
        raise InputError("registration of a CT with a SPECT -> give two CT, or two SPECT")
    one, other = _prepared(fixed), _prepared(moving)
    forth = _optimised(one, other, is_ct)
    back = _optimised(other, one, is_ct)
    # The optimiser's transform takes a place of its fixed image to the moving one; ours goes the other way.
    transform = forth.inverse()
    box = _corners(one)
    residual = float(np.linalg.norm(back.moved(forth.moved(box)) - box, axis=1).max())
    before, _ = _agreement(one, other, RigidTransform())
    after, overlap = _agreement(one, other, transform)
    middle = box.mean(axis=0)
    x, y, z = (float(v) for v in transform.inverse().shift_mm(middle) * -1)
    shift, angle = (x, y, z), transform.rotation_deg
    return Registration(
        transform=transform,
        shift_mm=shift,
        rotation_deg=angle,
        metric="Mattes mutual information of CT" if is_ct else "correlation of square roots of activity",
        correlation_before=before,
        correlation_after=after,
        round_trip_mm=residual,
        overlap_fraction=overlap,
        refusal=_refusal(after, residual, overlap, limits),
        warnings=_flags(shift, angle, limits),
        trace=Trace(
            METHOD,
            VERSION,
            {
                "fixed": fixed.source.content_hash,
                "moving": moving.source.content_hash,
                "limits": f"given:{limits}",
                "software": f"given:SimpleITK {sitk.Version_VersionString()}, seed {_SEED}",
            },
        ),
    )


def region_dice(registration: Registration, fixed: Region, moving: Region) -> float:
    """Dice coefficient of a region of the fixed scan and the same region of the moving scan after registration.

    Raises
    ------
    InputError
        If the moved region lies wholly outside the fixed scan.
    """
    laid = resampled_region(moving, fixed.grid, registration.transform)
    return 2 * shared_volume_mL(fixed, laid) / (fixed.volume_mL + laid.volume_mL)


def _refusal(correlation: float | None, residual_mm: float, overlap: float, limits: RegistrationLimits) -> str:
    reasons = []
    if correlation is None or correlation < limits.minimum_correlation:
        shown = "none" if correlation is None else f"{correlation:.2f}"
        reasons.append(f"correlation over the body is {shown}, at least {limits.minimum_correlation:g} is needed")
    if not residual_mm <= limits.maximum_round_trip_mm:
        reasons.append(f"there and back misses by {residual_mm:.1f} mm, allowed {limits.maximum_round_trip_mm:g} mm")
    if overlap < limits.minimum_overlap_fraction:
        reasons.append(f"only {overlap:.0%} of the body overlap, needed are {limits.minimum_overlap_fraction:.0%}")
    return "; ".join(reasons)


def _flags(shift_mm: tuple[float, float, float], angle_deg: float, limits: RegistrationLimits) -> tuple[str, ...]:
    flags = []
    if (length := math.hypot(*shift_mm)) > limits.flagged_shift_mm:
        flags.append(f"the body lies {length:.0f} mm elsewhere than the headers say; look at the overlay")
    if angle_deg > limits.flagged_rotation_deg:
        flags.append(f"the body is turned by {angle_deg:.1f} degrees; look at the overlay")
    return tuple(flags)


def _kind(scan: ActivityMap | Volume) -> str:
    if isinstance(scan, ActivityMap):
        return "SPECT"
    if scan.unit != "HU":
        raise InputError(f"a volume in {scan.unit!r} cannot be registered -> give CT in HU or an activity map")
    return "CT"


def _prepared(scan: ActivityMap | Volume) -> _Prepared:
    values = scan.activity_Bq_per_mL if isinstance(scan, ActivityMap) else scan.values
    if not np.isfinite(values).all():
        raise InputError("registration: an image has voxels that are not numbers -> export it again")
    if min(values.shape) < 8:
        raise InputError(f"registration: an image of {values.shape} voxels is too small; 8 along each axis are needed")
    factors = tuple(
        max(1, min(round(_WORKING_MM / spacing), n // 8))
        for spacing, n in zip(scan.grid.spacing_mm, values.shape, strict=True)
    )
    coarse, grid = _averaged(values, scan.grid, factors)
    if isinstance(scan, ActivityMap):
        high = float(np.quantile(coarse, 0.999))
        if high <= 0:
            raise InputError("registration: an activity map holds no activity")
        body, outside = coarse >= _WARM_FRACTION * high, 0.0
        coarse = np.sqrt(np.maximum(coarse, 0) / np.float32(high), dtype=np.float32)
    else:
        coarse = np.clip(coarse, _AIR_HU, 1000.0).astype(np.float32)
        body, outside = coarse >= _BODY_HU, _AIR_HU
    if not body.any():
        raise InputError("registration: no body can be seen in an image")
    blocks = tuple(max(1, min(_COARSER, n // 8)) for n in coarse.shape)
    return _Prepared(coarse, grid, body, _image(coarse, grid), _image(*_averaged(coarse, grid, blocks)), outside)


def _image(values: FloatArray, grid: Grid) -> Any:
    image = sitk.GetImageFromArray(values)
    dz, dy, dx = grid.spacing_mm
    image.SetSpacing((dx, dy, dz))
    image.SetOrigin(grid.origin_mm)
    image.SetDirection([float(v) for v in grid.direction.ravel()])
    return image


def _averaged(values: FloatArray, grid: Grid, factors: tuple[int, ...]) -> tuple[FloatArray, Grid]:
    """Means over blocks of voxels; a rest at the far end that fills no block is left out."""
    if max(factors) == 1:
        return values, grid
    counts = [n // f for n, f in zip(values.shape, factors, strict=True)]
    cut = values[tuple(slice(0, n * f) for n, f in zip(counts, factors, strict=True))]
    (nz, ny, nx), (fz, fy, fx) = counts, factors
    mean = cut.reshape(nz, fz, ny, fy, nx, fx).mean(axis=(1, 3, 5), dtype=np.float32)
    x, y, z = (float(v) for v in grid.patient_mm((np.array(factors, dtype=float) - 1) / 2))
    dz, dy, dx = grid.spacing_mm
    return mean, Grid((nz, ny, nx), (dz * fz, dy * fy, dx * fx), (x, y, z), grid.direction, grid.frame_of_reference_uid)


def _corners(prepared: _Prepared) -> Floats:
    used = np.argwhere(prepared.body)
    low, high = used.min(axis=0), used.max(axis=0)
    ends = np.array(
        [[(low, high)[i][0], (low, high)[j][1], (low, high)[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    )
    return prepared.grid.patient_mm(ends.astype(float))


def _mass_centre_mm(prepared: _Prepared) -> Floats:
    weights = np.where(prepared.body, prepared.values - np.float32(prepared.outside), 0).astype(np.float64)
    total = weights.sum()
    index = [
        float(
            (weights.sum(axis=tuple(a for a in range(3) if a != axis)) * np.arange(weights.shape[axis])).sum() / total
        )
        for axis in range(3)
    ]
    return prepared.grid.patient_mm(np.array(index))


def _optimised(fixed: _Prepared, moving: _Prepared, is_ct: bool) -> RigidTransform:
    """Fixed place -> moving place."""
    middle = centre_mm(fixed.grid)
    starts = [
        np.zeros(3),
        centre_mm(moving.grid) - middle,
        _mass_centre_mm(moving) - _mass_centre_mm(fixed),
    ]
    tried: list[tuple[float, int, Any]] = []
    for start in starts:
        transform = sitk.Euler3DTransform()
        transform.SetCenter([float(v) for v in middle])
        transform.SetTranslation([float(v) for v in start])
        try:
            value = _run(fixed.coarse_image, moving.coarse_image, transform, ((1, 1.0),), is_ct)
        except RuntimeError:
            continue  # this start leaves no overlap
        tried.append((value, len(tried), transform))
    if not tried:
        raise InputError(
            "registration: the two images do not overlap from any start -> check that both show the same part"
        )
    _, _, best = min(tried, key=lambda one: one[:2])
    try:
        _run(fixed.image, moving.image, best, _LEVELS, is_ct)
    except RuntimeError as error:
        raise NumericalError(f"registration did not converge ({str(error).strip().splitlines()[-1]})") from None
    rotation = np.array(best.GetMatrix()).reshape(3, 3)
    u, _, v = np.linalg.svd(rotation)
    x, y, z = (float(w) for w in best.TransformPoint((0.0, 0.0, 0.0)))
    return RigidTransform(u @ v, (x, y, z))


def _run(fixed: Any, moving: Any, transform: Any, levels: tuple[tuple[int, float], ...], is_ct: bool) -> float:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums over threads would add up in changing order
    if is_ct:
        method.SetMetricAsMattesMutualInformation(_BINS)
    else:
        method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentagePerLevel([share for _, share in levels], _SEED)
    method.SetShrinkFactorsPerLevel([_shrink(fixed, factor) for factor, _ in levels])
    method.SetSmoothingSigmasPerLevel([0.5 * factor * _WORKING_MM if factor > 1 else 0.0 for factor, _ in levels])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    # Gradients at the samples alone: images of them everywhere take most of the time.
    method.MetricUseFixedImageGradientFilterOff()
    method.MetricUseMovingImageGradientFilterOff()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(_STEP_MM, _SMALLEST_STEP_MM, _ITERATIONS, 0.5, 1e-6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)
    return float(method.GetMetricValue())


def _shrink(fixed: Any, factor: int) -> int:
    return max(1, min(factor, min(fixed.GetSize()) // 8))


def _agreement(fixed: _Prepared, moving: _Prepared, transform: RigidTransform) -> tuple[float | None, float]:
    """Pearson correlation over the body (of either image) where both are, and the share of the body that is covered."""
    laid, covered = resampled_values(moving.values, moving.grid, fixed.grid, transform)
    level = math.sqrt(_WARM_FRACTION) if fixed.outside == 0.0 else _BODY_HU
    both = covered & (fixed.body | (laid >= level))
    overlap = float(np.count_nonzero(covered & fixed.body) / np.count_nonzero(fixed.body))
    if np.count_nonzero(both) < 100:
        return None, overlap
    a, b = fixed.values[both].astype(np.float64), laid[both].astype(np.float64)
    if a.std() == 0 or b.std() == 0:
        return None, overlap
    return float(np.corrcoef(a, b)[0, 1]), overlap
