"""The fall of the dose rate from readings, from whole-body counts, or from physical decay alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from theratrial.errors import InputError, NumericalError
from theratrial.safety.protection.curve import Curve, Curves
from theratrial.safety.protection.fit_two import two_phases
from theratrial.safety.protection.readings import NetRate

Z_95: Final = 1.959964
_ANGLES: Final = 72
_LEAST_SPACING_h: Final = 1.0


@dataclass(frozen=True, slots=True)
class Fall:
    """Curves of the dose rate at 1 m and what they rest on."""

    curves: Curves
    kinetics: Literal["measured_dose_rates", "whole_body_counts", "physical_decay"]
    text: str
    first_h: float
    """Before this time nothing was measured."""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """Weighted straight line through the logarithms: ln rate = level - constant * t."""

    level: float
    constant: float
    level_variance: float
    constant_variance: float
    covariance: float
    chi_square: float


def _line(rates: Sequence[NetRate]) -> _Line:
    weights = [one.relative_sd**-2 for one in rates]
    total = math.fsum(weights)
    mean_t = math.fsum(w * one.hours_after for w, one in zip(weights, rates, strict=True)) / total
    logs = [math.log(one.dose_rate_uSv_per_h) for one in rates]
    mean_y = math.fsum(w * y for w, y in zip(weights, logs, strict=True)) / total
    spread = math.fsum(w * (one.hours_after - mean_t) ** 2 for w, one in zip(weights, rates, strict=True))
    slope = (
        math.fsum(w * (one.hours_after - mean_t) * (y - mean_y) for w, one, y in zip(weights, rates, logs, strict=True))
        / spread
    )
    chi_square = math.fsum(
        w * (y - mean_y - slope * (one.hours_after - mean_t)) ** 2
        for w, one, y in zip(weights, rates, logs, strict=True)
    )
    # Readings that scatter more than stated are given the scatter that they show (Birge).
    scale = max(1.0, chi_square / (len(rates) - 2)) if len(rates) > 2 else 1.0
    return _Line(
        mean_y - slope * mean_t,
        -slope,
        scale * (1 / total + mean_t**2 / spread),
        scale / spread,
        scale * mean_t / spread,
        chi_square,
    )


def measured_fall(rates: Sequence[NetRate], decay_per_h: float, *, minimum: int = 2) -> Fall:
    """The fall of the dose rate from readings at 1 m.

    One exponential by weighted least squares of the logarithms; two where at least four readings show them. With
    fewer readings than asked, or a single one, nothing faster than physical decay is predicted, through the highest.
    The edge of the 95 % region is that of the likelihood for one number (a fall of 1.96 squared in chi square).

    Parameters
    ----------
    decay_per_h
        Physical decay constant: no dose rate falls more slowly.
    minimum
        Readings that are asked for before a fall is believed.

    Raises
    ------
    NumericalError
        The readings rise, or fall more slowly than the nuclide decays beyond their uncertainty.
    """
    if not rates:
        raise InputError("no dose rate above the background -> measure, or use whole-body counts")
    # Two readings within the hour say nothing of a fall over days: they count as one moment.
    moments = 1 + sum(later.hours_after - former.hours_after >= _LEAST_SPACING_h for former, later in pairwise(rates))
    if moments < max(minimum, 2):
        return physical_fall(rates, decay_per_h, f"{moments} of {max(minimum, 2)} readings asked for")
    line = _line(rates)
    sd = math.sqrt(line.constant_variance)
    if line.constant + Z_95 * sd < decay_per_h:
        how = "rise" if line.constant <= 0 else "fall more slowly than the nuclide decays"
        raise NumericalError(
            f"the dose rates {how} (half-life of decay {math.log(2) / decay_per_h:.0f} h): contamination, another "
            "place or instrument, or a wrong time or background -> find the cause and measure again"
        )
    first_h = rates[0].hours_after
    if moments >= 4 and (two := two_phases(rates, decay_per_h, line.chi_square)) is not None:
        text = f"two exponentials through {len(rates)} readings"
        return Fall(two, "measured_dose_rates", text, first_h)
    held = line.constant < decay_per_h
    remarks = ("the readings fall more slowly than the nuclide decays, within their uncertainty",) if held else ()
    constant = max(line.constant, decay_per_h)
    best = _conditional(line, constant)
    text = f"one exponential through {len(rates)} readings" + (", held to physical decay" if held else "")
    curves = Curves(Curve((math.exp(best),), (constant,)), _edge(line, decay_per_h, held=held))
    return Fall(curves, "measured_dose_rates", text, first_h, remarks)


def _conditional(line: _Line, constant: float) -> float:
    """The best level for a decay constant."""
    return line.level + line.covariance / line.constant_variance * (constant - line.constant)


def _edge(line: _Line, decay_per_h: float, *, held: bool) -> tuple[Curve, ...]:
    """Curves on the edge of the region, none slower than decay."""
    sd = math.sqrt(line.constant_variance)
    left_sd = math.sqrt(max(line.level_variance - line.covariance**2 / line.constant_variance, 0.0))
    found = []
    for step in range(_ANGLES):
        angle = 2 * math.pi * step / _ANGLES
        constant = line.constant + Z_95 * sd * math.cos(angle)
        if constant >= decay_per_h:
            level = _conditional(line, constant) + Z_95 * left_sd * math.sin(angle)
            found.append(Curve((math.exp(level),), (constant,)))
    away = (decay_per_h - line.constant) / sd
    if held or abs(away) < Z_95:
        # Where decay cuts the region: the two ends of the cut.
        half = left_sd * (Z_95 if held else math.sqrt(Z_95**2 - away**2))
        level = _conditional(line, decay_per_h)
        found += [Curve((math.exp(level + sign * half),), (decay_per_h,)) for sign in (-1, 1)]
    return tuple(found)


def physical_fall(rates: Sequence[NetRate], decay_per_h: float, why: str) -> Fall:
    """Physical decay alone, through the highest of the readings."""
    if not rates:
        raise InputError("no dose rate above the background -> measure, or use whole-body counts")
    highest = max(rates, key=lambda one: one.dose_rate_uSv_per_h * math.exp(decay_per_h * one.hours_after))
    start = highest.dose_rate_uSv_per_h * math.exp(decay_per_h * highest.hours_after)
    ends = tuple(Curve((start * math.exp(sign * Z_95 * highest.relative_sd),), (decay_per_h,)) for sign in (-1.0, 1.0))
    text = f"physical decay alone: {why}"
    first_h = min(one.hours_after for one in rates)
    return Fall(Curves(Curve((start,), (decay_per_h,)), ends), "physical_decay", text, first_h)


def counted_fall(
    half_life_h: tuple[float, float, float],
    decay_per_h: float,
    rates: Sequence[NetRate],
    unshielded_uSv_per_h: float,
) -> Fall:
    """The fall of whole-body counts, at the level of the readings or, without any, of the nuclide's constant.

    Parameters
    ----------
    half_life_h
        Effective half-life of the whole body and the ends of its interval [h].
    unshielded_uSv_per_h
        Dose rate at 1 m at the administration by the constant and the share that leaves the body; its upper end is
        itself, as a body shields and nothing adds to it.
    """
    if not 0 < half_life_h[1] <= half_life_h[0] <= half_life_h[2]:
        raise InputError(f"effective half-life {half_life_h[0]:g} h lies outside its interval")
    constants = [max(math.log(2) / hours, decay_per_h) for hours in half_life_h]
    found = [_levelled(constant, rates, unshielded_uSv_per_h) for constant in constants]
    by = "the readings" if rates else "the dose rate constant of the nuclide"
    text = f"half-life of the whole-body counts, level by {by}"
    first_h = rates[0].hours_after if rates else 0.0
    curves = Curves(found[0].best, tuple(one for part in found for one in (part.best, *part.others)))
    return Fall(curves, "whole_body_counts", text, first_h)


def _levelled(constant: float, rates: Sequence[NetRate], unshielded: float) -> Curves:
    if not rates:
        return Curves(Curve((unshielded,), (constant,)))
    weights = [one.relative_sd**-2 for one in rates]
    total = math.fsum(weights)
    level = (
        math.fsum(
            w * (math.log(one.dose_rate_uSv_per_h) + constant * one.hours_after)
            for w, one in zip(weights, rates, strict=True)
        )
        / total
    )
    ends = tuple(Curve((math.exp(level + sign * Z_95 * total**-0.5),), (constant,)) for sign in (-1, 1))
    return Curves(Curve((math.exp(level),), (constant,)), ends)
