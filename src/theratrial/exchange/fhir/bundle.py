"""The resources in one file."""

from __future__ import annotations

import json

from theratrial.exchange.fhir.elements import Element
from theratrial.exchange.fhir.plan import plan_definition
from theratrial.exchange.fhir.study import eligible_group, research_study
from theratrial.protocol.schema import Protocol
from theratrial.registry.record import RegistrationRecord


def fhir_bundle(protocol: Protocol, *, record: RegistrationRecord | None = None) -> Element:
    """A Bundle (FHIR R5, 5.0.0) of ResearchStudy, Group and PlanDefinition.

    Parameters
    ----------
    record
        Gives period, sponsors and further outcomes where there is one.

    Notes
    -----
    An export only: FHIR has no place for readings, decisions and open conflicts of a protocol, so nothing comes back.
    """
    resources = (research_study(protocol, record), eligible_group(protocol), plan_definition(protocol))
    return {
        "resourceType": "Bundle",
        "id": "trial",
        "type": "collection",
        "entry": [
            {"fullUrl": f"urn:theratrial:{one['resourceType']}:{one['id']}", "resource": one} for one in resources
        ],
    }


def fhir_json(protocol: Protocol, *, record: RegistrationRecord | None = None) -> bytes:
    """The bundle as a file; the same bytes for the same protocol."""
    return (json.dumps(fhir_bundle(protocol, record=record), ensure_ascii=False, indent=1) + "\n").encode()
