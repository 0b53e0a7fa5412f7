"""What an ODM file tells of one change: where, who, when, why, and what. The ledger, a file and a note give the same.

`Told` is the common form: a change of the ledger becomes one, a transaction of a file becomes one, and an imported
history is kept as such. So what was imported is told again exactly as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["Insert", "Update", "Remove", "Upsert", "Context"]
KINDS: Final[tuple[Kind, ...]] = ("Insert", "Update", "Remove", "Upsert", "Context")


@dataclass(frozen=True, slots=True)
class Audit:
    """Who, where, when, why: an AuditRecord.

    Parameters
    ----------
    user
        Account name, or name of the part of the software.
    system
        Whether it was a part of the software, not a person.
    location
        Code of the site; empty where the change belongs to no site.
    at
        Instant in UTC, ``2026-11-23T06:00:00.123456Z``.
    source
        Which event of which ledger: its number, action and hash.
    """

    user: str
    at: str
    location: str = ""
    system: bool = False
    reason: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the tree of a file: version of the protocol, subject, event, form, group. Empty: not that deep.

    Without a subject it is a row that belongs to nobody (a batch): reference data.
    """

    version: str
    subject: str = ""
    event: str = ""
    event_key: str = ""
    form: str = ""
    form_key: str = ""
    group: str = ""
    group_key: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a change. `value` None: the item is there and empty (``IsNull``), or is removed."""

    oid: str
    kind: Kind
    value: str | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """An Annotation: a query, a verification, a signature's words. The flags hold its fields, the comment its text.

    Parameters
    ----------
    item
        Item of the group that it is about; empty: the group, or the subject.
    """

    kind: Kind
    comment: str
    flags: tuple[tuple[str, str], ...]
    item: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """A Signature: who, meaning, when, and the digest of exactly what was signed."""

    user: str
    meaning: str
    at: str
    digest: str
    location: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One change.

    Parameters
    ----------
    site
        Site of the subject, on the change that brings the subject in or moves her.
    """

    place: Place
    kind: Kind
    audit: Audit
    items: tuple[Item, ...] = ()
    remark: Remark | None = None
    signed: Signed | None = None
    site: str = ""


def plain(told: Told) -> dict[str, Any]:
    """A change as JSON values, without what is empty; `from_plain` is the inverse."""
    made: dict[str, Any] = {"place": _filled(told.place), "kind": told.kind, "audit": _filled(told.audit)}
    if told.items:
        made["items"] = [[one.oid, one.kind, one.value, one.unit] for one in told.items]
    if told.remark is not None:
        made["remark"] = [told.remark.kind, told.remark.comment, list(map(list, told.remark.flags)), told.remark.item]
    if told.signed is not None:
        made["signed"] = _filled(told.signed)
    if told.site:
        made["site"] = told.site
    return made


def _filled(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__ if getattr(value, name)}


def from_plain(made: Mapping[str, Any]) -> Told:
    """The change that `plain` wrote down."""
    remark, signed = made.get("remark"), made.get("signed")
    return Told(
        place=Place(**made["place"]),
        kind=made["kind"],
        audit=Audit(**made["audit"]),
        items=tuple(Item(*one) for one in made.get("items", ())),
        remark=None
        if remark is None
        else Remark(remark[0], remark[1], tuple((name, value) for name, value in remark[2]), remark[3]),
        signed=Signed(**signed) if signed is not None else None,
        site=made.get("site", ""),
    )
