"""A virtual patient: body, lesions, kinetics and blood, drawn once; and what each session does to her."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from theratrial.protocol.schema import DoseRegion
from theratrial.simulation.counts import Marrow, drawn_marrow
from theratrial.simulation.kinetics import Curve, Kinetics, drawn_kinetics, electron_dose_Gy, session_curves
from theratrial.simulation.lesions import Lesion, drawn_lesions, lies_in
from theratrial.simulation.phantom import BODY, SALIVARY, Phantom, patient_phantom, region_names, region_tissues
from theratrial.simulation.plan import Plan, reading
from theratrial.simulation.scenario import Failure, Story

_MARROW_SHARE: Final = (0.43, 0.50)
_HEAVY_MARROW_SHARE: Final = (0.83, 0.865)
"""Marrow dose of a session times the planned sessions, over the limit: by the upper bound of a two-scan dose, which is
1.2 to 1.7 of the truth, all planned sessions stay below the limit; or the last one does not."""
_USUAL_MARROW_LIMIT_GY: Final = 2.5
_PET_SUV: Final[dict[str, tuple[float, float]]] = {
    "liver": (3.4, 0.12),
    "spleen": (2.6, 0.15),
    "heart_blood": (3.3, 0.12),
    "heart_wall": (1.6, 0.12),
    "kidney": (5.5, 0.15),
    "lung": (0.55, 0.1),
    "marrow": (1.1, 0.12),
    "spine_bone": (0.8, 0.1),
    "bladder": (6.0, 0.3),
    "salivary": (2.2, 0.15),
}
"""Median and relative standard deviation of the imaging product's uptake an hour or two after injection [g/mL]."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is true of a participant, whatever is recorded of her."""

    participant_id: str
    height_cm: float
    weight_kg: float
    age_years: int
    lesions: tuple[Lesion, ...]
    kinetics: Kinetics
    marrow: Marrow
    organ_suv: dict[str, float]
    story: Story | None
    failure: Failure | None

    def phantom(self, *, with_new_lesions: bool) -> Phantom:
        """Her body; lesions that appear during the trial are not there at first."""
        lesions = tuple(x.place for x in self.lesions if with_new_lesions or not x.new)
        return patient_phantom(self.height_cm, self.weight_kg, lesions)

    def old_lesions(self) -> tuple[Lesion, ...]:
        """The lesions that are there from the start."""
        return tuple(lesion for lesion in self.lesions if not lesion.new)


@dataclass(frozen=True, slots=True)
class SessionTruth:
    """Curves of one session, and what follows from them."""

    curves: dict[str, Curve]
    administered_MBq: float


def drawn_patient(
    participant_id: str, plan: Plan, rng: np.random.Generator, *, story: Story | None, failure: Failure | None
) -> Patient:
    """Draw a patient for a story, or for a reason to fail the screening."""
    height = float(np.clip(rng.normal(162, 5), 151, 174))
    weight = 60 * height / 163 * float(np.clip(rng.normal(1.14, 0.12), 0.86, 1.42))
    height, weight = round(height), round(weight, 1)
    lesions = drawn_lesions(
        rng,
        height,
        weight,
        response=story.response if story else None,
        new_lesion=bool(story and story.new_lesion),
        her2_positive=failure != "her2_negative_pet",
    )
    share = rng.uniform(*(_HEAVY_MARROW_SHARE if story and story.heavy_marrow else _MARROW_SHARE))
    marrow_ids = {r.id for r in plan.dose_regions if "spine_marrow" in r.region_names}
    limit = next((gray for name, gray in plan.limits_Gy.items() if name in marrow_ids), _USUAL_MARROW_LIMIT_GY)
    marrow_Gy = float(share) * limit / plan.sessions.maximum_sessions
    kinetics = drawn_kinetics(rng, marrow_dose_mGy_per_MBq=marrow_Gy * 1000 / plan.sessions.administered_activity_MBq)
    suv = {name: m * math.exp(sd * float(np.clip(rng.standard_normal(), -2, 2))) for name, (m, sd) in _PET_SUV.items()}
    marrow = drawn_marrow(rng, plan.tests(), toxicity=bool(story and story.toxicity), dose_Gy=marrow_Gy)
    if failure == "platelets" and "platelets" in marrow.baselines:
        marrow.baselines["platelets"] = 84.0
    return Patient(participant_id, height, weight, _age(plan, rng), lesions, kinetics, marrow, suv, story, failure)


def _age(plan: Plan, rng: np.random.Generator) -> int:
    population = reading(plan.protocol.population, "population")
    low = int(max(population.minimum_age_years, 34))
    high = max(72, low + 10)
    return int(rng.integers(low, min(int(population.maximum_age_years or high), high)))


def session_truth(
    patient: Patient, plan: Plan, session: int, administered_MBq: float, rng: np.random.Generator
) -> SessionTruth:
    """The curves of a session; lesions that will have responded take up less each time."""
    factors = {}
    for lesion in patient.old_lesions():
        if lesion.her2_positive:
            change = max(lesion.response_suv / lesion.pet_suv, 0.25)
            factors[lesion.name] = change ** ((session - 1) / plan.sessions.maximum_sessions)
    curves = session_curves(
        patient.kinetics,
        patient.phantom(with_new_lesions=False),
        patient.old_lesions(),
        plan.therapy_nuclide,
        rng=rng,
        lesion_factors=factors,
    )
    return SessionTruth(curves, administered_MBq)


def region_doses_Gy(patient: Patient, plan: Plan, truth: SessionTruth) -> dict[str, float]:
    """True electron dose [Gy] of every organ region of the protocol and every lesion, of one session."""
    phantom = patient.phantom(with_new_lesions=False)
    doses = {r.id: _dose_Gy(r.region_names, phantom, plan, truth) for r in plan.dose_regions if r.kind == "organ"}
    for lesion in patient.old_lesions():
        doses[lesion.name] = _dose_Gy((lesion.name,), phantom, plan, truth)
    return doses


def _dose_Gy(names: tuple[str, ...], phantom: Phantom, plan: Plan, truth: SessionTruth) -> float:
    tissues = [t for name in names for t in region_tissues(name.lower())]
    tia = sum(truth.curves[t].coefficient_h(plan.therapy_nuclide) for t in tissues) * truth.administered_MBq
    return electron_dose_Gy(tia, sum(phantom.tissue(t).mass_g for t in tissues), plan.therapy_nuclide)


def pet_suv(patient: Patient, *, at_response: bool) -> dict[str, float]:
    """True uptake of the imaging product in every tissue [g/mL]; the rest of the body holds what is left.

    A lesion that has resolved is like the tissue it lies in.
    """
    phantom = patient.phantom(with_new_lesions=at_response)
    bare = patient_phantom(patient.height_cm, patient.weight_kg)
    suv = {
        name: patient.organ_suv[name]
        for name in ("liver", "spleen", "heart_blood", "heart_wall", "spine_bone", "bladder")
    }
    for side in ("left", "right"):
        suv[f"kidney_{side}"], suv[f"lung_{side}"] = patient.organ_suv["kidney"], patient.organ_suv["lung"]
    suv |= dict.fromkeys(SALIVARY, patient.organ_suv["salivary"])
    suv["spine_marrow"] = suv["marrow_other"] = patient.organ_suv["marrow"]
    held = sum(value * phantom.tissue(name).mass_g for name, value in suv.items())
    hosts = {lesion.name: lies_in(lesion, bare) for lesion in patient.lesions}
    resolved = at_response and patient.story is not None and patient.story.response == "CR"
    for lesion in patient.lesions:
        if lesion.new and not at_response:
            continue
        if not resolved:
            suv[lesion.name] = lesion.response_suv if at_response else lesion.pet_suv
            held += suv[lesion.name] * lesion.mass_g
    suv[BODY] = (phantom.weight_kg * 1000 - held) / phantom.tissue(BODY).mass_g
    if resolved:
        for lesion in patient.old_lesions():
            suv[lesion.name] = suv[hosts[lesion.name]]
    return suv


def drawn_region_names(patient: Patient, plan: Plan, *, with_new_lesions: bool) -> tuple[str, ...]:
    """Regions of her structure sets: the organs that the protocol names, the liver as reference, and her lesions."""
    asked = {name.lower() for region in organ_regions(plan) for name in region.region_names} | {"liver"}
    lesions = tuple(x.name for x in patient.lesions if with_new_lesions or not x.new)
    return tuple(name for name in region_names() if name in asked) + lesions


def organ_regions(plan: Plan) -> tuple[DoseRegion, ...]:
    """Organ regions of the protocol."""
    return tuple(region for region in plan.dose_regions if region.kind == "organ")
