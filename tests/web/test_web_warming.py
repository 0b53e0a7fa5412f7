"""What a process of the web server reads before its first request."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, NoReturn

import pytest
from django.db import OperationalError

from theratrial.web import warming
from theratrial.web.participants import standing
from theratrial.web.participants.models import Participant
from theratrial.web.trials import selectors
from theratrial.web.trials.models import Trial


def test_after_warming_nobody_waits_for_the_protocol_or_for_standings(
    cohort: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing.forget()
    selectors.parsed.cache_clear()
    selectors._parsed.cache_clear()
    warming.warmed()

    def refused(*_given: Any) -> NoReturn:
        raise AssertionError("computed a second time")

    monkeypatch.setattr(standing, "_computed", refused)
    monkeypatch.setattr(selectors, "parse_protocol", refused)
    people = list(Participant.objects.all())
    assert len(standing.standings(people)) == len(people) > 3
    assert selectors.protocol_in_force().identity.reading is not None


@pytest.mark.django_db
def test_a_site_without_a_trial_is_warmed_too() -> None:
    warming.warmed()
    assert not Trial.objects.exists()


def test_a_database_that_does_not_answer_keeps_no_server_from_starting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def silent() -> NoReturn:
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(warming, "_read", silent)
    warming.warmed()
    assert "disk I/O error" in caplog.text


def test_what_the_web_server_loads_has_every_page_imported(tmp_path: Any) -> None:
    told = (
        "import sys; import theratrial.web.wsgi; "
        "print('theratrial.web.exports.views' in sys.modules, 'theratrial.web.results.gate_views' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", told],
        env={"THERATRIAL_SITE": str(tmp_path), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings", "PATH": "/usr/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["True", "True"]
