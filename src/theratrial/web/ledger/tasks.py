"""Background work of the ledger."""

from __future__ import annotations

from django_tasks import task

from theratrial.web.people.models import User


@task()
def verify_ledger(username: str) -> None:
    """Verify the ledger for the person who asked."""
    from theratrial.web.ledger.views import verified_and_noted

    verified_and_noted(User.objects.get(username=username))
