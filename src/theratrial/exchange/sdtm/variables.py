"""Variables of SDTMIG 3.4 by name: order, label, type, role, and their usual origin, method and codelist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final, cast

from theratrial.errors import SourceError
from theratrial.exchange.datasets.values import (
    ASSIGNED,
    COLLECTED,
    DERIVED,
    PROTOCOL,
    Core,
    DataType,
    Method,
    Origin,
    Standard,
    Variable,
)
from theratrial.reference import table

SDTMIG: Final = Standard("SDTMIG", "IG", "3.4")
TRIAL_DESIGN: Final = frozenset({"TA", "TE", "TV", "TI", "TS"})

STUDY_DAY: Final = Method(
    "STUDYDAY",
    "Study day",
    "Days from the day of RFSTDTC, which is day 1; the day before it is day -1 and there is no day 0. Whole days of "
    "the calendar at the trial. Empty where RFSTDTC or the date is missing or not a whole date.",
)
SEQUENCE: Final = Method(
    "SEQ", "Sequence number", "Records of a subject numbered from 1 in the order of the data set's keys."
)
EPOCH: Final = Method(
    "EPOCH",
    "Epoch",
    "Epoch of the subject element (SE) that holds the start of the observation. A date without a time that is the day "
    "of an injection belongs to the element that this injection begins. Empty before the first element.",
)
SUBJECT: Final = Method("USUBJID", "Unique subject identifier", "STUDYID, a hyphen and SUBJID.")
VISIT: Final = Method(
    "VISIT",
    "Visit",
    "The visit of SV that the record names; where it names none, the visit of SV whose days hold the date. Empty where "
    "no visit does: the observation was made between visits.",
)

_CLASSES: Final = {
    **dict.fromkeys(("AG", "CM", "EC", "EX", "PR"), "Interventions"),
    **dict.fromkeys(("AE", "DS", "DV", "MH"), "Events"),
    "FA": "Findings About",
}


@cache
def _generic() -> tuple[tuple[str, Mapping[str, str]], ...]:
    return tuple((row.text("class"), dict(row.cells)) for row in table("exchange/sdtm/variables"))


def class_of(domain: str) -> str:
    """``Interventions``, ``Events``, ``Findings`` or ``Findings About``; a domain of the sponsor's own is findings."""
    return _CLASSES.get(domain, "Findings")


@cache
def _catalogue(domain: str) -> Mapping[str, Mapping[str, str]]:
    """Variable -> its cells, in the order in which the domain's variables stand."""
    special = {cells["name"]: cells for group, cells in _generic() if group == domain}
    if special:
        return special
    kind = class_of(domain)
    groups = ["Identifiers", kind, "Timing"]
    if kind == "Findings About":
        groups = ["Identifiers", "Findings", kind, "Timing"]
    found: dict[str, Mapping[str, str]] = {}
    for wanted in groups:
        found |= {_own(cells["name"], domain): cells for group, cells in _generic() if group == wanted}
    if kind == "Findings About":  # FAOBJ stands behind FATEST
        found = _after(found, f"{domain}TEST", f"{domain}OBJ")
    for _, change in ((group, cells) for group, cells in _generic() if not group and cells["domain"] == domain):
        name = change["name"]
        base = found.get(name, {})
        found[name] = {**base, **{key: text for key, text in change.items() if text}}
    return found


def _after(found: dict[str, Mapping[str, str]], before: str, name: str) -> dict[str, Mapping[str, str]]:
    moved = found.pop(name)
    ordered: dict[str, Mapping[str, str]] = {}
    for key, cells in found.items():
        ordered[key] = cells
        if key == before:
            ordered[name] = moved
    return ordered


def _own(name: str, domain: str) -> str:
    return name.replace("--", domain, 1)


def standard_variables(
    domain: str, names: Iterable[str], changes: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Variable, ...]:
    """These variables of a domain in the standard's order, with what is usual for each; `changes` says what is not.

    Required and expected variables of the domain come along unnamed.

    Parameters
    ----------
    changes
        Variable -> fields of `Variable` to set: ``{"EXDOSE": {"origin": DERIVED, "method": NET_ACTIVITY}}``.

    Raises
    ------
    SourceError
        The domain has no such variable.

    Examples
    --------
    >>> [one.name for one in standard_variables("EX", ("EXLOT", "EXTRT"))][:5]
    ['STUDYID', 'DOMAIN', 'USUBJID', 'EXSEQ', 'EXTRT']
    """
    catalogue, changes = _catalogue(domain), changes or {}
    wanted = {*names, *changes, "STUDYID"}
    if odd := sorted(wanted - set(catalogue)):
        raise SourceError(f"{domain} has no variable {', '.join(odd)}")
    kept = [name for name, cells in catalogue.items() if name in wanted or cells.get("core") in ("Req", "Exp")]
    kept = [name for name in kept if name != "POOLID"]
    return tuple(replace(_variable(domain, name, catalogue[name]), **changes.get(name, {})) for name in kept)


def _variable(domain: str, name: str, cells: Mapping[str, str]) -> Variable:
    core = cells["core"]
    if cells["class"] != domain and name in ("STUDYID", "DOMAIN", "USUBJID", f"{domain}SEQ", f"{domain}TESTCD"):
        core = "Req"  # also of a domain of the sponsor's own, which the guide does not know
    origin, method = _usual(domain, name)
    return Variable(
        name=name,
        label=cells["label"],
        data_type=cast(DataType, cells["type"]),
        role=cells["role"],
        core=cast(Core, core),
        origin=origin,
        method=method,
    )


def codelists_of(domain: str, name: str) -> tuple[str, ...]:
    """NCI's codes of the lists that the guide ties a variable to."""
    cells = _catalogue(domain).get(name)
    return tuple(cells["codelists"].split()) if cells else ()


def _usual(domain: str, name: str) -> tuple[Origin | None, Method | None]:
    stem = name.removeprefix(domain)
    if domain in TRIAL_DESIGN:
        return (ASSIGNED if name in ("DOMAIN", "TSSEQ") else PROTOCOL), None
    if name in ("STUDYID", "DOMAIN", "RDOMAIN"):
        return ASSIGNED, None
    if name == "USUBJID":
        return DERIVED, SUBJECT
    if name == "EPOCH":
        return DERIVED, EPOCH
    if name in ("VISITNUM", "VISIT"):
        return DERIVED, VISIT
    if stem == "SEQ":
        return DERIVED, SEQUENCE
    if stem in ("DY", "STDY", "ENDY"):
        return DERIVED, STUDY_DAY
    if stem in ("TESTCD", "TEST", "CAT", "SCAT", "DECOD", "PRESP", "LNKID", "LNKGRP"):
        return ASSIGNED, None
    return COLLECTED, None
