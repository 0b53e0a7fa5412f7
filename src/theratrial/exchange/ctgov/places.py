"""People, centres and sponsors of a study."""

from __future__ import annotations

from typing import Any

from theratrial.exchange.ctgov.parsed import Node
from theratrial.exchange.ctgov.vocabulary import ROLES, coded_of
from theratrial.registry.words import Coded


def coded_at(node: Node, list_name: str) -> Coded:
    """The coded value at a place; a word that no code stands for is left there."""
    found = coded_of(list_name, node.words) if node.words else None
    if found is None:
        if node:
            node.leave("is none of the registry's words that the record knows")
        return Coded()
    node.take()
    return found


def read_sponsors(module: Node, identification: Node) -> list[dict[str, Any]]:
    """The lead sponsor and those who work with it."""
    lead = module["leadSponsor"]
    organization = identification["organization"]
    if organization["class"].words and (organization["class"].words, organization["fullName"].words) == (
        lead["class"].words,
        lead["name"].words,
    ):
        organization["class"].take()
    found = [_sponsor(lead, "primary_sponsor")] if lead["name"].words else []
    return found + [
        _sponsor(one, "secondary_sponsor") for one in module["collaborators"].entries() if one["name"].words
    ]


def _sponsor(node: Node, kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "contact": {"organization": node["name"].text()},
        "organization_type": coded_at(node["class"], "organization_type"),
    }


def read_people(module: Node, organization: str) -> dict[str, Any]:
    """Who answers questions."""
    central, official = module["centralContacts"].first(), module["overallOfficials"].first()
    if central["role"].words == "CONTACT":
        central["role"].take()
    return {
        "registrant": {"organization": organization},
        "general_inquiries": _person(central),
        "scientific_inquiries": {
            "name": official["name"].text(),
            "organization": official["affiliation"].text(),
            "position": _position(official["role"]),
        },
    }


def _person(node: Node) -> dict[str, str]:
    return {"name": node["name"].text(), "phone": node["phone"].text(), "email": node["email"].text()}


def _position(role: Node) -> str:
    if role.words not in ROLES:
        return ""
    role.take()
    return ROLES[role.words]


def read_centres(module: Node) -> list[dict[str, str]]:
    """The centres, in the order of the study."""
    found = []
    for one in module["locations"].entries():
        person = one["contacts"].first()
        if person["role"].words == "CONTACT":
            person["role"].take()
        centre = {
            "organization": one["facility"].text(),
            "city": one["city"].text(),
            "province": one["state"].text(),
            "postal_code": one["zip"].text(),
            "country": one["country"].text(),
            "position": _position(person["role"]),
        } | _person(person)
        if any(centre.values()):
            found.append(centre)
    return found
