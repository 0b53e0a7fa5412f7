"""A protocol's scan times to what they can determine: the inputs of `dosimetry.population.adequacy`, and its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from theratrial.dosimetry.population.adequacy import (
    VERSION,
    RegionAdequacy,
    Schedule,
    ScheduleRegion,
    region_adequacy,
)
from theratrial.dosimetry.population.candidates import Candidate, candidate_schedules, judged_candidates, most_telling
from theratrial.dosimetry.population.panels import CurvePanel, curve_panel
from theratrial.dosimetry.population.patients import MeasurementNoise
from theratrial.dosimetry.population.prior import KineticPrior, kinetic_prior
from theratrial.dosimetry.population.tables import prior_name_for, prior_region_name, reference_mass_g
from theratrial.errors import InputError
from theratrial.nuclides import nuclide
from theratrial.pipeline.session_regions import dose_plan
from theratrial.protocol.schema import DoseRegion, Product, Protocol, Sessions
from theratrial.trace import Trace

ORGAN_COUNTING: Final = 0.02
LESION_COUNTING: Final = 0.05
CALIBRATION: Final = 0.05
"""No clause of a protocol states these three; they are assumed and said."""
_SEARCH_PATIENTS: Final = 200
LEAST_PATIENTS: Final = 50
MOST_PATIENTS: Final = 20_000


@dataclass(frozen=True, slots=True)
class ScheduleAdequacy:
    """What a protocol's scan times determine, and the time that would help most."""

    trial_id: str
    product: str
    nuclide: str
    hours: tuple[float, ...]
    scans: tuple[str, ...]
    patients: int
    seed: int
    prior: str
    prior_because: str
    planned: tuple[RegionAdequacy, ...]
    improved: tuple[RegionAdequacy, ...]
    """With the best added time; empty where no time is left to add."""
    candidates: tuple[Candidate, ...]
    best_added: Candidate | None
    best_added_for_organs: Candidate | None
    best_added_for_lesions: Candidate | None
    best_moved: Candidate | None
    panels: tuple[CurvePanel, ...]
    assumptions: tuple[str, ...]
    trace: Trace


def _read_sessions(protocol: Protocol) -> tuple[Sessions, Product]:
    sessions = protocol.sessions.reading
    if sessions is None:
        raise InputError("clause sessions of the protocol is open: product and activity are not decided")
    clause = protocol.products.get(sessions.product)
    if clause is None or clause.reading is None:
        raise InputError(f"product {sessions.product} of the sessions has no reading; its nuclide is not known")
    return sessions, clause.reading


def _scan_times(protocol: Protocol) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Middle of the window of every scan for dosimetry, in order, and what each is called."""
    dosimetry = protocol.dosimetry.reading
    if dosimetry is None:
        raise InputError("clause dosimetry of the protocol is open: which images give doses is not decided")
    found: dict[float, str] = {}
    for name in dosimetry.imaging:
        clause = protocol.imaging.get(name)
        plan = None if clause is None else clause.reading
        if plan is None:
            raise InputError(f"imaging {name}, which dosimetry uses, has no reading; its time is not known")
        if plan.after != "administration":
            raise InputError(
                f"imaging {name} is planned after {plan.after}; a scan for dosimetry counts from administration"
            )
        middle = (plan.window_h.minimum + plan.window_h.maximum) / 2
        found.setdefault(middle, plan.title)
    hours = tuple(sorted(found))
    return hours, tuple(found[hour] for hour in hours)


def _regions(protocol: Protocol, prior: KineticPrior, sex: str) -> tuple[tuple[ScheduleRegion, ...], tuple[str, ...]]:
    limits = protocol.dose_limits.reading
    found: list[ScheduleRegion] = []
    said: list[str] = []
    for region_id, clause in protocol.dose_regions.items():
        reading: DoseRegion | None = clause.reading
        if reading is None:
            said.append(f"{region_id}: its clause is open, so that it is left out.")
            continue
        wanted = reading.prior_region or prior_region_name(region_id, kind=reading.kind)
        taken = prior.region(wanted).region
        if taken == "other":
            said.append(f"{reading.title}: the prior {prior.name} has no such region; its 'other', kept wide, is used.")
        limit = None if limits is None or region_id not in limits.limits else limits.limits[region_id].absorbed_dose_Gy
        mass = reference_mass_g(region_id, sex) if reading.kind == "organ" else None
        mass = mass if mass is not None or reading.kind == "lesion" else reference_mass_g(wanted, sex)
        if limit is not None and mass is None:
            said.append(
                f"{reading.title}: no reference mass is shipped, so that its limit of {limit:g} Gy is not judged."
            )
        found.append(ScheduleRegion(region_id, reading.title, reading.kind, reading.at_risk, taken, mass, limit))
    return tuple(found), tuple(said)


def protocol_schedule(protocol: Protocol) -> tuple[Schedule, str, tuple[str, ...], tuple[str, ...]]:
    """The schedule of a protocol, why its prior was taken, the titles of its scans, and what had to be assumed.

    Raises
    ------
    InputError
        If a clause it needs is open.
    """
    sessions, product = _read_sessions(protocol)
    dosimetry = protocol.dosimetry.reading
    hours, scans = _scan_times(protocol)
    assert dosimetry is not None
    if dosimetry.population_prior is not None:
        prior, because = kinetic_prior(dosimetry.population_prior), "named by the protocol"
    else:
        name, why = prior_name_for(f"{product.name} {product.vector}")
        prior, because = kinetic_prior(name), f"the protocol names none; by the vector “{product.vector}”: {why}"
    sex = "all" if protocol.population.reading is None else protocol.population.reading.sex
    regions, said = _regions(protocol, prior, sex)
    repeatability = dosimetry.repeatability_percent / 100
    schedule = Schedule(
        hours=hours,
        nuclide=nuclide(product.nuclide),
        administered_activity_MBq=sessions.administered_activity_MBq,
        sessions=sessions.maximum_sessions,
        plan=dose_plan(protocol, ()),
        prior=prior,
        regions=regions,
        organ_noise=MeasurementNoise(repeatability, ORGAN_COUNTING, CALIBRATION, hours[0]),
        lesion_noise=MeasurementNoise(repeatability, LESION_COUNTING, CALIBRATION, hours[0]),
    )
    masses = {"female": "adult female", "male": "adult male"}.get(sex, "mean of adult female and male")
    assumed = (
        f"Scans at the middle of their windows: {', '.join(f'{hour:g} h' for hour in hours)}.",
        f"Repeatability {100 * repeatability:g} % (protocol). Counting noise {100 * ORGAN_COUNTING:g} % for organs and "
        f"{100 * LESION_COUNTING:g} % for lesions at the first scan, growing as activity falls, no point beyond 30 %, "
        f"and calibration {100 * CALIBRATION:g} %: assumed, as no clause states them.",
        f"Course of {sessions.maximum_sessions} sessions of {sessions.administered_activity_MBq:g} MBq with the same "
        f"kinetics; ICRP 89 reference masses ({masses}), the same for everybody; electrons of the region itself on "
        "both sides of the comparison (photons are left out).",
        *said,
    )
    return schedule, because, scans, assumed


def adequacy_steps(protocol: Protocol) -> int:
    """How many pieces of work `schedule_adequacy` reports."""
    schedule, *_ = protocol_schedule(protocol)
    return 2 * len(schedule.regions) + len(candidate_schedules(schedule))


def schedule_adequacy(
    protocol: Protocol, *, patients: int = 500, seed: int = 1, on_progress: Callable[[str], None] | None = None
) -> ScheduleAdequacy:
    """What the scan times of a protocol can determine, judged on virtual patients of the prior.

    Parameters
    ----------
    patients, seed
        The same give the same answer. Candidate times are compared on at most 200 of the patients.

    Raises
    ------
    InputError
        If a clause it needs is open, or the number of patients is not between 50 and 20000.
    """
    if not LEAST_PATIENTS <= patients <= MOST_PATIENTS:
        raise InputError(f"give {LEAST_PATIENTS} to {MOST_PATIENTS} patients, got {patients}; 500 is usual")
    if seed < 0:
        raise InputError(f"a seed is 0 or above, got {seed}")
    step = on_progress or (lambda _what: None)
    schedule, because, scans, assumptions = protocol_schedule(protocol)

    def all_regions(hours: tuple[float, ...]) -> tuple[RegionAdequacy, ...]:
        judged = []
        for region in schedule.regions:
            judged.append(region_adequacy(schedule, region, hours=hours, patients=patients, seed=seed))
            step(region.title)
        return tuple(judged)

    planned = all_regions(schedule.hours)
    candidates = judged_candidates(schedule, patients=min(patients, _SEARCH_PATIENTS), seed=seed, on_progress=step)
    best = most_telling(candidates)
    improved = () if best is None else all_regions(best.hours)
    _, product = _read_sessions(protocol)
    identity = protocol.identity.reading
    return ScheduleAdequacy(
        trial_id="" if identity is None else identity.trial_id,
        product=product.name,
        nuclide=schedule.nuclide.name,
        hours=schedule.hours,
        scans=scans,
        patients=patients,
        seed=seed,
        prior=f"{schedule.prior.name} {schedule.prior.version}",
        prior_because=because,
        planned=planned,
        improved=improved,
        candidates=candidates,
        best_added=best,
        best_added_for_organs=most_telling(candidates, of="organs"),
        best_added_for_lesions=most_telling(candidates, of="lesions"),
        best_moved=most_telling(candidates, change="last moved"),
        panels=_panels(schedule, None if best is None else best.hour),
        assumptions=assumptions,
        trace=Trace(
            method="dosimetry.population.schedule_adequacy",
            version=VERSION,
            inputs={
                "scans": "protocol:dosimetry",
                "limits": "protocol:dose_limits",
                "regions": "protocol:dose_regions",
                "activity": "protocol:sessions",
                "prior": schedule.prior.source,
                "nuclide": schedule.nuclide.source,
                "patients": f"given:{patients} from seed {seed}",
            },
        ),
    )


def _panels(schedule: Schedule, added_h: float | None) -> tuple[CurvePanel, ...]:
    """A lesion, and the heart's blood or else the first organ."""
    lesions = [region for region in schedule.regions if region.kind == "lesion"]
    organs = [region for region in schedule.regions if region.kind == "organ"]
    hearts = [region for region in organs if region.prior_region == "heart"]
    chosen = [*lesions[:1], *(hearts or organs)[:1]]
    return tuple(curve_panel(schedule, region, added_h=added_h) for region in chosen)
