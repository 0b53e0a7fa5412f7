"""An image that goes from one participant to another leaves the first one's page, plan and ledger at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Head
from theratrial.web.participants import standing
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.setup_site import SETUP
from theratrial.web.studies import services
from theratrial.web.studies.models import Series, Upload
from theratrial.web.studies.services import series_assigned, series_checked_again
from theratrial.web.trials.models import Trial

TAKEN = datetime(2026, 1, 1, 9, tzinfo=UTC)


@pytest.fixture
def hers(cohort: Trial) -> Series:
    """A PET that the rules gave to P01, though its header names P02."""
    person = Participant.objects.select_related("site").get(code="P01")
    with act(SETUP, "test.receive"):
        upload = Upload.objects.create(received_at=timezone.now(), received_by="x", site=person.site, state="done")
        return Series.objects.create(
            upload=upload, series_instance_uid="1.2.3", study_instance_uid="1.2", patient_id="P02", modality="PT",
            acquired_at=TAKEN, site=person.site, participant=person, imaging="pet_response", part="image",
            state="matched", header={"catalogue": {}, "facts": {}, "blocking": [], "gap": ""},
        )  # fmt: skip


@pytest.fixture
def nothing_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries and assignments, which would make events of their own, are left out."""
    monkeypatch.setattr(services, "participant_judged", lambda *of: None)
    monkeypatch.setattr(services, "judged", lambda *of: None)
    monkeypatch.setattr(services, "assignment_recorded", lambda *of, **why: None)


def images_of(code: str) -> list[datetime]:
    one = standing.standing(Participant.objects.get(code=code))
    return [plan.on for plan in one.planned if plan.kind == "image" and plan.on == TAKEN]  # type: ignore[misc]


def by_hand(series: Series) -> None:
    to = Participant.objects.select_related("site").get(code="P02")
    user = User.objects.get(username="physicist1")
    series_assigned(user, series, to, "pet_response", None, "image", reason="was of the other woman")


def by_check(series: Series) -> None:
    with act(SETUP, "test.settle"):
        Series.objects.filter(pk=series.pk).update(settled_by="physicist1")
    images_of("P01")
    series_checked_again(User.objects.get(username="physicist1"), series)


def by_update(series: Series) -> None:
    with act(SETUP, "test.move"):
        Series.objects.filter(pk=series.pk).update(participant=Participant.objects.get(code="P02"))


def by_taking_away(series: Series) -> None:
    with act(SETUP, "test.move"):
        Series.objects.filter(pk=series.pk).update(participant=None)


@pytest.mark.parametrize("moved", [by_update, by_taking_away])
def test_what_is_remembered_of_the_first_participant_goes_with_her_image(
    hers: Series, moved: Callable[[Series], None]
) -> None:
    assert images_of("P01") == [TAKEN]
    moved(hers)
    assert images_of("P01") == []


@pytest.mark.parametrize("moved", [by_hand, by_check])
def test_the_ledger_of_the_first_participant_tells_that_her_image_went(
    hers: Series, moved: Callable[[Series], None], nothing_judged: None
) -> None:
    assert images_of("P01") == [TAKEN]
    before = Head.objects.get().seq
    moved(hers)
    assert Event.objects.filter(seq__gt=before, participant="P01", action="images.moved-away").count() == 1
    assert images_of("P01") == []


def test_an_image_given_where_it_is_already_moves_nothing_away(hers: Series, nothing_judged: None) -> None:
    person = Participant.objects.select_related("site").get(code="P01")
    user = User.objects.get(username="physicist1")
    series_assigned(user, hers, person, "pet_response", None, "image", reason="said once more")
    assert not Event.objects.filter(action="images.moved-away").exists()
    assert images_of("P01") == [TAKEN]
