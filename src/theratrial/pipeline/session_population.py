"""Points of a region weighed with published kinetics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.dosimetry.population.posterior import PosteriorState, PosteriorTia, posterior_tia
from theratrial.dosimetry.population.prior import KineticPrior, kinetic_prior
from theratrial.dosimetry.population.tables import prior_region_name, reference_mass_g
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.protocol.schema import DoseRegion, Protocol

WHOLE_BODY = "whole_body"
_BAND_HOURS = (0.5, 2.0, 6.0, 12.0, 24.0, 36.0, 48.0, 72.0, 96.0, 144.0, 192.0, 288.0, 384.0, 528.0)


def session_prior(protocol: Protocol) -> KineticPrior | None:
    """The prior that the protocol names.

    Raises
    ------
    InputError
        It names one that is not shipped.
    """
    plan = protocol.dosimetry.reading
    if plan is None or plan.population_prior is None:
        return None
    return kinetic_prior(plan.population_prior)


def region_posterior(
    points: Sequence[TimeActivityPoint],
    reading: DoseRegion,
    name: str,
    prior: KineticPrior | None,
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_MBq: float,
    mass_g: float,
    sex: str,
) -> tuple[PosteriorTia | None, str]:
    """The posterior of a region in a session, or why there is none.

    A prior speaks of whole regions: of one drawn as a sample (``drawn: sample``) the points are brought to the whole by
    the reference mass over the drawn mass, and the result back.
    """
    if prior is None:
        return None, "the protocol names no population prior"
    prior_region = reading.prior_region or prior_region_name(reading.id, kind=reading.kind)
    whole = 1.0
    if reading.drawn == "sample" and (reference_g := reference_mass_g(prior_region, sex)) is not None:
        whole = reference_g / mass_g
    try:
        found = posterior_tia(
            [replace(point, activity_MBq=point.activity_MBq * whole) for point in points],
            region=name,
            prior_region=prior_region,
            prior=prior,
            nuclide=nuclide,
            plan=plan,
            administered_activity_MBq=administered_MBq,
        )
    except InputError as error:
        return None, str(error)
    if found.state is not PosteriorState.POSTERIOR:
        return None, found.because
    return _times(found, 1 / whole), ""


def _times(posterior: PosteriorTia, factor: float) -> PosteriorTia:
    """The posterior of a region that holds that share of the activity."""
    if factor == 1.0:
        return posterior
    draws = posterior.draws
    assert draws is not None
    assert posterior.median_MBq_h is not None
    assert posterior.mean_MBq_h is not None
    assert posterior.sd_MBq_h is not None
    assert posterior.lower_MBq_h is not None
    return replace(
        posterior,
        median_MBq_h=posterior.median_MBq_h * factor,
        mean_MBq_h=posterior.mean_MBq_h * factor,
        sd_MBq_h=posterior.sd_MBq_h * factor,
        lower_MBq_h=posterior.lower_MBq_h * factor,
        upper_MBq_h=posterior.upper_MBq_h * factor,
        draws=replace(draws, coefficients_MBq=draws.coefficients_MBq * factor),
    )


def whole_body_tia(
    prior: KineticPrior | None, nuclide: Nuclide, plan: DosePlan, *, administered_MBq: float
) -> tuple[float, str]:
    """Time-integrated activity of the whole body [MBq h] without a measurement of it, and what it rests on.

    By the prior's whole body; without a prior nothing is excreted, which is an upper bound.
    """
    if prior is not None and prior.has(WHOLE_BODY):
        found = posterior_tia(
            [],
            region=WHOLE_BODY,
            prior_region=WHOLE_BODY,
            prior=prior,
            nuclide=nuclide,
            plan=plan,
            administered_activity_MBq=administered_MBq,
        )
        if found.median_MBq_h is not None:
            return found.median_MBq_h, f"whole body by prior {prior.name} {prior.version}, not measured"
    return administered_MBq / nuclide.decay_constant_per_h, "nothing excreted (upper bound of the whole body)"


def band(posterior: PosteriorTia) -> tuple[tuple[float, float, float, float], ...]:
    """(hours, lower, median, upper) of the activity [MBq], for a figure."""
    if posterior.draws is None:
        return ()
    rows = []
    for hours, (low, middle, high) in zip(_BAND_HOURS, posterior.draws.band_MBq(_BAND_HOURS), strict=True):
        rows.append((hours, float(f"{low:.6g}"), float(f"{middle:.6g}"), float(f"{high:.6g}")))
    return tuple(rows)


def after_last_fraction(posterior: PosteriorTia, last_h: float) -> float | None:
    """Share of the time-integrated activity after the last scan, by the posterior's mean curves."""
    draws = posterior.draws
    if draws is None:
        return None
    tail = (draws.coefficients_MBq / draws.effective_per_h * np.exp(-draws.effective_per_h * last_h)).sum(axis=1)
    return float(draws.weight @ tail / (draws.weight @ draws.time_integrated_activity_MBq_h))


def dose_rate_factors(posterior: PosteriorTia, repair_per_h: float) -> NDArray[np.float64]:
    """Lea-Catcheside factor of every curve of the posterior, ``(n,)``; see `dosimetry.biological.dose_rate_factor`."""
    draws = posterior.draws
    assert draws is not None
    a, rate = draws.coefficients_MBq, draws.effective_per_h
    pairs = (
        a[:, :, None] * a[:, None, :] / (rate[:, :, None] + rate[:, None, :]) / (rate + repair_per_h)[:, :, None]
    ).sum(axis=(1, 2))
    return np.asarray(2 * pairs / draws.time_integrated_activity_MBq_h**2)


def quantile_steps(posterior: PosteriorTia, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of the time-integrated activity [MBq h], ``(n,)``."""
    draws = posterior.draws
    assert draws is not None
    values = draws.time_integrated_activity_MBq_h
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(draws.weight[order]) - draws.weight[order] / 2
    return np.asarray(np.interp(probabilities, reached, values[order]))
