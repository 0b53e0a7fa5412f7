"""Results with everything beside each dose, made by hand for the tests of the dosimetry page. No number is real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import report_example as example

from theratrial.results.dosimetry import (
    BiologicalDose,
    CurveAlternative,
    DoseDetails,
    DoseVolume,
    EngineDose,
    Exceedance,
    PlanarPoint,
    PopulationFit,
    RouteResult,
    Uncertainty,
    UncertaintyPart,
    ViewAlignment,
    WholeBody,
    WholeBodyPoint,
)
from theratrial.results.pictures import OverlayPicture, Pictures
from theratrial.results.values import CumulativeDose, ParticipantResult, RegionDoseResult, SessionResult, TrialResult
from theratrial.trace import Quantity, Trace

POPULATION = Trace(
    "dosimetry.population.posterior_tia",
    "1",
    {
        "prior": "table:dosimetry/population/kinetics@1#made_up",
        "nuclide": "table:nuclides/icrp107_files@x#Lu-177",
        "plan": "protocol:dosimetry",
    },
    demonstration=("dosimetry",),
)
POINTS = Trace(
    "dosimetry.region_activity",
    "1",
    {
        "calibration": "record:records/calibrations.csv#3",
        "recovery of 5 mL": "record:records/recoveries.csv#5",
        "recovery of 9 mL": "record:records/recoveries.csv#6",
        "region liver": "sha256:00ff#liver",
    },
)
DELTA_MGY_G_PER_MBQ_H = 85.32
"""Electrons of Lu-177 by ICRP Publication 107, worked out by hand from its 0.14792 MeV per decay."""


def detailed_dose(dose: RegionDoseResult, *, mass_g: float, planar: float | None) -> RegionDoseResult:
    """A region with a value by published kinetics and everything beside it."""
    points = tuple(
        replace(p, activity_MBq=replace(p.activity_MBq, trace=POINTS, note="12.3 MBq seen in the outline"))
        for p in dose.points
    )
    if not points:
        return dose
    tia = Quantity(
        points[0].activity_MBq.value * 123.4, "MBq h", POPULATION, points[0].activity_MBq.value * 80, 1e5, "note"
    )
    local = tia.value * DELTA_MGY_G_PER_MBQ_H / mass_g / 1000
    absorbed = Quantity(local * 1.05, "Gy", POPULATION, local * 0.7, local * 1.6, "by published kinetics")
    routes = [
        RouteResult(
            "planar",
            tuple(
                PlanarPoint(
                    f"planar_{p.hours_after:.0f}h",
                    p.hours_after - 1.5,
                    Quantity(p.activity_MBq.value * planar, "MBq", POINTS),
                    (),
                )
                for p in points
            ),
            "determined",
            "because",
            Quantity(tia.value * planar, "MBq h", POPULATION, 1.0, 2e5),
            Quantity((planar - 1) * 100, "percent", POINTS),
        )
        if planar is not None
        else RouteResult(
            "planar",
            (),
            "undetermined",
            "hidden behind the liver",
            Quantity(None, "MBq h", POINTS, note="hidden behind the liver"),
            Quantity(None, "percent", POINTS, note="hidden behind the liver"),
        )
    ]
    engines = (
        EngineDose("local_deposition", Quantity(local, "Gy", POINTS), local, 0.0, 0.0, None, None, "electrons stop"),
        EngineDose(
            "s_values", absorbed, local, local * 0.03, local * 0.02, None, 5.0, "own photons +3.0 %, elsewhere +2.0 %"
        ),
        EngineDose(
            "voxel_kernel", Quantity(local * 0.97, "Gy", POINTS), local * 0.97, None, None, None, -3.0, "edges blur"
        ),
    )
    uncertainty = Uncertainty(
        (
            UncertaintyPart("kinetics", 0.12, 0.9, "two scans"),
            UncertaintyPart("volume", 0.04, 0.1, "outline"),
        ),
        ("motion",),
        "a later scan",
        POINTS,
    )
    return replace(
        dose,
        points=points,
        time_integrated_activity_MBq_h=tia,
        absorbed_dose_Gy=absorbed,
        extrapolated_fraction=Quantity(0.71, "fraction", POPULATION),
        details=DoseDetails(
            routes=tuple(routes),
            alternatives=(
                CurveAlternative("points_alone", "One exponential", Quantity(tia.value * 0.8, "MBq h", POINTS), ""),
                CurveAlternative(
                    "hanscheid", "2t rule", Quantity(tia.value * 0.5, "MBq h", POINTS), "outside its window"
                ),
            ),
            population=PopulationFit(
                "prior made_up 1, region x",
                "x",
                tia,
                absorbed,
                0.6,
                tuple((float(h), 2.0 + h * 0.01, 5.0, 9.0) for h in (0.5, 12, 24, 48, 96, 192, 384)),
                "",
            ),
            engines=engines,
            biological=BiologicalDose(
                Quantity(absorbed.value * 1.02, "Gy", POINTS), Quantity(absorbed.value * 0.6, "Gy", POINTS), 2.6, 2.8,
                "Somebody 2005",
            ),
            dose_volume=DoseVolume(
                Quantity(local, "Gy", POINTS), 0.61, 1.73, 2.94, ((0.0, 1.0), (1.0, 0.8), (3.1, 0.02))
            ),
            uncertainty=uncertainty,
        ),
    )  # fmt: skip


def detailed_session(participant_id: str, session: SessionResult) -> SessionResult:
    """A session whose doses have everything beside them; the second lesion has no planar activity."""
    doses = tuple(
        detailed_dose(
            dose, mass_g=100.0 + 50 * index, planar=None if dose.region_name == "lesion_2" else 1.1 + index / 50
        )
        for index, dose in enumerate(session.doses)
    )
    body = WholeBody(
        (WholeBodyPoint("planar_24h", 24.4, Quantity(3711.0, "cps", POINTS, 3364.0, 4093.0)),),
        Quantity(128.0, "h", POINTS, 64.4, 159.5),
        Quantity(282054.0, "MBq h", POINTS, note="one exponential from injection on"),
    )
    given = replace(
        session.administered_activity_MBq,
        trace=Trace(
            "pharmacy.net_administered_activity",
            "1",
            {
                "administration": "record:records/administrations.csv#3",
                "half_life": "table:nuclides/icrp107_files@x#Lu-177",
            },
            author="NU-01",
        ),
    )
    moved = (
        ViewAlignment(
            "planar_48h", "planar_24h", Quantity(4.1, "mm", POINTS), Quantity(-0.4, "mm", POINTS), 0.2, 0.91, 0.97, ""
        ),
    )
    return replace(session, doses=doses, whole_body=body, administered_activity_MBq=given, view_alignments=moved)


def _summed(dose: CumulativeDose, sessions: tuple[SessionResult, ...]) -> Quantity:
    """The sum of the sessions where each has a value; a rising region has one by published kinetics."""
    found = [
        one.absorbed_dose_Gy
        for session in sessions
        for one in session.doses
        if dose.title in (one.title, one.region_name)
    ]
    if any(one.value is None or one.upper is None for one in found):
        return dose.absorbed_dose_Gy
    ends = [(one.value or 0.0, one.lower or 0.0, one.upper or 0.0) for one in found]
    value, lower, upper = (sum(column) for column in zip(*ends, strict=True))
    return Quantity(value, "Gy", POPULATION, lower, upper, dose.determinacy)


def detailed(one: ParticipantResult) -> ParticipantResult:
    """A participant with everything beside every dose, and the chance of being above each limit."""
    sessions = tuple(detailed_session(one.participant_id, session) for session in one.sessions)
    doses = tuple(
        replace(
            dose,
            absorbed_dose_Gy=_summed(dose, sessions),
            exceedance=None
            if dose.limit_Gy is None
            else Exceedance(
                dose.limit_Gy,
                Quantity(0.031, "probability", POPULATION, note="informs"),
                Quantity(0.27, "probability", POPULATION, note="informs"),
            ),
            bed_Gy=Quantity(7.77, "Gy", POINTS, 5.0, 9.0) if dose.region_id == "kidneys" else None,
        )
        for dose in one.cumulative_doses
    )
    return replace(one, sessions=sessions, cumulative_doses=doses)


def detailed_trial(participants: int = 3) -> TrialResult:
    """A small trial with everything; one participant was not treated."""
    result = example.trial(
        (
            *(example.participant(index, sessions=2) for index in range(participants)),
            example.participant(9, treated=False),
        )
    )
    return replace(result, participants=tuple(detailed(one) if one.treated else one for one in result.participants))


def overlays(result: TrialResult) -> Pictures:
    """A pair of views laid on each other for every session."""
    view = np.zeros((60, 40), dtype=np.float32)
    view[10:50, 15:25] = 40.0
    return Pictures(
        overlays=tuple(
            OverlayPicture(
                one.participant_id,
                session.session,
                "planar_48h",
                "planar_24h",
                view,
                np.roll(view, 3, 0),
                view,
                (18.0, 9.6),
            )
            for one in result.participants
            for session in one.sessions
        )
    )
