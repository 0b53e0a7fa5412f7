"""The tasks of the queue: make a package, make a document of the trial."""

from __future__ import annotations

from django_tasks import task

from theratrial.web.exports.documents import document_made
from theratrial.web.exports.making import package_made


@task()
def make(pk: str) -> str:
    """Make the package `pk`; says its state."""
    return package_made(pk)


@task()
def make_document(pk: str) -> str:
    """Make the document `pk`; says its state."""
    return document_made(pk)
