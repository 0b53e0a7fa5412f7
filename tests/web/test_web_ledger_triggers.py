"""The ledger is written by the database: no path of a write goes past it."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event
from theratrial.web.ledger.triggers import installed_triggers_differ
from theratrial.web.people.models import Site
from theratrial.web.setup_site import SETUP


def test_A7_every_trigger_is_there_after_migration(db: None) -> None:
    assert installed_triggers_differ() == []


@pytest.mark.django_db(transaction=True)
def test_a_database_emptied_between_tests_has_its_ledger_again() -> None:
    with act(SETUP, "test.first"):
        Site.objects.create(code="A", name="A", timezone="UTC")
    assert Event.objects.get(action="test.first").op == "insert"
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.update(name="B")


@pytest.mark.django_db(transaction=True)
def test_a_second_emptied_database_starts_at_one_again() -> None:
    assert not Event.objects.filter(action="test.first").exists()
    assert installed_triggers_differ() == []
    assert connection.vendor in ("sqlite", "postgresql")
