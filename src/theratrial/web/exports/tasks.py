"""The one task of the queue: make a package."""

from __future__ import annotations

from django_tasks import task

from theratrial.web.exports.making import package_made


@task()
def make(pk: str) -> str:
    """Make the package `pk`; says its state."""
    return package_made(pk)
