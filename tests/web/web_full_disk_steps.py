"""Run in a process of its own, on a site folder whose disk is small: work, fill the disk, work, make room, work."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["THERATRIAL_SITE"])
FILLER = ROOT.parent / "filler"
ANSWERS: dict[str, Any] = {}


def _filled() -> None:
    """Until not one more block is free."""
    with FILLER.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue


def _counts() -> list[int]:
    from theratrial.web.capture.models import Record
    from theratrial.web.ledger.models import Event
    from theratrial.web.results.models import Computation

    return [Record.objects.count(), Event.objects.exclude(op="note").count(), Computation.objects.count()]


def _told(name: str, answer: Any) -> None:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    ANSWERS[name] = [answer.status_code, "disk of the site is full" in body.decode("utf-8", "replace"), _counts()]


def _worked(client: Any, manager: Any, when: str) -> None:
    """A page, a form, an upload, a job and a package, each as far as it goes."""
    from theratrial.web.exports.making import package_made
    from theratrial.web.exports.models import Package
    from theratrial.web.results.models import Computation
    from theratrial.web.results.tasks import computed

    fields = {
        "i-term": "Nausea", "i-ctcae_version": "5.0", "i-grade": "1", "i-started_on": "2022-05-01",
        "i-ended_on": "2022-05-02", "i-serious": "no", "i-related": "not_related",
    }  # fmt: skip
    _told(f"{when} page", client.get("/participants/"))
    _told(f"{when} form", client.post("/results/participant/P01/safety/event/", fields))
    data = b"\0" * 128 + b"DICM" + os.urandom(2_000_000)
    body = json.dumps({"name": "a.dcm", "bytes": len(data)}).encode() + b"\n" + data
    _told(f"{when} upload", client.put(f"{ANSWERS['upload']}files/", body, content_type="application/octet-stream"))
    kept = [one for one in (ROOT / "images").rglob("*") if one.is_file() and "incoming" in str(one)]
    ANSWERS[f"{when} kept"] = sorted(one.stat().st_size for one in kept)
    computation = Computation.objects.get(pk=ANSWERS["computation"][when])
    try:
        computed(str(computation.pk))
    except Exception as error:  # noqa: BLE001  # the worker logs it; what counts is what the page says
        ANSWERS[f"{when} raised"] = f"{type(error).__name__}: {error}"
    computation.refresh_from_db()
    ANSWERS[f"{when} job"] = [computation.state, computation.message]
    package = Package.objects.get(pk=ANSWERS["package"][when])
    try:
        package_made(str(package.pk))
    except Exception as error:  # noqa: BLE001
        ANSWERS[f"{when} package raised"] = f"{type(error).__name__}: {error}"
    package.refresh_from_db()
    ANSWERS[f"{when} package"] = [package.state, package.message]
    halves = [one for one in ROOT.rglob("*") if ".work-" in one.name or one.suffix == ".half"]
    ANSWERS[f"{when} halves"] = sorted(str(one.relative_to(ROOT)) for one in halves)


def _run() -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client
    from django.utils import timezone

    call_command("migrate", verbosity=0, skip_checks=True)
    from theratrial.web.exports.models import Package
    from theratrial.web.ledger.verification import ledger_verified
    from theratrial.web.people.models import User
    from theratrial.web.results.services import computation_requested
    from theratrial.web.setup_site import demonstration_made

    demonstration_made(participants=1)
    backend = "theratrial.web.people.backend.AccountBackend"
    user, manager = User.objects.get(username="nuclear1"), User.objects.get(username="manager1")
    coordinator = Client(SERVER_NAME="localhost", raise_request_exception=False)
    coordinator.force_login(User.objects.get(username="coordinator1"), backend)
    begun = coordinator.post("/images/upload/begin/", {"site": "1"})
    ANSWERS["begun"] = [begun.status_code, begun.content.decode()[:300]]
    ANSWERS["upload"] = f"/images/uploads/{json.loads(begun.content)['id']}/"
    jobs, packages = {}, {}
    for when in ("full", "free"):
        jobs[when] = str(computation_requested(user, "trial").pk) if when == "full" else ""
        packages[when] = str(
            Package.objects.create(requested_by=manager, requested_at=timezone.now(), language="en").pk
        )
    ANSWERS["computation"], ANSWERS["package"] = jobs, packages
    ANSWERS["before"] = _counts()
    _filled()
    _worked(coordinator, manager, "full")
    FILLER.unlink()
    jobs["free"] = str(computation_requested(user, "trial").pk)
    _worked(coordinator, manager, "free")
    ANSWERS["ledger"] = ledger_verified(ROOT).chain.faults


if __name__ == "__main__":
    try:
        _run()
    finally:
        sys.stdout.write("\n" + json.dumps(ANSWERS, default=str) + "\n")
