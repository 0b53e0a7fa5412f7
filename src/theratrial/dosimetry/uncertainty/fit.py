"""From the covariance of fitted exponentials to the uncertainty of a time-integrated activity."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.exponentials import SumOfExponentials
from theratrial.dosimetry.uncertainty.recovery import quadratic_form
from theratrial.errors import InputError, NumericalError


def _jacobian(curve: SumOfExponentials, times_h: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns ``dA/da_1, dA/dlambda_1, dA/da_2, ...`` at the times."""
    columns = []
    for term in curve.terms:
        decay = np.exp(-term.effective_per_h * times_h)
        columns += [decay, -term.activity_MBq * times_h * decay]
    return np.stack(columns, axis=1)


def fit_covariance(
    curve: SumOfExponentials,
    times_h: Sequence[float],
    relative_sds: Sequence[float],
    *,
    activities_MBq: Sequence[float] | None = None,
) -> NDArray[np.float64]:
    """Covariance of ``(a_1, lambda_1, a_2, lambda_2, ...)`` of a weighted least-squares fit ``(J^T W J)^-1``.

    Assumes independent errors of the stated relative standard deviations about the curve. Where the points are given
    and scatter by more than that (reduced chi-square above 1), the covariance grows by the reduced chi-square.

    Parameters
    ----------
    relative_sds
        Of the activities: what is independent from scan to scan.
    activities_MBq
        The measured activities, for the scatter; left out, the stated errors are taken at their word.

    Returns
    -------
    ``(2k, 2k)`` for `k` terms; units MBq and 1/h.

    Raises
    ------
    InputError
        If there are fewer points than parameters, or an error is not positive.
    NumericalError
        If the points do not determine the parameters.
    """
    times = np.asarray(times_h, dtype=np.float64)
    sds = np.asarray(relative_sds, dtype=np.float64)
    parameters = 2 * len(curve.terms)
    if times.shape != sds.shape or times.size < parameters:
        raise InputError(f"{parameters} parameters need at least as many points with an error each, got {times.size}")
    if not (np.isfinite(sds).all() and (sds > 0).all()):
        raise InputError(f"relative standard deviations of the points must be above 0, got {sds.tolist()}")
    values = np.array([curve.activity_MBq(float(time)) for time in times])
    if not (values > 0).all():
        raise InputError("the fitted curve is not above 0 at each point; relative errors about it have no meaning")
    jacobian = _jacobian(curve, times)
    weighted = jacobian / (sds * values)[:, None]
    # Columns differ by orders of magnitude (MBq and 1/h); scaled, the condition number says what is determined.
    scale = np.linalg.norm(weighted, axis=0)
    if not (scale > 0).all() or np.linalg.cond(weighted / scale) > 1e8:
        raise NumericalError("the points do not determine the parameters of the fit; take a simpler curve")
    inverse = np.linalg.pinv(weighted / scale)
    covariance = (inverse @ inverse.T) / np.outer(scale, scale)
    if activities_MBq is not None and (freedom := times.size - parameters) > 0:
        residuals = (np.asarray(activities_MBq, dtype=np.float64) - values) / (sds * values)
        covariance = covariance * max(1.0, float(residuals @ residuals) / freedom)
    return np.asarray(covariance, dtype=np.float64)


def fitted_tia_relative_sd(
    curve: SumOfExponentials, covariance: Sequence[Sequence[float]] | NDArray[np.float64]
) -> float:
    """Relative standard deviation of ``sum a_i / lambda_i`` from the fit alone.

    Parameters
    ----------
    covariance
        Of ``(a_1, lambda_1, a_2, lambda_2, ...)``.

    Raises
    ------
    InputError
        If the covariance does not fit the curve.
    NumericalError
        If the time-integrated activity is not positive.

    Examples
    --------
    1 % in the amplitude alone is 1 % in its integral:

    >>> from theratrial.dosimetry.exponentials import Exponential
    >>> curve = SumOfExponentials((Exponential(100.0, 0.01),))
    >>> fitted_tia_relative_sd(curve, [[1.0, 0.0], [0.0, 0.0]])
    0.01
    """
    tia = curve.time_integrated_activity_MBq_h
    if tia <= 0:
        raise NumericalError(f"the fitted curve integrates to {tia:.4g} MBq h; it has no relative uncertainty")
    gradient = []
    for term in curve.terms:
        gradient += [1 / term.effective_per_h, -term.activity_MBq / term.effective_per_h**2]
    return math.sqrt(quadratic_form(gradient, [list(map(float, row)) for row in covariance])) / tia
