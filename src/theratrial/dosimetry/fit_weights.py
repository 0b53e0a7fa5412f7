"""How far each point may lie from a fitted curve: residuals and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from theratrial.dosimetry.fit_models import Array, KineticModel
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.errors import InputError


class Weighting(StrEnum):
    """What a fit makes least."""

    RELATIVE = "relative"
    """Squares of log differences over the points' relative standard deviations; equal where none is stated."""
    ABSOLUTE = "absolute"
    """Squares of differences over standard deviations in MBq, given for each point."""
    EQUAL = "equal"
    """Squares of differences in MBq, unweighted; the noise is estimated from the residuals."""


@dataclass(frozen=True, slots=True)
class Target:
    """The points of a fit as arrays, with what a residual is."""

    hours: Array
    activity_MBq: Array
    sd: Array
    """Relative for `RELATIVE`, else [MBq]."""
    weighting: Weighting
    noise_known: bool
    """Whether the standard deviations are stated; if not, the residuals have to tell the noise."""

    def residuals(self, model: KineticModel, theta: Array) -> Array:
        """(model - measured) / sd, shape (n,)."""
        found = model.activity_MBq(theta, self.hours)
        if self.weighting is Weighting.RELATIVE:
            return np.asarray((_log(found) - np.log(self.activity_MBq)) / self.sd)
        return np.asarray((found - self.activity_MBq) / self.sd)

    def jacobian(self, model: KineticModel, theta: Array) -> Array:
        """Derivative of the residuals by the parameters, shape (n, parameters)."""
        by_parameter = model.jacobian(theta, self.hours)
        if self.weighting is Weighting.RELATIVE:
            found = np.maximum(model.activity_MBq(theta, self.hours), np.finfo(float).tiny)
            return np.asarray(by_parameter / (found * self.sd)[:, None])
        return np.asarray(by_parameter / self.sd[:, None])

    @property
    def linear_sd_MBq(self) -> Array:
        """Standard deviations for the linear search of coefficients [MBq]."""
        return self.sd * self.activity_MBq if self.weighting is Weighting.RELATIVE else self.sd


def _log(values: Array) -> Array:
    # An uptake that has underflowed is a bad parameter to be left, not an error.
    return np.asarray(np.log(np.maximum(values, np.finfo(float).tiny)))


def fit_target(
    points: Sequence[TimeActivityPoint], weighting: Weighting, absolute_sd_MBq: Sequence[float] | None
) -> Target:
    """The points, already in order, as the arrays of a fit.

    Raises
    ------
    InputError
        If uncertainty is stated for some points only, absolute deviations do not fit the points, or a measured zero is
        to be fitted on a logarithmic scale.
    """
    hours = np.array([point.hours_after_administration for point in points], dtype=float)
    activity = np.array([point.activity_MBq for point in points], dtype=float)
    if (absolute_sd_MBq is not None) != (weighting is Weighting.ABSOLUTE):
        raise InputError(f"absolute_sd_MBq belongs to absolute weighting and to no other, got {weighting} weighting")
    if absolute_sd_MBq is not None:
        sd = np.asarray(absolute_sd_MBq, dtype=float)
        if sd.shape != hours.shape or not (np.isfinite(sd) & (sd > 0)).all():
            raise InputError(f"absolute_sd_MBq must be above 0 MBq, one for each of {len(points)} points, got {sd}")
        return Target(hours, activity, sd, weighting, noise_known=True)
    if weighting is Weighting.EQUAL:
        # Any constant does; the largest activity keeps the numbers near 1.
        return Target(hours, activity, np.full(hours.shape, max(activity.max(), 1e-300)), weighting, noise_known=False)
    if (activity == 0).any():
        zeros = ", ".join(f"{hour:.4g} h" for hour in hours[activity == 0])
        raise InputError(
            f"an activity of zero (at {zeros}) has no logarithm; give absolute standard deviations instead"
        )
    relative = np.array([point.uncorrelated_relative_sd for point in points])
    if (relative > 0).any() and not (relative > 0).all():
        raise InputError("some points state an uncertainty and some state none; state it for each point of the curve")
    known = bool((relative > 0).all())
    return Target(hours, activity, relative if known else np.ones(hours.shape), weighting, noise_known=known)
