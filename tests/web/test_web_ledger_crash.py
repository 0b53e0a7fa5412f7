"""A process that is killed in the middle of an act leaves all of it or nothing: data and ledger together."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

# Writes acts of four rows for ever; says when the first is done. Its own database: nothing of the tests'.
WRITER = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=True)
from theratrial.web.ledger.act import SystemActor, act, note
from theratrial.web.people.models import Site
number = Site.objects.count()
print("ready", flush=True)
while True:
    with act(SystemActor("writer"), "test.four", reason="together"):
        Site.objects.bulk_create([Site(code=f"{number}-{part}", name="n", timezone="UTC") for part in range(2)])
        Site.objects.filter(code=f"{number}-0").update(name="changed")
        note("test.four")
    number += 1
"""
JUDGE = """
import django, sys
from pathlib import Path
django.setup()
from theratrial.web.ledger.models import Event
from theratrial.web.ledger.verification import ledger_verified
from theratrial.web.people.models import Site
found = ledger_verified(Path("."))
acts = {}
for request, op in Event.objects.filter(action="test.four").values_list("request_id", "op"):
    acts.setdefault(request, []).append(op)
whole = all(sorted(ops) == ["insert", "insert", "note", "update"] for ops in acts.values())
print(len(acts), Site.objects.count(), whole, found.sentences())
"""


def _environment(folder: Path, database: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    kept |= {"THERATRIAL_SITE": str(folder), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings"}
    return kept | ({"DATABASE_URL": database} if database else {})


@pytest.fixture
def database(db: None) -> str:
    """A PostgreSQL database of its own, made by the database the tests were given; empty for SQLite."""
    if connection.vendor != "postgresql":
        return ""
    import psycopg

    given = os.environ["THERATRIAL_TEST_DATABASE_URL"]
    name = f"theratrial_crash_{os.getpid()}"
    with psycopg.connect(given, autocommit=True) as other:
        other.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        other.execute(f"CREATE DATABASE {name}")
    return given.rsplit("/", 1)[0] + f"/{name}"


@pytest.mark.long
def test_C4_kill_9_at_any_moment_leaves_the_whole_act_or_nothing(tmp_path: Path, database: str) -> None:
    environment = _environment(tmp_path, database)
    moments, last = random.Random(9), -1
    for _round in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER], env=environment, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.15 + moments.random() * 0.4)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        judged = subprocess.run(
            [sys.executable, "-c", JUDGE], env=environment, capture_output=True, text=True, check=True
        )
        acts, sites, whole, faults = judged.stdout.strip().split(" ", 3)
        assert (whole, faults) == ("True", "[]")
        assert int(sites) == 2 * int(acts)
        assert int(acts) > last
        last = int(acts)
