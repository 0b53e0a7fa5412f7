"""Antibody-like kinetics: how much of the administered activity is in each tissue, without physical decay.

Every curve is a sum of exponentials, so that time-integrated activities are exact. The distributions are stated in
docs/methods/virtual_patient.md with the publications they follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from theratrial.nuclides import Nuclide
from theratrial.simulation.lesions import Lesion
from theratrial.simulation.phantom import BODY, SALIVARY, Phantom
from theratrial.units import delta_mGy_g_per_MBq_h

BLOOD_FAST_SHARE: Final = 0.3
BLOOD_FAST_HALF_LIFE_H: Final = 12.0
BLOOD_MASS_G_PER_KG: Final = 4100 / 60
"""ICRP 89, adult female: 4.1 kg of blood in 60 kg."""


@dataclass(frozen=True, slots=True)
class Term:
    """`fraction` of the administered activity that leaves with a biological half-life; negative for uptake."""

    fraction: float
    biological_half_life_h: float

    @property
    def rate_per_h(self) -> float:
        """Biological rate constant [1/h]."""
        return math.log(2) / self.biological_half_life_h


@dataclass(frozen=True, slots=True)
class Curve:
    """Fraction of the administered activity in a tissue over time, without physical decay."""

    terms: tuple[Term, ...]

    def fraction(self, hours: float) -> float:
        """Fraction of the administered activity, physical decay undone."""
        return sum(t.fraction * math.exp(-t.rate_per_h * hours) for t in self.terms)

    def activity_MBq(self, administered_MBq: float, hours: float, nuclide: Nuclide) -> float:
        """Activity [MBq] `hours` after an administration."""
        return administered_MBq * self.fraction(hours) * nuclide.fraction_left(hours)

    def coefficient_h(self, nuclide: Nuclide) -> float:
        """Time-integrated activity coefficient [h].

        Examples
        --------
        A whole body that loses 177Lu with a biological half-life of 370 h:

        >>> from theratrial.nuclides import nuclide
        >>> round(Curve((Term(1.0, 370.0),)).coefficient_h(nuclide("Lu-177")), 1)
        160.8
        """
        return sum(t.fraction / (t.rate_per_h + nuclide.decay_constant_per_h) for t in self.terms)

    def times(self, factor: float) -> Curve:
        """The curve times a factor."""
        return Curve(tuple(Term(t.fraction * factor, t.biological_half_life_h) for t in self.terms))

    def plus(self, other: Curve) -> Curve:
        """Sum of two curves."""
        return Curve(self.terms + other.terms)


@dataclass(frozen=True, slots=True)
class Kinetics:
    """What is drawn once for a patient."""

    blood_half_life_h: float
    body_half_life_h: float
    liver_fraction: float
    liver_half_life_h: float
    kidneys_fraction: float
    kidneys_half_life_h: float
    spleen_fraction: float
    spleen_half_life_h: float
    heart_blood_share: float
    heart_wall_per_blood: float
    """Concentration in the heart's wall over that in blood."""
    lungs_blood_share: float
    marrow_dose_mGy_per_MBq: float
    """Electron dose to marrow per administered activity of 177Lu; the marrow's curve follows the blood's."""


def drawn_kinetics(rng: np.random.Generator, *, marrow_dose_mGy_per_MBq: float) -> Kinetics:
    """A patient's kinetics.

    References
    ----------
    O'Donoghue 2018 (plasma 111 h, 78-193, of which the slow end is left out; whole body 370 h, 257-578); Laforest 2016
    (liver 12 % of the administered activity); organ doses near those of 89Zr- and 177Lu-trastuzumab (see the method's
    page).
    """

    def spread(median: float, relative_sd: float, low: float, high: float) -> float:
        return float(np.clip(median * math.exp(relative_sd * rng.standard_normal()), low, high))

    return Kinetics(
        blood_half_life_h=spread(108.0, 0.15, 80.0, 130.0),
        body_half_life_h=spread(370.0, 0.18, 290.0, 560.0),
        liver_fraction=spread(0.12, 0.15, 0.085, 0.16),
        liver_half_life_h=spread(240.0, 0.15, 170.0, 330.0),
        kidneys_fraction=spread(0.019, 0.18, 0.012, 0.028),
        kidneys_half_life_h=spread(230.0, 0.15, 160.0, 330.0),
        spleen_fraction=spread(0.0072, 0.2, 0.0045, 0.012),
        spleen_half_life_h=spread(250.0, 0.15, 170.0, 350.0),
        heart_blood_share=spread(0.085, 0.08, 0.07, 0.1),
        heart_wall_per_blood=spread(0.28, 0.15, 0.2, 0.4),
        lungs_blood_share=spread(0.075, 0.18, 0.048, 0.11),
        marrow_dose_mGy_per_MBq=marrow_dose_mGy_per_MBq,
    )


def session_curves(
    kinetics: Kinetics,
    phantom: Phantom,
    lesions: tuple[Lesion, ...],
    nuclide: Nuclide,
    *,
    rng: np.random.Generator,
    lesion_factors: dict[str, float],
) -> dict[str, Curve]:
    """Curve of every tissue for one session; organs repeat to 4 % from session to session.

    `lesion_factors` scales each lesion's uptake: a responding lesion takes up less in a later session.
    """

    def again() -> float:
        return float(np.exp(0.04 * rng.standard_normal()))

    blood = Curve(
        (Term(BLOOD_FAST_SHARE, BLOOD_FAST_HALF_LIFE_H), Term(1 - BLOOD_FAST_SHARE, kinetics.blood_half_life_h))
    )
    per_g = 1 / (BLOOD_MASS_G_PER_KG * phantom.weight_kg)
    mass = {tissue.name: tissue.mass_g for tissue in phantom.tissues}
    kidneys = _retained(kinetics.kidneys_fraction, kinetics.kidneys_half_life_h, uptake_h=2.0).times(again())
    lungs_g = mass["lung_left"] + mass["lung_right"]
    marrow_per_g = blood.times(_marrow_per_g(kinetics, blood, nuclide) * again())
    curves = {
        "liver": _retained(kinetics.liver_fraction, kinetics.liver_half_life_h, uptake_h=3.0).times(again()),
        "spleen": _retained(kinetics.spleen_fraction, kinetics.spleen_half_life_h, uptake_h=3.0).times(again()),
        "heart_blood": blood.times(kinetics.heart_blood_share * again()),
        "heart_wall": blood.times(kinetics.heart_wall_per_blood * per_g * mass["heart_wall"] * again()),
        "spine_marrow": marrow_per_g.times(mass["spine_marrow"]),
        "marrow_other": marrow_per_g.times(mass["marrow_other"]),
        "bladder": _retained(0.004, 60.0, uptake_h=2.0).times(again()),
    }
    for side in ("left", "right"):
        share = mass[f"lung_{side}"] / lungs_g
        curves[f"lung_{side}"] = blood.times(kinetics.lungs_blood_share * share * again())
        curves[f"kidney_{side}"] = kidneys.times(0.5)
    for gland in SALIVARY:
        curves[gland] = _retained(
            1.2 / (phantom.weight_kg * 1000) * mass[gland], kinetics.body_half_life_h, uptake_h=2.0
        )
    body_per_g = 0.62 / (phantom.weight_kg * 1000)
    for lesion in lesions:
        factor = lesion_factors.get(lesion.name, 1.0) * again()
        curves[lesion.name] = lesion_curve(lesion, phantom.weight_kg).times(factor)
    curves["spine_bone"] = _retained(body_per_g * mass["spine_bone"], kinetics.body_half_life_h, uptake_h=1.0)
    whole = Curve((Term(1.0, kinetics.body_half_life_h),))
    rest = whole
    for curve in curves.values():
        rest = rest.plus(curve.times(-1.0))
    curves[BODY] = rest
    return curves


def lesion_curve(lesion: Lesion, weight_kg: float) -> Curve:
    """Curve of a lesion: still rising at 24-48 h where HER2 is expressed, else like the tissue around."""
    per_g = lesion.mass_g / (weight_kg * 1000)
    if not lesion.her2_positive:
        return _retained(lesion.therapy_suv * per_g, lesion.biological_half_life_h, uptake_h=lesion.uptake_half_life_h)
    curve = _retained(1.0, lesion.biological_half_life_h, uptake_h=lesion.uptake_half_life_h)
    up, down = math.log(2) / lesion.uptake_half_life_h, math.log(2) / lesion.biological_half_life_h
    highest_at_h = math.log((up + down) / down) / up
    return curve.times(lesion.therapy_suv * per_g / curve.fraction(highest_at_h))


def electron_dose_Gy(time_integrated_activity_MBq_h: float, mass_g: float, nuclide: Nuclide) -> float:
    """Absorbed dose [Gy] if all electron energy stays in the region."""
    return delta_mGy_g_per_MBq_h(nuclide.electron_MeV) * time_integrated_activity_MBq_h / mass_g / 1000


def _retained(fraction: float, half_life_h: float, *, uptake_h: float) -> Curve:
    """Taken up with one half-time and kept with another: fraction (1 - e^-ut) e^-kt."""
    rate = math.log(2) / half_life_h + math.log(2) / uptake_h
    return Curve((Term(fraction, half_life_h), Term(-fraction, math.log(2) / rate)))


def _marrow_per_g(kinetics: Kinetics, blood: Curve, nuclide: Nuclide) -> float:
    per_blood_mGy = delta_mGy_g_per_MBq_h(nuclide.electron_MeV) * blood.coefficient_h(nuclide)
    return kinetics.marrow_dose_mGy_per_MBq / per_blood_mGy
