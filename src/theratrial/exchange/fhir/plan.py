"""PlanDefinition: what is done to a participant, in which order and within which windows."""

from __future__ import annotations

from theratrial.exchange.fhir.elements import TERMINOLOGY, Element, concept, fhir_id, quantity, quantity_range
from theratrial.exchange.fhir.study import PLAN_ID, publication_status
from theratrial.protocol.schema import ImagingPlan, Protocol, Sessions, Visit

SESSION = "session"
_SCREENING = "screening"


def plan_definition(protocol: Protocol) -> Element:
    """The schedule: screening, the sessions with their scans and visits, what follows the last one.

    What belongs to every session stands inside the action ``session``, which is done again up to the protocol's
    number of sessions, each time only where the gate says ``proceed``: its condition says so, since FHIR has no gate.
    Windows are the offset ranges of related actions, counted from the protocol's anchors.
    """
    identity = protocol.identity.reading
    plan: Element = {
        "resourceType": "PlanDefinition",
        "id": PLAN_ID,
        "status": publication_status(protocol),
        "type": concept("", TERMINOLOGY + "plan-definition-type", "clinical-protocol", "Clinical Protocol"),
        "action": _actions(protocol),
    }
    if identity is not None:
        plan |= {"version": identity.protocol_version, "title": identity.public_title}
    return plan


def _actions(protocol: Protocol) -> list[Element]:
    visits = [one for clause in protocol.schedule.values() if (one := clause.reading) is not None]
    images = [plan for clause in protocol.imaging.values() if (plan := clause.reading) is not None]
    once = [_visit(one, protocol) for one in visits if not one.per_session]
    once += [_image(one) for one in images if not one.per_session and not _within(one, visits)]
    session = _session(protocol, [one for one in visits if one.per_session], [one for one in images if one.per_session])
    first = [one for one in once if one["id"] == _SCREENING]
    return [*first, *([session] if session else []), *(one for one in once if one["id"] != _SCREENING)]


def _session(protocol: Protocol, visits: list[Visit], images: list[ImagingPlan]) -> Element | None:
    sessions = protocol.sessions.reading
    if sessions is None:
        return None
    product = protocol.products[sessions.product].reading
    name = product.name if product else sessions.product
    given: Element = {
        "id": fhir_id("administration"),
        "title": f"{name}, intravenously" if product and product.route == "intravenous" else name,
        "description": f"{sessions.administered_activity_MBq:g} MBq, within {sessions.activity_tolerance_percent:g} %",
    }
    return {
        "id": SESSION,
        "title": "Treatment session",
        "timingTiming": {"repeat": _repeat(sessions)},
        "cardinalityBehavior": "multiple" if sessions.maximum_sessions > 1 else "single",
        "condition": [
            {
                "kind": "applicability",
                "expression": {
                    "description": "The gate of the session before says proceed, signed; the first session needs "
                    "eligibility, signed. Undetermined is not proceed.",
                    "language": "text/plain",
                    "expression": "the gate says proceed",
                },
            }
        ],
        "action": [given, *(_image(one) for one in images), *(_visit(one, protocol) for one in visits)],
    }


def _repeat(sessions: Sessions) -> Element:
    found: Element = {"count": 1}
    if sessions.maximum_sessions > 1:
        interval = sessions.interval_days
        found |= {"countMax": sessions.maximum_sessions, "frequency": 1}
        found |= {"period": _days(interval.minimum), "periodMax": _days(interval.maximum), "periodUnit": "d"}
    return found


def _days(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _visit(visit: Visit, protocol: Protocol) -> Element:
    action: Element = {"id": fhir_id(visit.id), "title": visit.title}
    if visit.anchor != _SCREENING or visit.id != _SCREENING:
        action["relatedAction"] = [
            _after(visit.anchor, visit.window_days.minimum, visit.window_days.maximum, "d"),
        ]
    steps = []
    for procedure in visit.procedures:
        if (clause := protocol.imaging.get(procedure)) is not None and clause.reading is not None:
            if not clause.reading.per_session:
                steps.append(_image(clause.reading))
        elif (form := protocol.forms.get(procedure)) is not None and form.reading is not None:
            steps.append({"id": fhir_id(visit.id, procedure), "title": form.reading.title})
    return action | ({"action": steps} if steps else {})


def _image(plan: ImagingPlan) -> Element:
    window = plan.window_h
    action: Element = {
        "id": fhir_id(plan.id),
        "title": plan.title,
        "requiredBehavior": "must" if plan.required else "could",
        "code": concept(plan.kind),
    }
    if plan.per_session or plan.after != "administration":
        action["relatedAction"] = [_after(plan.after, window.minimum, window.maximum, "h")]
    else:
        # A tracer's injection is part of its image and no step of the treatment plan: the window is told, not linked.
        action["timingRange"] = quantity_range(window.minimum, window.maximum, "h")
        action["description"] = f"{window.minimum:g} to {window.maximum:g} h after injection of {plan.product}."
    return action


def _after(anchor: str, low: float, high: float, unit: str) -> Element:
    target = {"administration": "administration", "last_administration": SESSION}.get(anchor, anchor)
    related: Element = {"targetId": fhir_id(target), "relationship": "after"}
    if low == high:
        return related | {"offsetDuration": quantity(low, unit)}
    return related | {"offsetRange": quantity_range(low, high, unit)}


def _within(plan: ImagingPlan, visits: list[Visit]) -> bool:
    return any(plan.id in one.procedures for one in visits)
