"""One session judged: the fall of the dose rate, release, and every contact, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.safety.protection.constant import dose_rate_constant_uSv_m2_per_MBq_h
from theratrial.safety.protection.contact import contact_dose_mSv, restricted_until_h
from theratrial.safety.protection.curve import Curve, Curves, Interval
from theratrial.safety.protection.fit import Fall, counted_fall, measured_fall, physical_fall
from theratrial.safety.protection.geometry import Geometry
from theratrial.safety.protection.household import Contact
from theratrial.safety.protection.readings import READING_SD_FRACTION, NetRate, Reading, net_rates
from theratrial.safety.protection.release import Release, ReleaseLimit, release

METHOD: Final = "safety.radiation_protection"
VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of one session."""

    isotope: Nuclide
    administered_MBq: float
    readings: tuple[Reading, ...]
    limit: ReleaseLimit
    contacts: tuple[Contact, ...]
    injected_hour: float
    """Hour of the local day, 0 to 24."""
    discharged_h: float | None = None
    kinetics: Literal["measured_dose_rates", "whole_body_counts"] = "measured_dose_rates"
    whole_body_half_life_h: tuple[float, float, float] | None = None
    """With both ends of its interval."""
    minimum_readings: int = 2
    leaving_fraction: float = 1.0
    margin_fraction: float = 0.0
    geometry: Geometry = "line"
    reading_sd_fraction: float = READING_SD_FRACTION


@dataclass(frozen=True, slots=True)
class JudgedContact:
    """A contact and the time until which it is restricted, hours after the administration."""

    contact: Contact
    until_h: Interval
    without_mSv: Interval
    with_mSv: Interval


@dataclass(frozen=True, slots=True)
class Judged:
    """What follows for one session; `fall` None where nothing can be said of the dose rate."""

    fall: Fall | None
    rates: tuple[NetRate, ...]
    at_h: float
    release: Release
    contacts: tuple[JudgedContact, ...]
    remarks: tuple[str, ...]


def judged(situation: Situation) -> Judged:
    """Fall, verdict and restrictions of a session.

    Restrictions count from the discharge; as long as there is none, from when the participant may leave, or from the
    last reading where nothing says when that is.
    """
    remarks: list[str] = []
    try:
        rates, said = net_rates(situation.readings, situation.geometry, situation.reading_sd_fraction)
        remarks += said
        fall = _fall(situation, rates)
    except (InputError, NumericalError) as error:
        found = Release("undetermined", str(error), None, None)
        return Judged(None, (), situation.discharged_h or 0.0, found, (), tuple(remarks))
    remarks += fall.remarks
    last_h = max((one.hours_after for one in rates), default=0.0)
    at_h = last_h if situation.discharged_h is None else situation.discharged_h
    verdict = _release(situation, fall, at_h, remarks)
    start_h = at_h
    if situation.discharged_h is None and verdict.from_h is not None:
        start_h = max(at_h, verdict.from_h.upper)
    curves = fall.curves.scaled(1 + situation.margin_fraction)
    try:
        contacts = tuple(_contact(situation, one, curves, start_h) for one in situation.contacts)
    except NumericalError as error:
        contacts = ()
        remarks.append(f"restrictions cannot be computed: {error}")
    if situation.discharged_h is not None and verdict.verdict == "may_not_leave":
        remarks.append("the discharge is recorded although the criterion was not kept to")
    return Judged(fall, rates, start_h, verdict, contacts, tuple(remarks))


def _fall(situation: Situation, rates: tuple[NetRate, ...]) -> Fall:
    decay = situation.isotope.decay_constant_per_h
    unshielded = unshielded_uSv_per_h(situation)
    if situation.kinetics == "whole_body_counts":
        if situation.whole_body_half_life_h is not None:
            return counted_fall(situation.whole_body_half_life_h, decay, rates, unshielded)
        if rates:
            return physical_fall(rates, decay, "no half-life of whole-body counts")
        return _by_constant(decay, unshielded, "no half-life of whole-body counts and no reading")
    if not rates:
        return _by_constant(decay, unshielded, "no reading")
    return measured_fall(rates, decay, minimum=situation.minimum_readings)


def _by_constant(decay: float, unshielded: float, why: str) -> Fall:
    text = f"physical decay alone from the dose rate constant of the nuclide: {why}"
    return Fall(Curves(Curve((unshielded,), (decay,))), "physical_decay", text, 0.0)


def unshielded_uSv_per_h(situation: Situation) -> float:
    """Dose rate at 1 m at the administration by the nuclide's constant and the share that leaves the body [uSv/h]."""
    constant = dose_rate_constant_uSv_m2_per_MBq_h(situation.isotope)
    return constant * situation.administered_MBq * situation.leaving_fraction


def _release(situation: Situation, fall: Fall, at_h: float, remarks: list[str]) -> Release:
    """The verdict; before the first reading only the unshielded dose rate is known to be enough."""
    if at_h >= fall.first_h:
        found = release(situation.limit, fall.curves, at_h, geometry=situation.geometry)
    else:
        constant = dose_rate_constant_uSv_m2_per_MBq_h(situation.isotope) * situation.administered_MBq
        bound = Curves(Curve((constant,), (situation.isotope.decay_constant_per_h,)))
        found = release(situation.limit, bound, at_h, geometry=situation.geometry)
        if found.verdict != "may_leave":
            why = f"the first reading is of {fall.first_h:.1f} h, after the time that is judged ({at_h:.1f} h)"
            found = Release("undetermined", why, None, None)
        else:
            remarks.append("judged before the first reading, by the unshielded dose rate of all that was administered")
    if found.from_h is not None and found.from_h.upper < fall.first_h:
        # Extrapolated to before the first reading, where an early fast phase would have stood higher.
        found = Release(found.verdict, found.because, Interval(*(fall.first_h,) * 3), found.judged)
    return found


def _contact(situation: Situation, contact: Contact, curves: Curves, start_h: float) -> JudgedContact:
    hour, geometry = situation.injected_hour, situation.geometry

    def dose(curve: Curve, from_h: float) -> float:
        return contact_dose_mSv(curve, contact.pattern, from_h=from_h, injected_hour=hour, geometry=geometry)

    until_h = curves.interval(
        lambda curve: restricted_until_h(
            curve, contact.pattern, contact.constraint_mSv, start_h=start_h, injected_hour=hour, geometry=geometry
        )
    )
    without = curves.interval(lambda curve: dose(curve, start_h))
    kept = curves.interval(lambda curve: dose(curve, until_h.upper))
    return JudgedContact(contact, until_h, without, kept)
