"""The worker is killed in the middle of a job: the next worker begins it again, and nothing is left half-written."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.web.exports import making
from theratrial.web.exports.making import package_file, package_made, packages_resumed
from theratrial.web.exports.models import Package
from theratrial.web.people.models import User
from theratrial.web.results import services
from theratrial.web.results.services import computation_requested, lost_requeued, this_process
from theratrial.web.trials.models import Trial

# A worker that does one job and stops at the worst moment: the result is half there, and it says so and waits.
WORKER = """
import sys, time
import django
django.setup()
kind, pk = sys.argv[1:]
def stuck(*_arguments, **_named):
    print("in the middle", flush=True)
    time.sleep(600)
if kind == "package":
    from pathlib import Path
    from theratrial.web.exports.making import package_made
    written = Path.write_bytes
    def half(self, data):
        return (written(self, data[: len(data) // 2]), stuck()) if self.suffix == ".half" else written(self, data)
    Path.write_bytes = half
    package_made(pk)
else:
    from theratrial.web.results import computing
    from theratrial.web.results.tasks import computed
    computing.write_outputs = stuck
    computed(pk)
"""
SET_UP = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=True)
from theratrial.web.exports.making import package_requested
from theratrial.web.people.models import User
from theratrial.web.results.services import computation_requested
from theratrial.web.setup_site import demonstration_made
demonstration_made(participants=1)
user = User.objects.get(username="manager1")
print(computation_requested(user, "trial").pk, package_requested(user, None).pk)
"""
# What `theratrial worker` does when it starts, then the jobs themselves; twice, for a job may be on the queue twice.
RESUMED = """
import sys
import django
django.setup()
from theratrial.web.exports.making import package_file, package_made, packages_resumed
from theratrial.web.exports.models import Package
from theratrial.web.results.computing import computed_root
from theratrial.web.results.models import Computation
from theratrial.web.results.services import interrupted_requeued, lost_requeued
from theratrial.web.results.tasks import computed
from theratrial.web.exports.scope import sha256
computation, package = sys.argv[1:]
print(interrupted_requeued(), packages_resumed(), lost_requeued(), interrupted_requeued(), packages_resumed())
print(computed(computation), computed(computation), package_made(package), package_made(package))
one = Package.objects.get(pk=package)
print(sha256(package_file(one).read_bytes()) == one.sha256)
print([path.name for root in (computed_root(), package_file(one).parent) for path in root.iterdir()
       if path.name.startswith(".work") or path.suffix == ".half"])
print(Computation.objects.get(pk=computation).message)
"""


def _done(script: str, environment: dict[str, str], *arguments: str) -> list[str]:
    line = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().split("\n")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_C4_a_worker_killed_in_the_middle_of_a_computation_and_of_a_package_leaves_both_to_the_next(
    tmp_path: Path,
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"THERATRIAL_SITE": str(tmp_path), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings"}
    computation, package = _done(SET_UP, environment)[-1].split()
    for kind, pk in (("computation", computation), ("package", package)):
        line = [sys.executable, "-c", WORKER, kind, pk]
        worker = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "in the middle\n"
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    halves = [*tmp_path.rglob("*.half"), *tmp_path.rglob(".work-*")]
    assert len(halves) == 2, "both were in the middle"
    assert not (tmp_path / "packages" / f"{package}.zip").exists()
    began, states, whole, left, *_message = _done(RESUMED, environment, computation, package)
    assert began == "1 1 0 0 0"
    assert states.split()[0] in ("done", "failed")
    assert states.endswith("not waiting ready not waiting")
    assert (whole, left) == ("True", "[]")


@pytest.fixture
def stuck(cohort: Trial) -> Package:
    """A package whose maker is a process that is no more."""
    return Package.objects.create(
        requested_by=User.objects.get(username="manager1"), requested_at=timezone.now(), begun_at=timezone.now(),
        language="en", state="making", worker=f"{socket.gethostname()}/999999999/1",
    )  # fmt: skip


def test_a_package_whose_maker_died_is_not_waited_for(stuck: Package, client_of: Callable[[str], Client]) -> None:
    page = client_of("manager1").post("/exports/certified-copy/", follow=True)
    assert page.status_code == 200
    stuck.refresh_from_db()
    assert stuck.state == "failed"
    assert "interrupted" in page.content.decode()
    assert Package.objects.filter(state="waiting").count() == 1, "the person got a new one at once"


def test_a_worker_that_starts_makes_again_what_died_and_leaves_alone_what_lives(stuck: Package) -> None:
    mine = Package.objects.create(
        requested_by=stuck.requested_by, requested_at=timezone.now(), begun_at=timezone.now(), language="en",
        state="making", worker=this_process(),
    )  # fmt: skip
    assert packages_resumed() == 1
    stuck.refresh_from_db()
    mine.refresh_from_db()
    assert (stuck.state, mine.state) == ("waiting", "making")


def test_what_waits_and_is_not_on_the_queue_is_put_there(stuck: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its turn failed before it was begun, as on a full disk."""
    Package.objects.update(state="waiting")
    lost = computation_requested(stuck.requested_by, "trial")  # the queue of tests keeps nothing
    assert (lost_requeued(), packages_resumed()) == (1, 1)
    there = frozenset({str(lost.pk), str(stuck.pk)})
    monkeypatch.setattr(services, "on_the_queue", lambda: there)
    monkeypatch.setattr(making, "on_the_queue", lambda: there)
    assert (lost_requeued(), packages_resumed()) == (0, 0)


def test_a_package_that_finds_no_room_says_so_in_words(
    stuck: Package, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> None:
    settings.SITE_FOLDER = tmp_path

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    Package.objects.update(state="waiting")
    monkeypatch.setattr(making, "trial_copy", full)
    assert package_made(str(stuck.pk)) == "failed"
    stuck.refresh_from_db()
    assert "disk of the site is full" in stuck.message
    assert not package_file(stuck).exists()
