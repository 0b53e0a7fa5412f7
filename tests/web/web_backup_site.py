"""A site of its own in a process of its own: made, written to, exported. Run as `python -m tests.web.web_backup_site`.

`make SITE` sets one up with records, a change, a voided signature, a redaction, images, deliveries that wait and what
a computation leaves; `write SITE` writes acts until it is killed; `deliver SITE` receives images and says each that is
acknowledged, until it is killed; `read SITE` does what node and worker do when they start; `export SITE OUT` writes
every export at a fixed moment; `raw SITE` tries what the ledger refuses.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def main() -> None:
    what, site = sys.argv[1], Path(sys.argv[2])
    site.mkdir(parents=True, exist_ok=True)
    os.environ["THERATRIAL_SITE"] = str(site)
    os.environ["DJANGO_SETTINGS_MODULE"] = "theratrial.web.settings"
    import django
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django.setup()
    steps = {"make": made, "write": written, "deliver": delivered, "read": read, "export": exported, "raw": raw}
    steps[what](site)


def made(site: Path) -> None:
    from django.core.management import call_command
    from django.utils import timezone

    call_command("migrate", verbosity=0, interactive=False)
    from theratrial.web.capture.models import Record
    from theratrial.web.capture.services import record_change
    from theratrial.web.ledger.act import act
    from theratrial.web.ledger.models import Event, Signature, SignedRow
    from theratrial.web.ledger.redaction import redaction_approved, redaction_requested
    from theratrial.web.ledger.signing import row_id
    from theratrial.web.ledger.startup import anchor_written
    from theratrial.web.people.models import User
    from theratrial.web.results.models import Computation
    from theratrial.web.setup_site import SETUP, demonstration_made

    demonstration_made(participants=1)
    people = {user.username: user for user in User.objects.all()}
    record = Record.objects.get(table="participants", participant__code="P01")
    with act(people["coordinator1"], "sign"):
        signature = Signature.objects.create(
            signer="coordinator1", printed_name="Coordinator One", role="coordinator", signed_at=timezone.now(),
            meaning="reviewed", kind="record", key=str(record.pk), participant="P01", digest="0" * 64,
            content={"large": 1e20, "tiny": -0.0, "text": "می\u200cشود \"'\\ \u2028", "both": [None, {"b": 1, "a": 2}]},
            ledger_seq=0, ledger_hash="", software="x",
        )  # fmt: skip
        SignedRow.objects.create(signature=signature, entity="capture_record", entity_id=row_id(record))
    changed = record_change(
        people["coordinator1"], record, {**record.cells, "weight_kg": "70.5"}, seen_version=1, reason="misread scales"
    )
    record_change(people["coordinator1"], changed, record.cells, seen_version=2, reason="it was right before")
    signature.refresh_from_db()
    assert signature.voided_at is not None
    seq = Event.objects.filter(action="record.change").first()
    assert seq is not None
    asked = redaction_requested(people["manager1"], [seq.seq], justification="a name was typed")
    redaction_approved(people["manager2"], asked)
    _images(site)
    _waiting(site)
    with act(SETUP, "test"):
        one = Computation.objects.create(
            kind="trial", state="done", requested_by="x", requested_at=datetime(2026, 1, 1, tzinfo=UTC)
        )
        one.folder = f"computed/{one.pk}"
        one.save()
    _computed(site, site / one.folder)
    from django.test import Client

    Client().force_login(people["manager1"], "theratrial.web.people.backend.AccountBackend")
    anchor_written(site)


def _images(site: Path) -> None:
    from tests.web.web_dicom_files import whole_body

    from theratrial.web.participants.models import Participant
    from theratrial.web.setup_site import SETUP
    from theratrial.web.studies.services import folder_received

    folder = site / ".delivered"
    folder.mkdir()
    for number in range(3):
        at = datetime(2022, 3, 1 + number, 9, tzinfo=UTC)
        (folder / f"{number}.dcm").write_bytes(whole_body("P01", at))
    upload = folder_received(folder, SETUP, Participant.objects.get(code="P01").site)
    assert upload.state == "done", upload.message


def _waiting(site: Path) -> None:
    """Deliveries of the network in every state: acknowledged to their senders, and not registered."""
    from tests.web.web_dicom_files import ct_slices

    from theratrial.web.studies import services, store

    at = datetime(2022, 3, 9, 9, tzinfo=UTC)
    for number, (state, count) in enumerate((("reading", 3), ("receiving", 2), ("failed", 1), ("done", 1))):
        upload = _received(ct_slices("P01", at, count, uid=f"1.2.3.{number}"), "CT01")
        if state != "receiving":
            upload = services.upload_finished(_sender("CT01"), upload)
        if state == "failed":
            _set(upload, state="failed", message="the disk of the site is full")
        if state == "done":
            # Acknowledged, and without a place: another instance under a UID that the delivery has already.
            _set(upload, state="done")
            for path in store.incoming_folder(str(upload.pk)).glob("?" * 64):
                store.set_apart(path, str(upload.pk))
            services.arrivals.discarded(str(upload.pk))


def _sender(title: str) -> Any:
    from theratrial.web.ledger.act import SystemActor

    return SystemActor(f"dicom:{title}")


def _set(upload: Any, **values: str) -> None:
    from theratrial.web.ledger.act import act

    with act(_sender(upload.sender), "images.receive"):
        for name, value in values.items():
            setattr(upload, name, value)
        upload.save()


def _received(files: Iterable[bytes], title: str, told: Callable[[str], None] = lambda _sha256: None) -> Any:
    """As the node receives: each file whole under its hash, then its line in the journal, then the answer."""
    import io

    from theratrial.web.participants.models import Participant
    from theratrial.web.studies import arrivals, services, store

    site = Participant.objects.get(code="P01").site
    upload = services.upload_begun(_sender(title), site, source="dicom", sender=title)
    for content in files:
        came = store.written(io.BytesIO(content).read, store.incoming_folder(str(upload.pk)), most=10**9)
        arrivals.journalled(str(upload.pk), arrivals.Arrived(f"{came.sha256[:9]}.dcm", came.size, came.sha256))
        told(came.sha256)
    return upload


def delivered(_site: Path) -> None:
    """Images come, are handed over and read, at any moment some of them in each of these states."""
    from tests.web.web_dicom_files import ct_slices

    from theratrial.web.studies import services

    def told(sha256: str) -> None:
        sys.stdout.write(f"{sha256}\n")
        sys.stdout.flush()

    told("ready")
    at, number = datetime(2022, 3, 9, 9, tzinfo=UTC), 0
    receiving, reading = None, None
    while True:
        number += 1
        if reading is not None:
            services.upload_read(str(reading.pk))
        reading = receiving and services.upload_finished(_sender("CT01"), receiving)
        receiving = _received(ct_slices("P01", at, 2, uid=f"1.2.4.{number}"), "CT01", told)
        time.sleep(0.1)  # what is registered is judged with all that was there before


def read(_site: Path) -> None:
    from theratrial.web.dicom_node.deliveries import resumed
    from theratrial.web.studies.models import Upload
    from theratrial.web.studies.services import upload_read, uploads_resumed

    resumed()
    uploads_resumed()
    for one in Upload.objects.filter(state="reading"):
        upload_read(str(one.pk))


def _computed(site: Path, folder: Path) -> None:
    (folder / "trial" / "images").mkdir(parents=True)
    (folder / "out").mkdir()
    (folder / "out" / "results.json").write_text("{}\n")
    stored = next(path for path in (site / "images").glob("??/??/*") if path.is_file())
    os.link(stored, folder / "trial" / "images" / "1.dcm")
    (site / "computed" / ".work-x").mkdir()
    (site / "computed" / ".work-x" / "half").write_text("unfinished")
    (site / "documents").mkdir()
    (site / "documents" / "x.html").write_text("<p>")


def written(_site: Path) -> None:
    from theratrial.web.ledger.act import SystemActor, act, note
    from theratrial.web.people.models import Issue

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    number = 0
    while True:
        number += 1
        with act(SystemActor("writer"), "test.write"):
            Issue.objects.create(reported_by="w", reported_at=datetime.now(UTC), page="/", text=f"{number}")
            note("test.written", number=number)


def exported(_site: Path) -> None:
    from theratrial.trialfolder.tables import TABLES
    from theratrial.web.exports import certified
    from theratrial.web.exports.certified import trial_copy
    from theratrial.web.exports.packages import folder_package, ledger_lines, listing_package
    from theratrial.web.exports.scope import scope_of
    from theratrial.web.people.models import User

    certified.pdf_of = lambda page: {}  # takes long, and tells of the moment
    out, now = Path(sys.argv[3]), datetime(2026, 6, 1, tzinfo=UTC)
    user = User.objects.get(username="manager1")
    copied = trial_copy(user, now)
    # What tells of the moment of the export is no part of the data: the head it was made after stands in it.
    data = {
        name: content for name, content in copied.items() if name not in _ABOUT and not name.endswith((".html", ".pdf"))
    }
    kinds = {
        "folder": folder_package(user, scope_of(user), now),
        "listings": listing_package(user, scope_of(user), [table.name for table in TABLES], now),
        "copy": data,
        "ledger": {"ledger.jsonl": "".join(line + "\n" for line in ledger_lines(inspection=True)).encode()},
    }
    for kind, files in kinds.items():
        for name, content in files.items():
            if name == "export.json":
                continue
            place = out / kind / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


_ABOUT = ("manifest.json", "README.txt", "ledger.jsonl")


def raw(_site: Path) -> None:
    from django.db import connection
    from django.db.utils import DatabaseError

    for statement in ("DELETE FROM ledger_event", "UPDATE people_site SET name = 'x'", "DELETE FROM capture_record"):
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        except DatabaseError as error:
            sys.stdout.write(f"refused: {error}\n")


if __name__ == "__main__":
    main()
