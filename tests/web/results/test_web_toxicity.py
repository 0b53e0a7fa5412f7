"""Nadir, toxicity and stopping on the site: of one participant and over all, and nothing of another site."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from theratrial.pipeline.trial import TrialRun

ClientOf = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("computed_site")


def test_a_participant_has_her_nadirs_and_every_line_of_the_definition(
    client_of: ClientOf, folder_run: TrialRun
) -> None:
    said = client_of("physicist1").get("/results/participant/P01/toxicity/").content.decode()
    one = next(one for one in folder_run.result.participants if one.participant_id == "P01")
    assert one.toxicity.limiting is not None
    assert said.count("<tr><td>") >= len(one.toxicity.limiting.findings) + len(one.toxicity.nadirs)
    assert "laboratory-platelets.svg" in said
    assert "Under the other version of CTCAE" in said


def test_the_rule_that_stops_the_trial_is_shown_with_what_it_does(client_of: ClientOf, folder_run: TrialRun) -> None:
    client = client_of("investigator1")
    said = client.get("/results/safety/").content.decode()
    stopping = folder_run.result.toxicity.stopping
    assert stopping is not None
    assert stopping.sentence in said
    assert stopping.plain_words in said
    assert "/results/participant/P01/toxicity/" in said
    assert client.get("/results/safety/stopping.svg")["Content-Type"] == "image/svg+xml"


def test_the_course_marks_visits_and_nadirs(client_of: ClientOf) -> None:
    drawn = client_of("physicist1").get("/results/participant/P01/figure/laboratory-platelets.svg").content.decode()
    assert 'r="7" fill="none"' in drawn  # a ring
    assert drawn.count("<polygon") >= 1  # a triangle
    assert "ring: nadir; triangle: gate visit" in drawn
