"""What files of data sets say of the study they belong to, and of their making."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Document:
    """A file beside the data sets that the metadata point to."""

    id: str
    title: str
    file: str


@dataclass(frozen=True, slots=True)
class StudyMetadata:
    """The study and the making of its files.

    Parameters
    ----------
    oid
        Identifier of the study, as of the registry.
    version_oid, version_name
        Of the metadata: which standard, of which study.
    made_at
        When the files were made. An argument, so that the same data give the same bytes.
    changed_at
        When the data last changed, where that is known.
    documents
        The reviewer's guide and the like.
    """

    oid: str
    name: str
    description: str
    version_oid: str
    version_name: str
    version_description: str
    made_at: datetime
    originator: str
    system: str
    system_version: str
    changed_at: datetime | None = None
    documents: tuple[Document, ...] = ()


def instant_text(moment: datetime) -> str:
    """An instant in ISO 8601 with seconds and, where it has one, its offset."""
    return moment.isoformat(timespec="seconds")
