"""Objectives, endpoints and the estimand."""

from __future__ import annotations

from typing import Final

from theratrial.exchange.usdm.making import Instance, Maker
from theratrial.protocol.schema import Protocol
from theratrial.registry.record import RegistrationRecord

_STRATEGIES: Final = {
    "treatment_policy": "Treatment policy: the response counts as it was read",
    "composite": "Composite: counts as failure",
    "hypothetical": "Hypothetical: who has it is left out, and counted beside the number",
    "while_on_treatment": "While on treatment: the response counts where it was read before the event",
    "principal_stratum": "Principal stratum: who has it is left out, and counted beside the number",
}


def objectives(make: Maker, protocol: Protocol, record: RegistrationRecord | None) -> list[Instance]:
    """The primary objective with its endpoint; secondary ones where the registration record has any."""
    found = []
    endpoint = protocol.endpoint.reading
    if endpoint is not None:
        counted = ", ".join(endpoint.counted_categories)
        primary = _endpoint(make, "PRIMARY", endpoint.title, "primary_endpoint", f"Proportion with {counted}")
        primary["extensionAttributes"] = [make.clause("endpoint", protocol.endpoint)]
        found.append(_objective(make, "PRIMARY", f"To estimate: {endpoint.title}", "primary_objective", [primary]))
    outcomes = record.secondary_outcomes if record is not None else ()
    for number, outcome in enumerate((one for one in outcomes if one.description.en), 1):
        name = f"SECONDARY_{number}"
        made = _endpoint(make, name, outcome.description.en, "secondary_endpoint", outcome.method.en)
        text = f"To describe: {outcome.description.en}"
        found.append(_objective(make, name, text, "secondary_objective", [made]))
    return found


def _endpoint(make: Maker, name: str, text: str, level: str, purpose: str) -> Instance:
    return make.make(
        "Endpoint",
        name=f"{name}_ENDPOINT",
        label=None,
        description=None,
        text=text,
        dictionaryId=None,
        notes=[],
        purpose=purpose or "as registered",
        level=make.code(level),
    )


def _objective(make: Maker, name: str, text: str, level: str, endpoints: list[Instance]) -> Instance:
    return make.make(
        "Objective",
        name=f"{name}_OBJECTIVE",
        label=None,
        description=None,
        text=text,
        dictionaryId=None,
        notes=[],
        level=make.code(level),
        endpoints=endpoints,
    )


def estimands(
    make: Maker,
    protocol: Protocol,
    populations: dict[str, Instance],
    aims: list[Instance],
    therapy: Instance | None,
) -> list[Instance]:
    """The estimand of the primary endpoint, where the protocol has one."""
    plan = protocol.analysis.reading if protocol.analysis is not None else None
    endpoint = protocol.endpoint.reading
    if plan is None or endpoint is None or therapy is None or endpoint.analysis_set not in populations:
        return []
    events = [
        make.make(
            "IntercurrentEvent",
            name=one.event.upper(),
            label=one.title,
            description=one.why,
            text=one.title,
            dictionaryId=None,
            notes=[],
            strategy=_STRATEGIES[one.strategy],
        )
        for one in plan.estimand.intercurrent_events
    ]
    return [
        make.make(
            "Estimand",
            name="PRIMARY_ESTIMAND",
            label="Primary estimand",
            description=plan.estimand.variable,
            populationSummary=plan.estimand.summary,
            analysisPopulationId=populations[endpoint.analysis_set]["id"],
            interventionIds=[therapy["id"]],
            variableOfInterestId=aims[0]["endpoints"][0]["id"],
            intercurrentEvents=events,
            notes=[],
        )
    ]
