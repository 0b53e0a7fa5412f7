"""What is true of a cohort, for whoever wants to compare: ``truth.json``."""

from __future__ import annotations

from typing import Any

import numpy as np

from theratrial.simulation.course import Course
from theratrial.simulation.further_draws import dose_rate_truth, fate, tumour_truths
from theratrial.simulation.images import shift_mm
from theratrial.simulation.kinetics import electron_dose_Gy
from theratrial.simulation.patient import SessionTruth, drawn_region_names, organ_regions, pet_suv, region_doses_Gy
from theratrial.simulation.phantom import Phantom, region_tissues
from theratrial.simulation.plan import Plan


def participant_truth(course: Course, plan: Plan, seed: list[int]) -> dict[str, Any]:
    """Truth of one participant."""
    patient = course.patient
    phantom = patient.phantom(with_new_lesions=True)
    story = patient.story
    return {
        "height_cm": patient.height_cm,
        "weight_kg": patient.weight_kg,
        "age_years": patient.age_years,
        "screen_failure": patient.failure,
        "response": story.response if story else None,
        "new_lesion": bool(story and story.new_lesion),
        "event": course.event,
        "reason": course.reason,
        "gates": [
            {"session": g.session, "on": g.on.isoformat(), "next_allowed": g.may_continue, "because": list(g.reasons)}
            for g in course.gates
        ],
        "regions": {
            name: {"volume_mL": _r(_volume(phantom, name)), "mass_g": _r(_mass(phantom, name))}
            for name in drawn_region_names(patient, plan, with_new_lesions=True)
        },
        "lesions": [
            {
                "name": lesion.name,
                "site": lesion.site,
                "centre_mm": [_r(v) for v in lesion.centre_mm],
                "diameter_mm": _r(lesion.diameter_mm),
                "volume_mL": _r(lesion.volume_mL),
                "mass_g": _r(lesion.mass_g),
                "her2_positive": lesion.her2_positive,
                "new": lesion.new,
                "uptake_half_life_h": _r(lesion.uptake_half_life_h),
                "biological_half_life_h": _r(lesion.biological_half_life_h),
            }
            for lesion in patient.lesions
        ],
        "pet": _pet(course, plan, seed),
        "sessions": [_session(course, plan, number, seed) for number in range(1, len(course.truths) + 1)],
        "nadirs": _nadirs(course),
    } | _further(course, plan)


def _r(value: float) -> float:
    """Rounded to seven digits: enough for any comparison, and the same text on every machine."""
    return float(f"{value:.7g}")


def _mass(phantom: Phantom, region: str) -> float:
    return sum(phantom.tissue(t).mass_g for t in region_tissues(region))


def _volume(phantom: Phantom, region: str) -> float:
    return sum(phantom.tissue(t).volume_mL for t in region_tissues(region))


def _pet(course: Course, plan: Plan, seed: list[int]) -> dict[str, Any]:
    found = {}
    for scan in course.scans:
        if scan.image.kind != "pet_ct" or not scan.done:
            continue
        at_response = scan.image == plan.response_pet
        nuclide = plan.nuclide(scan.injection.product_id)
        held = scan.injection.net_MBq * nuclide.fraction_left(scan.hours_after)
        suv = pet_suv(course.patient, at_response=at_response)
        phantom = course.patient.phantom(with_new_lesions=at_response)
        activity = {
            name: sum(suv[t] * phantom.tissue(t).mass_g for t in region_tissues(name)) * held
            / (scan.injection.weight_kg * 1000)
            for name in drawn_region_names(course.patient, plan, with_new_lesions=at_response)
        }  # fmt: skip
        found[scan.image.timepoint] = {
            "started_at": scan.started_at.isoformat(),
            "hours_after_injection": _r(scan.hours_after),
            "administered_MBq": _r(scan.injection.net_MBq),
            "activity_in_body_MBq": _r(held),
            "table_shift_mm": list(shift_mm(seed, scan)),
            "suv_g_per_g": {name: _r(value) for name, value in suv.items()},
            "activity_MBq": {name: _r(value) for name, value in activity.items()},
        }
    return found


def _session(course: Course, plan: Plan, session: int, seed: list[int]) -> dict[str, Any]:
    truth: SessionTruth = course.truths[session - 1]
    injection = course.therapy_injections[session - 1]
    phantom = course.patient.phantom(with_new_lesions=False)
    nuclide = plan.therapy_nuclide
    scans = [s for s in course.scans if s.session == session]
    regions = {}
    for name in (*drawn_region_names(course.patient, plan, with_new_lesions=False), "body"):
        tissues = region_tissues(name)
        coefficient = sum(truth.curves[t].coefficient_h(nuclide) for t in tissues)
        tia = coefficient * truth.administered_MBq
        regions[name] = {
            "time_integrated_activity_coefficient_h": _r(coefficient),
            "time_integrated_activity_MBq_h": _r(tia),
            "electron_absorbed_dose_Gy": _r(electron_dose_Gy(tia, _mass(phantom, name), nuclide)),
            "activity_MBq": {
                scan.image.id: _r(
                    sum(
                        truth.curves[t].activity_MBq(truth.administered_MBq, scan.hours_after, nuclide) for t in tissues
                    )
                )
                for scan in scans
            },
            "kinetics": [
                {"fraction": _r(term.fraction), "biological_half_life_h": _r(term.biological_half_life_h)}
                for t in tissues
                for term in truth.curves[t].terms
            ],
        }
    doses = region_doses_Gy(course.patient, plan, truth)
    return {
        "session": session,
        "administered_at": injection.injected_at.isoformat(),
        "administered_MBq": _r(injection.net_MBq),
        "scans": [
            {
                "imaging_id": scan.image.id,
                "started_at": scan.started_at.isoformat(),
                "hours_after_injection": _r(scan.hours_after),
                "done": scan.done,
                "table_shift_mm": list(shift_mm(seed, scan)),
            }
            for scan in scans
        ],
        "regions": regions,
        "dose_regions_Gy": {region.id: _r(doses[region.id]) for region in organ_regions(plan)},
    }


def _further(course: Course, plan: Plan) -> dict[str, Any]:
    """What the further tables were drawn from, of the treated and where the protocol has the clause."""
    found: dict[str, Any] = {}
    if course.patient.story is None:
        return found
    if plan.protocol.further_criteria is not None:
        found["lengths_mm"] = {
            truth.lesion.name: {
                "baseline": _r(truth.baseline_mm),
                "response": _r(truth.response_mm),
                "later": _r(truth.later_mm),
            }
            for truth in tumour_truths(course)
        }
    rates = dose_rate_truth(course, plan.therapy_nuclide.name)
    if plan.protocol.radiation_protection is not None and rates is not None:
        found["dose_rate"] = {
            "at_1_m_uSv_per_h_per_MBq": _r(rates.uSv_per_h_per_MBq),
            "body_half_life_h": _r(rates.body_half_life_h),
        }
    if plan.protocol.analysis is not None:
        lot = fate(course)
        found["fate"] = {
            "days_from": "last administration",
            "progresses_after_days": lot.progresses_after_days,
            "dies_after_days": lot.dies_after_days,
            "lost_after_days": lot.lost_after_days,
        }
    return found


def _nadirs(course: Course) -> dict[str, Any]:
    found = {}
    for test in course.patient.marrow.baselines:
        series = [s for s in course.samples if s.test == test]
        if series:
            lowest = series[int(np.argmin([s.value for s in series]))]
            found[test] = {
                "value": lowest.value,
                "unit": lowest.unit,
                "collected_at": lowest.collected_at.isoformat(),
            }
    return found
