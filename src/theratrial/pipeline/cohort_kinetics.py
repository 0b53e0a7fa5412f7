"""The trial's own participants as a prior for each other (docs/methods/population_kinetics.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from theratrial.dosimetry.population.hierarchical import CohortPatient, cohort_prior
from theratrial.dosimetry.population.prior import KineticPrior
from theratrial.nuclides import Nuclide
from theratrial.pipeline.session_values import MeasuredRegion

Kinetics = tuple[tuple[str, CohortPatient], ...]
"""(region of the prior, points) of one participant."""


def kinetic_points(participant_id: str, regions: Sequence[MeasuredRegion]) -> Kinetics:
    """Points of a participant's organs in a session as the cohort takes them.

    One organ per region of the prior, the first drawn; lesions differ from each other within a patient and are left
    out, as are points without activity.
    """
    found: dict[str, CohortPatient] = {}
    for region in regions:
        if region.reading.kind != "organ" or region.posterior is None:
            continue
        if any(point.activity_MBq <= 0 or point.uncorrelated_relative_sd <= 0 for point in region.curve_points):
            continue
        found.setdefault(
            region.posterior.prior_region,
            CohortPatient(participant_id, region.curve_points, region.administered_MBq),
        )
    return tuple(found.items())


def participants_priors(
    published: KineticPrior, kinetics: Mapping[str, Kinetics], nuclide: Nuclide
) -> tuple[dict[str, KineticPrior], str]:
    """Participant -> the published prior updated by all others, and in words what was done.

    Empty where too few participants have enough points: then the published prior stays.

    Parameters
    ----------
    kinetics
        Participant -> what `kinetic_points` gave.
    """
    cohort: dict[str, list[CohortPatient]] = {}
    for one in kinetics.values():
        for region, patient in one:
            if published.has(region):
                cohort.setdefault(region, []).append(patient)
    everybody = cohort_prior(published, cohort, nuclide=nuclide)
    if not everybody.updated:
        return {}, everybody.because
    made = {name: cohort_prior(published, cohort, nuclide=nuclide, without=name) for name in sorted(kinetics)}
    return {name: one.prior for name, one in made.items() if one.updated}, everybody.because
