"""ResearchStudy and the Group of those who may join it."""

from __future__ import annotations

from typing import Final

from theratrial.exchange.fhir.elements import ICD10, TERMINOLOGY, Element, concept, fhir_id
from theratrial.protocol.clauses import DecisionStatus
from theratrial.protocol.condition_words import condition_words
from theratrial.protocol.schema import Protocol, Variable
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import RecordDate

ELIGIBILITY_ID: Final = "eligibility"
PLAN_ID: Final = "plan"
_PHASES: Final = {
    "0": "early-phase-1", "1": "phase-1", "1-2": "phase-1-phase-2", "2": "phase-2", "2-3": "phase-2-phase-3",
    "3": "phase-3", "4": "phase-4",
}  # fmt: skip


def research_study(protocol: Protocol, record: RegistrationRecord | None) -> Element:
    """The study as FHIR knows it. What protocol and record do not say is left out, never filled in.

    Its status is ``draft`` while a clause of the protocol waits for a decision, else ``active``.
    """
    identity, population = protocol.identity.reading, protocol.population.reading
    study: Element = {
        "resourceType": "ResearchStudy",
        "id": "study",
        "status": publication_status(protocol),
        "protocol": [{"reference": f"PlanDefinition/{PLAN_ID}"}],
    }
    if identity is not None:
        study["identifier"] = [{"type": {"text": identity.registry}, "value": identity.trial_id}]
        study["version"] = identity.protocol_version
        study["title"] = identity.scientific_title
        study["label"] = [{"type": {"text": "public title"}, "value": identity.public_title}]
        study["phase"] = _phase(identity.phase)
    study["primaryPurposeType"] = concept("", TERMINOLOGY + "research-study-prim-purp-type", "treatment", "Treatment")
    study["comparisonGroup"] = _arms(protocol)
    if population is not None:
        study["condition"] = [concept(population.condition, ICD10, population.icd10)]
        study["recruitment"] = {
            "targetNumber": population.sample_size,
            "eligibility": {"reference": f"Group/{ELIGIBILITY_ID}"},
        }
    study["outcomeMeasure"] = _outcomes(protocol, record)
    if record is not None:
        study |= _registered(record)
    return {key: value for key, value in study.items() if value not in ([], {}, "")}


def eligible_group(protocol: Protocol) -> Element:
    """Who may join: every criterion with its verbatim text, its words and its expression.

    FHIR's characteristics are pairs of code and value. Ours are conditions; each stands as "holds: yes", an exclusion
    criterion with ``exclude``, and its verbatim text as the description.
    """
    variables = {one.id: one for one in protocol.variables}
    group: Element = {
        "resourceType": "Group",
        "id": ELIGIBILITY_ID,
        "type": "person",
        "membership": "definitional",
        "characteristic": [_characteristic(protocol, key, variables) for key in protocol.eligibility],
    }
    population = protocol.population.reading
    if population is not None:
        group["description"] = population.condition
    return group


def _characteristic(protocol: Protocol, key: str, variables: dict[str, Variable]) -> Element:
    clause = protocol.eligibility[key]
    criterion = clause.reading
    text = " ".join(one.text for one in clause.verbatim)
    if criterion is None:
        return {"code": {"text": text or key}, "valueBoolean": True, "exclude": False}
    words = condition_words(criterion.condition, variables)
    return {
        "id": fhir_id(key),
        "code": {"text": criterion.title},
        "valueBoolean": True,
        "exclude": criterion.kind == "exclusion",
        "_valueBoolean": {
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/cqf-expression",
                    "valueExpression": {
                        "description": text or words,
                        "language": "text/cel",
                        "expression": criterion.condition,
                    },
                }
            ]
        },
    }


def publication_status(protocol: Protocol) -> str:
    """``draft`` while a clause of the protocol waits for a decision, else ``active``."""
    return "draft" if any(one.decision.status is DecisionStatus.OPEN for one in protocol.conflicts) else "active"


def _phase(phase: str) -> Element:
    key = phase.strip().lower().removeprefix("phase").strip().replace("/", "-")
    code = _PHASES.get(key, "")
    return concept(f"Phase {phase}" if phase.isdigit() else phase, TERMINOLOGY + "research-study-phase", code)


def _arms(protocol: Protocol) -> list[Element]:
    return [
        {"linkId": key, "name": arm.title, "type": {"text": "Experimental"}, "description": arm.description}
        for key, clause in protocol.arms.items()
        if (arm := clause.reading) is not None
    ]


def _outcomes(protocol: Protocol, record: RegistrationRecord | None) -> list[Element]:
    primary = {"coding": [{"system": TERMINOLOGY + "research-study-objective-type", "code": "primary"}]}
    found: list[Element] = []
    endpoint = protocol.endpoint.reading
    if endpoint is not None:
        counted = ", ".join(endpoint.counted_categories)
        found.append(
            {
                "name": endpoint.title,
                "type": [primary],
                "description": f"Proportion of {endpoint.analysis_set} with {counted}; missing counts as "
                f"{endpoint.missing}; {endpoint.confidence_level:.0%} interval by {endpoint.interval_method}.",
            }
        )
    if record is not None:
        secondary = {"coding": [{"system": TERMINOLOGY + "research-study-objective-type", "code": "secondary"}]}
        found += [
            {"name": name, "type": [secondary]}
            for one in record.secondary_outcomes
            if (name := one.description.en or one.description.fa)
        ]
    return found


def _registered(record: RegistrationRecord) -> Element:
    """Period and sponsors of the record; organizations only, never a person."""
    found: Element = {}
    begins, ends = record.recruitment.first_enrolment, record.recruitment.trial_completion
    ends = ends or record.recruitment.actual_end or record.recruitment.expected_end
    if begins is not None:
        found["period"] = {"start": _day(begins)} | ({"end": _day(ends)} if ends is not None else {})
    organizations = [one.contact.organization for one in record.sponsors]
    sponsors = [name for one in organizations if (name := one.en or one.fa)]
    if sponsors:
        role = concept("sponsor", "http://hl7.org/fhir/research-study-party-role", "sponsor")
        found["associatedParty"] = [{"name": name, "role": role} for name in sponsors]
    return found


def _day(day: RecordDate) -> str:
    """As much of the date as is known: FHIR's dates may end after year or month."""
    return day.gregorian.isoformat()[: {"year": 4, "month": 7, "day": 10}[day.precision]]
