"""Many people save at the same moment: nobody meets an error, nothing is lost, conflicts are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from web_saving_at_once import saved_at_once

from theratrial.web.large_site import large_site_made

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "site_saving.py"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_fifty_people_saving_at_once_on_postgresql_meet_no_error_and_lose_nothing() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("fifty people at once need PostgreSQL; run scripts/test-postgresql.sh")
    _nothing_lost(users=50, rounds=2)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_ten_people_saving_at_once_on_sqlite_meet_no_locked_database_and_lose_nothing(tmp_path: Path) -> None:
    """In a process and a file of its own: the tests' database lies in memory, where threads share one lock."""
    surroundings = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    surroundings |= {"THERATRIAL_SITE": str(tmp_path), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings"}
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--child", "many"],
        env=surroundings, capture_output=True, text=True, check=False, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert not found["errors"], found["first_errors"]
    assert not found["lost"]
    assert found["new_forms"] == 10 * 4
    assert found["changes"] + found["conflicts_shown"] == 10 * 4
    assert found["changes"]


def _nothing_lost(*, users: int, rounds: int) -> None:
    large_site_made(participants=3, base=3)
    found = saved_at_once(users=users, rounds=rounds)
    assert not found.errors, found.errors[:5]
    assert not found.lost
    assert found.made == users * rounds
    assert len(found.changed) + found.conflicts == users * rounds
    assert found.changed, "of all who change one form, one at least succeeds"
    assert found.conflicts, "nobody ran into anybody: nothing was tested"
