"""The tasks of the queue: make a package, a document of the trial, a release of shared data."""

from __future__ import annotations

from django_tasks import task

from theratrial.web.exports.documents import document_made
from theratrial.web.exports.making import package_made
from theratrial.web.exports.sharing_making import shared_release_made


@task()
def make(pk: str) -> str:
    """Make the package `pk`; says its state."""
    return package_made(pk)


@task()
def make_document(pk: str) -> str:
    """Make the document `pk`; says its state."""
    return document_made(pk)


@task()
def make_release(pk: str) -> str:
    """Make the release of shared data `pk`; says its state."""
    return shared_release_made(pk)
