"""The cast and the trial of the site's tests: who may, who may not, and an outsider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.web.web_backup_commands import made_backups, made_exports, made_restored, made_site  # noqa: F401 (fixtures)

from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.protocol.schema import Protocol
from theratrial.registry.reader import registration_yaml
from theratrial.simulation.cohort import SEED_PROTOCOL, cohort_records
from theratrial.web import setup_site
from theratrial.web.ledger.act import act
from theratrial.web.ledger.triggers import triggers_dropped, triggers_installed
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import EthicsApproval, Site, User
from theratrial.web.registration import taking
from theratrial.web.setup_site import SETUP, cast_made, demonstration_made, trial_set_up
from theratrial.web.trials.models import Trial


@pytest.fixture(autouse=True, scope="session")
def _flushable() -> Iterator[None]:
    """Between tests with real transactions Django empties every table, which the ledger refuses: take it out first."""
    from django.test import TransactionTestCase

    emptied = TransactionTestCase._fixture_teardown

    def without_triggers(case: TransactionTestCase) -> None:
        triggers_dropped()
        emptied(case)
        triggers_installed()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", without_triggers)
        yield


@pytest.fixture(autouse=True, scope="session")
def _made_once() -> Iterator[None]:
    """The virtual cohort and the text of its registration record are the same in every test: they are computed once."""
    with pytest.MonkeyPatch.context() as patch:
        courses: dict[tuple[int, int, int], Any] = {}

        def records(protocol: Protocol, *, participants: int = 15, seed: int = 1) -> Any:
            key = (id(protocol), participants, seed)
            if key not in courses:
                # The protocol is kept too: its id would otherwise be another's one day.
                courses[key] = protocol, cohort_records(protocol, participants=participants, seed=seed)
            return courses[key][1]

        patch.setattr(setup_site, "cohort_records", records)
        patch.setattr(taking, "registration_yaml", lru_cache(maxsize=16)(registration_yaml))
        yield


@pytest.fixture
def trial(db: None) -> Trial:
    """The shipped trial, set up, without participants."""
    return trial_set_up(shipped_protocol_bytes(SEED_PROTOCOL), simulated=True)


@pytest.fixture
def site(trial: Trial) -> Site:
    """An active site."""
    with act(SETUP, "test.set-up"):
        made = Site.objects.create(code="BUSHEHR-VIRTUAL", name="Centre A (virtual)", timezone="Asia/Tehran")
        EthicsApproval.objects.create(
            site=made,
            committee="Committee",
            reference="T-1",
            approved_on="2022-01-01",
            protocol_version=trial.in_force,
        )
    return made


@pytest.fixture
def other_site(trial: Trial) -> Site:
    """A second site, at which the cast has no role."""
    with act(SETUP, "test.set-up"):
        made = Site.objects.create(code="OTHER", name="Centre B (virtual)", timezone="Asia/Tehran")
        EthicsApproval.objects.create(
            site=made,
            committee="Committee",
            reference="T-2",
            approved_on="2022-01-01",
            protocol_version=trial.in_force,
        )
    return made


@pytest.fixture
def cast(site: Site) -> dict[str, User]:
    """Account name -> account: one for every role, at `site`."""
    return {user.username: user for user in cast_made(site=site)}


@pytest.fixture
def cohort(db: None) -> Trial:
    """The demonstration with three treated virtual participants and their screen failures; the cast included."""
    return demonstration_made(participants=3)


@pytest.fixture
def p01(cohort: Trial) -> Participant:
    return Participant.objects.select_related("site").get(code="P01")


@pytest.fixture
def own_images(settings: Any, tmp_path: Path) -> None:
    """A folder of this test alone for the site and its images."""
    settings.SITE_FOLDER = tmp_path / "site"
    settings.MEDIA_ROOT = tmp_path / "site" / "images"


@pytest.fixture
def client_of() -> Callable[[str], Client]:
    """A browser in which the named member of the cast is signed in."""

    def signed_in(username: str) -> Client:
        client = Client()
        client.force_login(User.objects.get(username=username), "theratrial.web.people.backend.AccountBackend")
        return client

    return signed_in
