"""Numbers of a trial as ClinicalTrials.gov holds them: its own, the organization's, and those of others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from theratrial.registry.record import RegistrationRecord, SecondaryId

NCT: Final = re.compile(r"NCT[0-9]{8}")
REGISTRY_NAME: Final = "ClinicalTrials.gov"
ORGANIZATION_ID: Final = "Organization's Unique Protocol ID"
"""Authority of the number that the organization itself gave."""
UTN_AUTHORITY: Final = "WHO Universal Trial Number"
_UTN_WORDS: Final = ("utn", "who utn", "universal trial number", "who universal trial number")

ID_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "NIH": "U.S. NIH Grant/Contract",
        "FDA": "U.S. FDA Grant/Contract",
        "VA": "U.S. VA Grant/Contract",
        "CDC": "U.S. CDC Grant/Contract",
        "AHRQ": "U.S. AHRQ Grant/Contract",
        "SAMHSA": "U.S. SAMHSA Grant/Contract",
        "OTHER_GRANT": "Other Grant/Funding Number",
        "EUDRACT_NUMBER": "EudraCT Number",
        "CTIS": "EU Trial (CTIS) Number",
        "REGISTRY": "Registry Identifier",
        "OTHER": "Other Identifier",
    }
)


def is_utn(authority: str) -> bool:
    """Whether this authority is the WHO's, for a Universal Trial Number."""
    return authority.casefold() in _UTN_WORDS


def authority_words(id_type: str, domain: str) -> str:
    """Who gave a number, in words."""
    if id_type in ("", "OTHER") and domain:
        return domain
    label = ID_TYPES.get(id_type, "")
    return f"{label}: {domain}" if domain else label


def authority_parts(authority: str) -> dict[str, str]:
    """Type and domain of an authority's words."""
    for word, label in ID_TYPES.items():
        if authority == label:
            return {"type": word}
        if word != "OTHER" and authority.startswith(f"{label}: "):
            return {"type": word, "domain": authority.removeprefix(f"{label}: ")}
    return {"type": "OTHER", "domain": authority} if authority else {}


def numbers(record: RegistrationRecord) -> tuple[str, str, tuple[SecondaryId, ...]]:
    """The organization's number, the Universal Trial Number, and the other numbers of a record, in that order."""
    utn = record.registration.utn
    own = "" if NCT.fullmatch(record.registration.number) else record.registration.number
    asks_for_own = not own and bool(NCT.fullmatch(record.registration.number))
    others = []
    for one in record.secondary_ids:
        if not one.number:
            continue
        if not utn and is_utn(one.authority.en):
            utn = one.number
        elif asks_for_own and not own and one.authority.en == ORGANIZATION_ID:
            own = one.number
        else:
            others.append(one)
    return own, utn, tuple(others)


def identification(record: RegistrationRecord) -> dict[str, Any]:
    """The numbers of an identificationModule."""
    registration = record.registration
    own, utn, others = numbers(record)
    is_nct = NCT.fullmatch(registration.number)
    found: list[dict[str, str]] = []
    if own and not is_nct and registration.registry.en:
        found.append({"id": own, "type": "REGISTRY", "domain": registration.registry.en})
    if utn:
        found.append({"id": utn, "type": "OTHER", "domain": UTN_AUTHORITY})
    found += [{"id": one.number, **authority_parts(one.authority.en)} for one in others]
    return {
        "nctId": registration.number if is_nct else "",
        "orgStudyIdInfo": {"id": own},
        "secondaryIdInfos": found,
    }
