"""Reported results as the ``resultsSection`` of ClinicalTrials.gov's v2 interface.

Numbers are texts there, except those of adverse events. What is not known is left out and explained: no zero stands for
it. Results of virtual participants and of data that were not locked say so in groups and limitations.

References
----------
ClinicalTrials.gov API v2, OpenAPI 2.0.5, component ``ResultsSection``; 42 CFR 11.48 (what results hold).
"""

from __future__ import annotations

from typing import Any, Final

from theratrial.exchange.ctgov.measures import baseline_measures, denominator, outcome_measures
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.results_reported import AdverseEventRow, ReportedResults
from theratrial.registry.results_sums import checked_for_registry
from theratrial.registry.results_words import SIMULATED, caveats

FLOW_GROUP: Final = "FG000"
BASELINE_GROUP: Final = "BG000"
OUTCOME_GROUP: Final = "OG000"
EVENT_GROUP: Final = "EG000"
_REASONS: Final = {
    "Death": "Death",
    "Lost to follow-up": "Lost to Follow-up",
    "Withdrawal by the participant": "Withdrawal by Subject",
}
"""Reasons that the registry has a word of its own for."""


def results_section(
    reported: ReportedResults,
    record: RegistrationRecord | None = None,
    *,
    contacts: bool = False,
    draft: bool = False,
) -> dict[str, Any]:
    """The section, every module of it.

    Parameters
    ----------
    record
        Of the trial: gives the point of contact's organization, and with `contacts` the ways to reach it.
    draft
        Whether results of data that are not locked are wanted; limitations then say so.

    Raises
    ------
    InputError
        The data are not locked and no draft is asked for, the record is another trial's, or sums do not hold.
    """
    checked_for_registry(reported, record, draft=draft)
    return {
        "participantFlowModule": _flow(reported),
        "baselineCharacteristicsModule": {
            "groups": [_group(BASELINE_GROUP, reported)],
            "denoms": [denominator(BASELINE_GROUP, reported.flow.started)],
            "measures": baseline_measures(reported, BASELINE_GROUP),
        },
        "outcomeMeasuresModule": {
            "outcomeMeasures": outcome_measures(reported, _group(OUTCOME_GROUP, reported), OUTCOME_GROUP)
        },
        "adverseEventsModule": _adverse(reported),
        "moreInfoModule": _more(reported, record, contacts=contacts),
    }


def _group(identifier: str, reported: ReportedResults) -> dict[str, str]:
    title = reported.arm_title.en + (" (virtual)" if reported.simulated else "")
    found = {"id": identifier, "title": title}
    return found | ({"description": reported.arm_description.en} if reported.arm_description.en else {})


def _flow(reported: ReportedResults) -> dict[str, Any]:
    flow = reported.flow
    failed = [f"{one.label.en} ({one.count})" for one in flow.screen_failures]
    before = f"{flow.screened} screened, {flow.started} treated at least once"
    given = [(f"Session {number} given", count) for number, count in flow.sessions_given]
    left = [(_REASONS.get(one.label.en, one.label.en), one.count) for one in flow.not_completed]
    if flow.ongoing:
        left.append(("Still in the study at the data cut", flow.ongoing))
    milestones = [
        ("STARTED", flow.started),
        *given,
        ("Primary outcome assessable", flow.assessed),
        ("COMPLETED", flow.completed),
        ("NOT COMPLETED", sum(count for _, count in left)),
    ]
    found: dict[str, Any] = {
        "preAssignmentDetails": before + (f"; not treated: {'; '.join(failed)}" if failed else ""),
        "groups": [_group(FLOW_GROUP, reported)],
        "periods": [
            {
                "title": "Overall Study",
                "milestones": [{"type": name, "achievements": [_subjects(count)]} for name, count in milestones],
                "dropWithdraws": [{"type": name, "reasons": [_subjects(count)]} for name, count in left],
            }
        ],
    }
    return ({"recruitmentDetails": SIMULATED.en} if reported.simulated else {}) | found


def _subjects(count: int) -> dict[str, str]:
    return {"groupId": FLOW_GROUP, "numSubjects": str(count)}


def _adverse(reported: ReportedResults) -> dict[str, Any]:
    adverse = reported.adverse
    group: dict[str, Any] = _group(EVENT_GROUP, reported)
    if adverse.deaths is not None:
        group |= {"deathsNumAffected": adverse.deaths, "deathsNumAtRisk": adverse.at_risk}
    group |= {
        "seriousNumAffected": adverse.serious_affected,
        "seriousNumAtRisk": adverse.at_risk,
        "otherNumAffected": adverse.other_affected,
        "otherNumAtRisk": adverse.at_risk,
    }
    found: dict[str, Any] = {
        "frequencyThreshold": f"{adverse.frequency_threshold_percent:g}",
        "timeFrame": adverse.time_frame.en,
        "description": "Events from any cause, of everybody treated at least once. A change of grade within one event "
        "is no new event.",
        "eventGroups": [group],
        "seriousEvents": [_event(row) for row in adverse.events if row.serious],
        "otherEvents": [_event(row) for row in adverse.events if not row.serious],
    }
    if adverse.deaths is None:
        found["allCauseMortalityComment"] = (
            "Not given: of some participants it is not recorded how their participation ended."
        )
    return found


_ORGAN_SYSTEM: Final = {"General disorders and administration site conditions": "General disorders"}
"""System organ classes that the registry's list names otherwise, as studies posted there show."""


def _event(row: AdverseEventRow) -> dict[str, Any]:
    found: dict[str, Any] = {"term": row.term}
    if row.organ_system:
        found["organSystem"] = _ORGAN_SYSTEM.get(row.organ_system, row.organ_system)
    return found | {
        "sourceVocabulary": row.vocabulary,
        "assessmentType": "SYSTEMATIC_ASSESSMENT" if row.systematic else "NON_SYSTEMATIC_ASSESSMENT",
        "stats": [
            {
                "groupId": EVENT_GROUP,
                "numEvents": row.events,
                "numAffected": row.affected,
                "numAtRisk": row.at_risk,
            }
        ],
    }


def _more(reported: ReportedResults, record: RegistrationRecord | None, *, contacts: bool) -> dict[str, Any]:
    origin = f"Data cut {reported.data_cut.isoformat()}; computed by {reported.made_with}."
    words = [*(sentence.en for sentence in caveats(reported)), origin]
    found: dict[str, Any] = {"limitationsAndCaveats": {"description": " ".join(words)}}
    contact = record.people.scientific_inquiries if record is not None else None
    if contact is not None and contact.organization.en:
        point = {"organization": contact.organization.en}
        if contacts:
            reach = {"title": contact.name.en, "email": contact.email, "phone": contact.phone}
            point |= {key: value for key, value in reach.items() if value}
        found["pointOfContact"] = point
    return found
