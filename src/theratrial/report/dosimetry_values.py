"""Small sums that the physicist's page makes of the values: per activity, per mass, against the reported one."""

from __future__ import annotations

import math
from dataclasses import replace

from theratrial.errors import InputError, SourceError
from theratrial.nuclides import Nuclide, nuclide
from theratrial.results.dosimetry import RouteResult
from theratrial.results.places import dose_place, session_place
from theratrial.results.values import RegionDoseResult, SessionResult
from theratrial.trace import Quantity, Trace
from theratrial.units import delta_mGy_g_per_MBq_h

POPULATION_METHOD = "dosimetry.population.posterior_tia"
"""Method of a time-integrated activity by published kinetics and the points."""
SAME_DAY_H = 6.0
"""A view and a SPECT closer than this are compared."""


def is_population(dose: RegionDoseResult) -> bool:
    """Whether what is reported weighs the points with published kinetics."""
    return dose.time_integrated_activity_MBq_h.trace.method == POPULATION_METHOD


def session_nuclide(session: SessionResult) -> Nuclide | None:
    """The radionuclide that the activity and the curves were computed with; None where no trace names one."""
    places = [session.administered_activity_MBq.trace.inputs.get("half_life", "")]
    places += [dose.time_integrated_activity_MBq_h.trace.inputs.get("nuclide", "") for dose in session.doses]
    for place in places:
        _, mark, name = place.rpartition("#")
        if mark:
            try:
                return nuclide(name)
            except (InputError, SourceError):
                continue
    return None


def _scaled(quantity: Quantity, factor: float, unit: str, trace: Trace) -> Quantity:
    def scaled(end: float | None) -> float | None:
        return None if end is None else end * factor

    return Quantity(scaled(quantity.value), unit, trace, scaled(quantity.lower), scaled(quantity.upper), quantity.note)


def _per_activity(
    quantity: Quantity, field: str, participant_id: str, session: SessionResult, name: str, method: str, unit: str
) -> Quantity:
    given = session.administered_activity_MBq.value
    inputs = {
        field: f"value:{dose_place(participant_id, session.session, name)}.{field}",
        "administered_activity": f"value:{session_place(participant_id, session.session)}.administered_activity_MBq",
    }
    trace = Trace(method, "1", inputs, demonstration=quantity.trace.demonstration)
    if not given:
        return Quantity(None, unit, trace, note="the administered activity is not known")
    return _scaled(quantity, (1000 if unit == "Gy/GBq" else 1) / given, unit, trace)


def coefficient(participant_id: str, session: SessionResult, dose: RegionDoseResult) -> Quantity:
    """Time-integrated activity over administered activity [h]; the activity is taken as exact."""
    return _per_activity(
        dose.time_integrated_activity_MBq_h,
        "time_integrated_activity_MBq_h",
        participant_id,
        session,
        dose.region_name,
        "report.time_integrated_activity_coefficient",
        "h",
    )


def dose_per_activity(participant_id: str, session: SessionResult, dose: RegionDoseResult) -> Quantity:
    """Absorbed dose over administered activity [Gy/GBq]; the activity is taken as exact."""
    return _per_activity(
        dose.absorbed_dose_Gy,
        "absorbed_dose_Gy",
        participant_id,
        session,
        dose.region_name,
        "report.absorbed_dose_per_activity",
        "Gy/GBq",
    )


def region_mass(participant_id: str, session: SessionResult, dose: RegionDoseResult) -> Quantity:
    """Mass that the doses rest on [g]: mean outlined volume times the protocol's density.

    It is had back from local deposition, dose = energy per decay x time-integrated activity / mass.
    """
    place = f"value:{dose_place(participant_id, session.session, dose.region_name)}"
    local = next((one for one in dose.details.engines if one.engine == "local_deposition"), None)
    inputs = {
        "absorbed_dose": f"{place}.details.engines[local_deposition].absorbed_dose_Gy",
        "time_integrated_activity": f"{place}.time_integrated_activity_MBq_h",
    }
    isotope, tia = session_nuclide(session), dose.time_integrated_activity_MBq_h.value
    if local is None or isotope is None or not tia or not local.absorbed_dose_Gy.value:
        return Quantity(None, "g", dose.absorbed_dose_Gy.trace, note="the results hold no mass of this region")
    mass_g = delta_mGy_g_per_MBq_h(isotope.electron_MeV) * tia / local.absorbed_dose_Gy.value / 1000
    return Quantity(mass_g, "g", Trace("report.region_mass", "1", inputs), note="volume times the protocol's density")


def against_reported(quantity: Quantity, reported: Quantity) -> float | None:
    """Difference in percent; None where either is not known."""
    if quantity.value is None or not reported.value:
        return None
    return (quantity.value / reported.value - 1) * 100


def same_day_differences(dose: RegionDoseResult, route: RouteResult) -> tuple[tuple[float, float], ...]:
    """(hours, percent) of a route's activities against the SPECT of the same day, as measured, without decay between.

    This compares counts to activity alone; the time-integrated activities also differ by how they were integrated.
    """
    found = []
    for other in route.points:
        near = min(dose.points, key=lambda p: abs(p.hours_after - other.hours_after), default=None)
        if near is None or abs(near.hours_after - other.hours_after) > SAME_DAY_H:
            continue
        difference = against_reported(other.activity_MBq, near.activity_MBq)
        if difference is not None and math.isfinite(difference):
            found.append((other.hours_after, difference))
    return tuple(found)


def total_relative_sd(dose: RegionDoseResult) -> float | None:
    """Relative standard deviation of the dose by its contributions together; None where they are not known."""
    uncertainty = dose.details.uncertainty
    if uncertainty is None or not uncertainty.parts:
        return None
    return math.sqrt(math.fsum(part.relative_sd**2 for part in uncertainty.parts))


def without_note(quantity: Quantity) -> Quantity:
    """The same value without its note, where the note stands elsewhere on the page."""
    return quantity if quantity.value is None else replace(quantity, note="")
