"""One planar scan laid on another of the same patient: rigid in the plane, with pictures to judge it by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray, PlanarPair
from theratrial.quantification.conjugate_view import geometric_mean
from theratrial.quantification.planar_registration import correlation

LEAST_CORRELATION: Final = 0.9
MOST_ROTATION_deg: Final = 10.0
MOST_DISAGREEMENT_mm: Final = 15.0
_SMOOTH_MM: Final = 8.0


@dataclass(frozen=True, slots=True)
class ViewRegistration:
    """How the body lies in a second scan compared with the first.

    Parameters
    ----------
    down_mm, right_mm
        By how much it lies further down and to the right, at the middle of the view [mm].
    rotation_deg
        Turned clockwise as shown [degree].
    correlation_before, correlation_after
        Of the square roots of the geometric means.
    residual_mm
        How far the two heads, registered alone, disagree [mm].
    """

    down_mm: float
    right_mm: float
    rotation_deg: float
    correlation_before: float
    correlation_after: float
    residual_mm: float

    @property
    def sd_mm(self) -> float:
        """Standard deviation of the shift, half of what the heads disagree by and not below 0.5 mm."""
        return max(self.residual_mm / 2, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Pictures for a person to judge a registration by ``(ny, nx)``, on one scale: counts per second at one instant.

    `moved` is the second scan laid on the first; `difference` is moved less fixed, and `before` what it was unmoved.
    """

    fixed: FloatArray
    before: FloatArray
    moved: FloatArray
    difference: FloatArray
    spacing_mm: tuple[float, float]


def registered_views(first: PlanarPair, second: PlanarPair, *, photopeak: int) -> ViewRegistration:
    """Rigid registration of a second planar scan to the first.

    Assumes the same camera, matrix and patient, and that the pattern of uptake changes little between both.

    Raises
    ------
    InputError
        If the scans differ in matrix or pixel size, or one has a single view.
    NumericalError
        If the correlation stays below 0.9 or gets worse, the body turned by more than 10 degrees, or the heads disagree
        by more than 15 mm.
    """
    spacing = first.pixel_spacing_mm
    if first.anterior.shape[1:] != second.anterior.shape[1:] or not np.allclose(spacing, second.pixel_spacing_mm):
        raise InputError("the two planar scans differ in matrix or pixel size -> resample one of them first")
    if first.posterior is None or second.posterior is None:
        raise InputError("both planar scans need both views")
    fixed, moving = (_pictures(pair, photopeak) for pair in (first, second))
    transform = _transform(fixed[2], moving[2], spacing)
    before = correlation(fixed[2], moving[2])
    after = correlation(fixed[2], _resampled(moving[2], transform, spacing))
    heads = [_transform(fixed[n], moving[n], spacing) for n in (0, 1)]
    apart = [abs(a - b) for a, b in zip(*(t.GetTranslation() for t in heads), strict=True)]
    right, down = transform.GetTranslation()
    found = ViewRegistration(down, right, math.degrees(transform.GetAngle()), before, after, math.hypot(*apart))
    _judge(found)
    return found


def _judge(found: ViewRegistration) -> None:
    if found.correlation_after < LEAST_CORRELATION or found.correlation_after < found.correlation_before - 1e-3:
        raise NumericalError(
            f"the scans correlate by {found.correlation_before:.3f} before and {found.correlation_after:.3f} after "
            f"registration; at least {LEAST_CORRELATION:g} and no loss is needed -> check patient and views, or place "
            "by hand"
        )
    if abs(found.rotation_deg) > MOST_ROTATION_deg:
        raise NumericalError(f"the body turned by {found.rotation_deg:.1f} degrees, more than a patient lies askew")
    if found.residual_mm > MOST_DISAGREEMENT_mm:
        raise NumericalError(
            f"the two heads disagree by {found.residual_mm:.0f} mm; allowed are {MOST_DISAGREEMENT_mm:g} mm -> the "
            "patient moved between or within the scans; place by hand"
        )


def _pictures(pair: PlanarPair, photopeak: int) -> list[FloatArray]:
    """Square roots of smoothed counts: anterior, posterior, geometric mean. The root evens the noise."""
    assert pair.posterior is not None
    sigma = [_SMOOTH_MM / s / 2.355 for s in pair.pixel_spacing_mm]
    views = [gaussian_filter(v[photopeak].astype(np.float32), sigma) for v in (pair.anterior, pair.posterior)]
    pictures = [np.sqrt(np.maximum(v, 0)) for v in (*views, geometric_mean(*views))]
    # On one scale, so that activity and duration of a scan do not count.
    return [p / max(float(p.max()), 1e-12) for p in pictures]


def _image(picture: FloatArray, spacing_mm: tuple[float, float]) -> Any:
    image = sitk.GetImageFromArray(np.ascontiguousarray(picture, dtype=np.float32))
    image.SetSpacing((spacing_mm[1], spacing_mm[0]))
    return image


def _transform(fixed: FloatArray, moving: FloatArray, spacing_mm: tuple[float, float]) -> Any:
    """From a place in the fixed scan to the same place of the body in the moving one."""
    one, other = _image(fixed, spacing_mm), _image(moving, spacing_mm)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=4.0, minStep=1e-3, numberOfIterations=200, gradientMagnitudeTolerance=1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1] if min(spacing_mm) < 4 else [2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0] if min(spacing_mm) < 4 else [1, 0])
    ny, nx = fixed.shape
    start = sitk.Euler2DTransform()
    start.SetCenter(((nx - 1) / 2 * spacing_mm[1], (ny - 1) / 2 * spacing_mm[0]))
    method.SetInitialTransform(start, inPlace=True)
    method.Execute(one, other)
    return start


def _resampled(picture: FloatArray, transform: Any, spacing_mm: tuple[float, float]) -> FloatArray:
    image = _image(picture, spacing_mm)
    moved = sitk.Resample(image, image, transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    found: FloatArray = sitk.GetArrayFromImage(moved)
    return found


def overlay(
    first: PlanarPair,
    second: PlanarPair,
    found: ViewRegistration,
    *,
    photopeak: int,
    half_life_h: float,
    first_dwell_s: float,
    second_dwell_s: float,
) -> Overlay:
    """Both scans on one scale, the second laid on the first and its decay since undone.

    Raises
    ------
    InputError
        If a scan states no time.
    """
    if first.acquired_at is None or second.acquired_at is None:
        raise InputError("both scans need a time to be brought to one instant")
    assert first.posterior is not None
    assert second.posterior is not None
    hours = (second.acquired_at - first.acquired_at).total_seconds() / 3600
    fixed = geometric_mean(first.anterior[photopeak], first.posterior[photopeak]) / np.float32(first_dwell_s)
    other = geometric_mean(second.anterior[photopeak], second.posterior[photopeak])
    other = other * np.float32(math.exp2(hours / half_life_h) / second_dwell_s)
    ny, nx = fixed.shape
    spacing = first.pixel_spacing_mm
    transform = sitk.Euler2DTransform()
    transform.SetCenter(((nx - 1) / 2 * spacing[1], (ny - 1) / 2 * spacing[0]))
    transform.SetAngle(math.radians(found.rotation_deg))
    transform.SetTranslation((found.right_mm, found.down_mm))
    moved = _resampled(other, transform, spacing)
    return Overlay(fixed, other, moved, moved - fixed, spacing)
