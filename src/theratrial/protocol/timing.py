"""Rules on when things happen: anchors, windows, sessions, images against decay."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from theratrial.errors import SourceError
from theratrial.nuclides import Nuclide, nuclide
from theratrial.protocol.documents import suggestion
from theratrial.protocol.findings import Finding, error, readings, warning
from theratrial.protocol.schema import DosimetryPlan, ImagingPlan, Protocol, Visit
from theratrial.protocol.vocabulary import ANCHORS

_GONE_HALF_LIVES: Final = 10.0  # a thousandth is left


def timing_findings(protocol: Protocol) -> Iterator[Finding]:
    """Every rule of this module."""
    visits = readings(protocol.schedule)
    yield from _anchors(protocol, visits)
    yield from _images(protocol)
    yield from _sessions(protocol, visits)
    yield from _plans(protocol, visits)


def _anchors(protocol: Protocol, visits: dict[str, Visit]) -> Iterator[Finding]:
    for key, visit in visits.items():
        path = f"schedule.{key}.reading.anchor"
        known = (*ANCHORS, *protocol.schedule)
        if visit.anchor not in known:
            yield error("unknown_anchor", path, f"there is no anchor '{visit.anchor}'", suggestion(visit.anchor, known))
            continue
        chain = [key]
        while chain[-1] in visits and (anchor := visits[chain[-1]].anchor) not in ANCHORS:
            chain.append(anchor)
            if anchor in chain[:-1]:
                break
        if len(set(chain)) < len(chain):
            if chain[-1] == key:
                message = "the window counts from itself: " + " <- ".join(chain)
                yield error("cyclic_anchor", path, message, f"anchor one of them on {', '.join(ANCHORS)}")
            continue
        root = visits[chain[-1]].anchor if chain[-1] in visits else ""
        if visit.per_session and root in ("screening", "last_administration"):
            message = f"the visit is held in every session but counts from '{root}', which comes once"
            yield error("per_session_anchor", path, message, "anchor it on administration")
        if not visit.per_session and root == "administration":
            message = "the visit counts from the administration of a session but is not per_session"
            yield error("administration_not_per_session", path, message, "write per_session: true")
        if root == "administration" and visit.window_days.maximum < 0 and len(chain) == 1:
            message = "the visit ends before the administration that it counts from"
            yield error("impossible_window", f"schedule.{key}.reading.window_days", message, "give days after it")


def _known_nuclide(protocol: Protocol, product: str) -> Nuclide | None:
    reading = readings(protocol.products).get(product)
    try:
        return nuclide(reading.nuclide) if reading is not None else None
    except SourceError:
        return None


def _images(protocol: Protocol) -> Iterator[Finding]:
    plans: dict[str, ImagingPlan] = readings(protocol.imaging)
    for key, plan in plans.items():
        path = f"imaging.{key}.reading.window_h"
        if plan.after == "administration" and plan.window_h.minimum < 0:
            message = f"the image may be taken {-plan.window_h.minimum:g} h before its product is given"
            yield error("impossible_window", path, message, "start the window at 0 h or later")
        isotope = _known_nuclide(protocol, plan.product)
        if isotope is None:
            continue
        if plan.after == "administration":
            yield from _decayed(path, plan, isotope)
        if plan.kind == "pet_ct" and isotope.positron_yield == 0:
            message = f"PET of {isotope.name}, which emits no positrons"
            yield warning("pet_without_positrons", f"imaging.{key}.reading.kind", message, "plan SPECT or planar")
    for (first, one), (second, other) in combinations(plans.items(), 2):
        if (one.kind, one.product) != (other.kind, other.product) or one.after != other.after:
            continue
        if one.timepoint == other.timepoint:
            message = f"'{first}' and '{second}' are the same kind of image at the same time point"
            yield error("timepoint_twice", f"imaging.{second}.reading.timepoint", message, "give each its own")
        apart = one.window_h.maximum < other.window_h.minimum or other.window_h.maximum < one.window_h.minimum
        if one.per_session and other.per_session and not apart:
            message = f"the windows of '{first}' and '{second}' overlap: an image could be either"
            yield error("windows_overlap", f"imaging.{second}.reading.window_h", message, "part the windows")


def _decayed(path: str, plan: ImagingPlan, isotope: Nuclide) -> Iterator[Finding]:
    gone_h = _GONE_HALF_LIVES * isotope.half_life_h
    if plan.window_h.minimum > gone_h:
        message = (
            f"{isotope.name} is gone: the image starts {plan.window_h.minimum / isotope.half_life_h:.0f} half-lives on"
        )
        yield error("image_after_decay", path, message, f"image before {gone_h:.3g} h")
    elif plan.window_h.maximum > gone_h:
        message = f"late in the window less than a thousandth of {isotope.name} is left"
        yield warning("image_late_in_decay", path, message, f"end the window before {gone_h:.3g} h")


def _sessions(protocol: Protocol, visits: dict[str, Visit]) -> Iterator[Finding]:
    sessions, gate = protocol.sessions.reading, protocol.safety_gate.reading
    if sessions is not None and sessions.interval_days.minimum <= 0 and sessions.maximum_sessions > 1:
        path = "sessions.reading.interval_days"
        yield error("impossible_interval", path, "a session may follow at once or earlier", "give days above 0")
    visit = visits.get(gate.visit) if gate is not None else None
    if gate is None or visit is None:
        return
    if not visit.per_session or visit.anchor != "administration":
        message = f"the gate is judged at '{gate.visit}', which is not held after every administration"
        yield error("gate_visit_not_per_session", "safety_gate.reading.visit", message, "name a visit that is")
        return
    if sessions is not None and sessions.maximum_sessions > 1:
        path, interval, window = "sessions.reading.interval_days", sessions.interval_days, visit.window_days
        if interval.maximum < window.minimum:
            message = (
                f"the next session is due by day {interval.maximum:g}, its gate visit opens on day {window.minimum:g}"
            )
            yield error("interval_before_gate", path, message, "end the interval after the gate visit opens")
        elif interval.maximum < window.maximum:
            message = (
                f"a gate visit on day {window.maximum:g} leaves no day for the session, due by {interval.maximum:g}"
            )
            yield warning("interval_within_gate", path, message, "end the interval after the gate visit closes")
        if interval.minimum < window.minimum <= interval.maximum:
            message = (
                f"a session on day {interval.minimum:g} would come before its gate visit opens on {window.minimum:g}"
            )
            yield warning("session_before_gate", path, message, "start the interval with the gate visit")
    endpoint = protocol.endpoint.reading
    response = visits.get(endpoint.visit) if endpoint is not None else None
    if response is None or response.anchor != "last_administration":
        return
    closes, decides = response.window_days.maximum, visit.window_days.maximum
    if closes < decides:
        message = (
            f"the window closes on day {closes:g}; that a session was the last may be decided as late as {decides:g}"
        )
        path = f"schedule.{response.id}.reading.window_days"
        yield warning("response_before_gate", path, message, "end the response window after the gate visit's")


def _plans(protocol: Protocol, visits: dict[str, Visit]) -> Iterator[Finding]:
    plans: dict[str, ImagingPlan] = readings(protocol.imaging)
    sessions, dosimetry = protocol.sessions.reading, protocol.dosimetry.reading
    if dosimetry is not None:
        known = {name: plans[name] for name in dosimetry.imaging if name in plans}
        if len(known) == len(dosimetry.imaging):
            yield from _curve(dosimetry, len({plan.timepoint for plan in known.values()}))
        yield from _planar(dosimetry, plans)
        for index, name in enumerate(dosimetry.imaging):
            plan, path = plans.get(name), f"dosimetry.reading.imaging[{index}]"
            if plan is None:
                continue
            if sessions is not None and plan.product != sessions.product:
                message = f"'{name}' shows {plan.product}, not the therapy product"
                yield error("dosimetry_of_other_product", path, message, "name images of the therapy product")
            if not plan.per_session:
                message = f"'{name}' is not taken in every session"
                yield error("dosimetry_not_per_session", path, message, "write per_session: true in its plan")
            if plan.kind == "whole_body_planar":
                message = f"'{name}' is planar: organs overlap in it, and one view gives no volume"
                yield warning("dosimetry_planar", path, message, "plan a SPECT at that time point")
    yield from _pet(protocol, plans, visits)


def _curve(dosimetry: DosimetryPlan, points: int) -> Iterator[Finding]:
    """Whether the images have the time points that the curve needs."""
    path = "dosimetry.reading"
    if dosimetry.curve == "two_point_mono_exponential" and points != 2:
        message = f"a two-point curve needs two time points, the images have {points}"
        yield error("curve_needs_two_points", f"{path}.imaging", message, "name images of two time points")
    if dosimetry.curve == "best_supported" and points < 2:
        message = "a curve through the points alone needs at least two time points, the images have one"
        yield error("curve_needs_more_points", f"{path}.imaging", message, "name more images, or curve: population")
    if dosimetry.curve == "population" and dosimetry.population_prior is None:
        message = "the points are to be weighed with published kinetics, and no prior is named"
        yield error("population_without_prior", f"{path}.population_prior", message, "name a shipped prior")


def _planar(dosimetry: DosimetryPlan, plans: dict[str, ImagingPlan]) -> Iterator[Finding]:
    """Whether what is to be quantified as a whole-body view is one, and its anatomy has a CT."""
    if (planar := dosimetry.planar) is None:
        return
    for index, name in enumerate(planar.imaging):
        if (plan := plans.get(name)) is not None and plan.kind != "whole_body_planar":
            message = f"'{name}' is no whole-body view"
            path = f"dosimetry.reading.planar.imaging[{index}]"
            yield error("planar_of_other_kind", path, message, "name images of the kind whole_body_planar")
    anatomy = plans.get(planar.anatomy)
    if anatomy is not None and anatomy.kind != "pet_ct":
        message = f"'{planar.anatomy}' brings no CT for attenuation and thickness"
        yield error(
            "planar_without_ct", "dosimetry.reading.planar.anatomy", message, "name an image of the kind pet_ct"
        )


def _pet(protocol: Protocol, plans: dict[str, ImagingPlan], visits: dict[str, Visit]) -> Iterator[Finding]:
    used: list[tuple[str, str, str]] = []
    if response := protocol.response.reading:
        used.append(("response.reading.imaging_baseline", response.imaging_baseline, "response"))
        used.append(("response.reading.imaging_response", response.imaging_response, "response"))
        if response.imaging_baseline == response.imaging_response:
            message = "baseline and response are the same image"
            yield error("response_without_baseline", "response.reading.imaging_response", message, "name two images")
    if protocol.selection_read and (selection := protocol.selection_read.reading):
        used.append(("selection_read.reading.imaging", selection.imaging, "selection"))
    for path, name, purpose in used:
        plan = plans.get(name)
        if plan is None:
            continue
        if plan.kind != "pet_ct":
            yield error(f"{purpose}_not_pet", path, f"'{name}' is no PET: SUV has no meaning in it", "name a PET image")
        if purpose not in plan.purpose:
            message = f"'{name}' is used for {purpose}, which is not among its purposes"
            yield warning("purpose_not_planned", path, message, f"add {purpose} to its purpose")
    endpoint = protocol.endpoint.reading
    visit = visits.get(endpoint.visit) if endpoint is not None else None
    image = response.imaging_response if response is not None else ""
    if visit is not None and image in plans and image not in visit.procedures:
        message = f"the endpoint's visit '{visit.id}' does not include '{image}'"
        yield warning("response_image_not_at_visit", "endpoint.reading.visit", message, "add it to its procedures")
    if endpoint is not None and "PD" in endpoint.counted_categories:
        path = "endpoint.reading.counted_categories"
        yield warning("progression_counted", path, "progression counts as success", "remove PD")
