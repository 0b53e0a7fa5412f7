"""Items of the reporting checklist on volumes, curves, doses and their uncertainty."""

from __future__ import annotations

from typing import Final

from theratrial.report.checklist_case import (
    Case,
    Filled,
    Filler,
    by_file,
    each_dose,
    each_session,
    missing,
    point_inputs,
    present,
)
from theratrial.report.dosimetry_values import is_population, region_mass, total_relative_sd
from theratrial.report.figures.contributions import part_name
from theratrial.report.figures.time_activity import region_label
from theratrial.report.texts import count, number, words
from theratrial.results.values import RegionDoseResult, SessionResult

SO_FAR: Final = "Dose so far"
"""Title of the section with the limits."""


def volumes_item(case: Case) -> Filled:
    def has(dose: RegionDoseResult) -> bool:
        return bool(dose.points) and all(point.volume_mL.value is not None for point in dose.points)

    return each_dose(case, has, "volume at every scan", "no volume")


def masses_item(case: Case) -> Filled:
    identifier = case.participant.participant_id
    doses = list(case.doses)
    known = [region_mass(identifier, session, dose).value is not None for session, dose in doses]
    if not doses or not all(known):
        return missing(f"{sum(known)} of {count(len(doses), 'region')} have a mass in the results")
    clauses = {dose.absorbed_dose_Gy.trace.inputs.get("density", "") for _, dose in doses}
    named = by_file(sorted(clause for clause in clauses if clause))
    return present(f"{count(len(doses), 'region')} of all sessions; density by {named or 'the protocol'}")


def recovery_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        records = point_inputs(session, "recovery")
        return f"sphere recoveries {records}" if records else ""

    return each_session(case, said, "activities are not corrected for recovery")


def background_item(case: Case) -> Filled:
    if not any(dose.details.routes for _, dose in case.doses):
        return missing("no projection was quantified; SPECT needs none")
    return present("planar route: scatter windows, overlap shared out as docs/methods/planar_activity.md states")


def activities_item(case: Case) -> Filled:
    def has(dose: RegionDoseResult) -> bool:
        return bool(dose.points) and all(
            point.activity_MBq.value is not None and point.activity_MBq.upper is not None for point in dose.points
        )

    return each_dose(case, has, "activity with 95 % interval at every scan", "no activity or no interval")


def kinetic_model_item(case: Case) -> Filled:
    methods = dict.fromkeys(
        f"{trace.method}, version {trace.version}"
        for _, dose in case.doses
        if (trace := dose.time_integrated_activity_MBq_h.trace)
    )
    return present("; ".join(methods)) if methods else missing("nothing was integrated")


def prior_item(case: Case) -> Filled:
    doses = list(case.doses)
    if not doses:
        return missing("nothing was integrated")
    used = [dose for _, dose in doses if is_population(dose)]
    if not used:
        return present("none: every curve is the patient's own points")
    names = dict.fromkeys(dose.time_integrated_activity_MBq_h.trace.inputs.get("prior", "") for dose in used)
    named = ", ".join(name for name in names if name)
    return present(f"{named or 'published kinetics'} in {len(used)} of {count(len(doses), 'curve')}")


def curve_state_item(case: Case) -> Filled:
    states: dict[str, int] = {}
    for _, dose in case.doses:
        states[dose.determinacy] = states.get(dose.determinacy, 0) + 1
    if not states:
        return missing("there is no curve")
    return present(", ".join(f"{n} {words(state)}" for state, n in states.items()) + ", by the points alone")


def half_lives_item(case: Case) -> Filled:
    return each_dose(
        case, lambda dose: dose.effective_half_life_h.value is not None, "by the points alone", "the points give none"
    )


def tia_item(case: Case) -> Filled:
    return each_dose(
        case,
        lambda dose: dose.time_integrated_activity_MBq_h.value is not None,
        "with 95 % interval and coefficient",
        "undetermined",
    )


def extrapolated_item(case: Case) -> Filled:
    return each_dose(case, lambda dose: dose.extrapolated_fraction.value is not None, "stated", "not known")


def formalism_item(case: Case) -> Filled:
    methods = dict.fromkeys(
        f"{trace.method}, version {trace.version}" for _, dose in case.doses if (trace := dose.absorbed_dose_Gy.trace)
    )
    return present("; ".join(methods)) if methods else missing("no absorbed dose")


def _dose_inputs(case: Case, begins: str) -> str:
    found = dict.fromkeys(
        where
        for _, dose in case.doses
        for name, where in dose.absorbed_dose_Gy.trace.inputs.items()
        if name.startswith(begins)
    )
    return ", ".join(found)


def s_values_item(case: Case) -> Filled:
    source = _dose_inputs(case, "s_value").replace("given:", "")
    return present(source) if source else missing("doses are by local deposition, which has no S values")


def mass_scaling_item(case: Case) -> Filled:
    if not any(True for _ in case.doses):
        return missing("no absorbed dose")
    if _dose_inputs(case, "s_value"):
        return present("S values scaled to the outlined mass; regions drawn as a sample stand for the reference region")
    return present("the outlined mass itself")


def cross_dose_item(case: Case) -> Filled:
    sources = {
        name.removeprefix("photons from ")
        for _, dose in case.doses
        for name in dose.absorbed_dose_Gy.trace.inputs
        if name.startswith("photons from ")
    }
    if not sources:
        return missing("doses hold no photons from other regions")
    return present(f"photons from {', '.join(sorted(words(one) for one in sources))} and the remainder of the body")


def marrow_item(case: Case) -> Filled:
    found = [dose for _, dose in case.doses if "marrow" in dose.region_id]
    if not found:
        return missing("no region of red marrow")
    methods = dict.fromkeys(dose.absorbed_dose_Gy.trace.method for dose in found)
    return present(f"by imaging, region {found[0].title}, {', '.join(methods)}; no blood samples")


def kind_of_dose_item(kind: str) -> Filler:
    def filled(case: Case) -> Filled:
        doses = [dose for _, dose in case.doses if dose.kind == kind]
        known = [dose for dose in doses if dose.absorbed_dose_Gy.value is not None]
        what = "lesion" if kind == "lesion" else "organ"
        if not doses:
            return missing(f"no {what} was measured")
        if len(known) < len(doses):
            return missing(f"{len(doses) - len(known)} of {count(len(doses), f'{what} dose')} are undetermined")
        return present(f"{count(len(doses), f'{what} dose')} of all sessions, each with its 95 % interval")

    return filled


def doses_per_activity_item(case: Case) -> Filled:
    return each_dose(case, lambda dose: dose.absorbed_dose_Gy.value is not None, "in Gy/GBq", "no dose to divide")


def dose_volume_item(case: Case) -> Filled:
    made = sum(dose.details.dose_volume is not None for _, dose in case.doses)
    return present(f"of {count(made, 'region')}") if made else missing("no dose map was computed")


def biological_item(case: Case) -> Filled:
    found = dict.fromkeys(
        f"{region_label(dose)}: alpha/beta {number(one.alpha_beta_Gy)} Gy, repair {number(one.repair_half_life_h)} h "
        f"({one.citation})"
        for _, dose in case.doses
        if (one := dose.details.biological) is not None
    )
    return present("; ".join(found)) if found else missing("the protocol states no parameters")


def not_contained_item(case: Case) -> Filled:
    if not any(True for _ in case.doses):
        return missing("no absorbed dose")
    parts = dict.fromkeys(part for _, dose in case.doses for part in dose.missing_parts)
    return present("; ".join(parts) or "nothing is named")


def dose_uncertainty_item(case: Case) -> Filled:
    def has(dose: RegionDoseResult) -> bool:
        return dose.absorbed_dose_Gy.lower is not None and dose.absorbed_dose_Gy.upper is not None

    return each_dose(case, has, "95 % interval", "no interval")


def budget_item(case: Case) -> Filled:
    filled = each_dose(case, lambda dose: total_relative_sd(dose) is not None, "by contribution", "no contributions")
    parts = dict.fromkeys(
        part_name(part.part)
        for _, dose in case.doses
        if dose.details.uncertainty is not None
        for part in dose.details.uncertainty.parts
    )
    return Filled(f"{filled.said}: {', '.join(parts)}", True) if filled.is_present else filled


def cumulative_item(case: Case) -> Filled:
    doses = case.participant.cumulative_doses
    if not doses:
        return missing("no dose over all administrations")
    unknown = [words(dose.title) for dose in doses if dose.absorbed_dose_Gy.value is None]
    if unknown:
        return missing(f"undetermined: {', '.join(unknown)}")
    return present(f"{count(len(doses), 'region')} over {count(len(case.participant.sessions), 'administration')}")


def limits_item(case: Case) -> Filled:
    limited = [dose for dose in case.participant.cumulative_doses if dose.limit_Gy is not None]
    if not limited:
        return missing("no organ has a limit")
    if bare := [dose.title for dose in limited if not dose.limit_citation]:
        return missing(f"no source for the limit of {', '.join(bare)}")
    found = [f"{dose.title} {number(dose.limit_Gy)} Gy" for dose in limited if dose.limit_Gy is not None]
    return present(f"{', '.join(found)}; the source of each stands beside it under {SO_FAR}")


def software_item(case: Case) -> Filled:
    return present(f"theratrial {case.result.product_version}, protocol version {case.result.protocol_version}")
