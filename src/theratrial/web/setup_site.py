"""Setting up a site: its trial, its people, and the demonstration's virtual participants."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from theratrial.errors import InputError
from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.registry.history import History
from theratrial.registry.reader import shipped_registration_bytes
from theratrial.simulation.cohort import SEED_PROTOCOL, cohort_records
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.writer import table_cells
from theratrial.web.capture.grouping import group_of
from theratrial.web.capture.models import Record
from theratrial.web.ledger.act import SystemActor, act, note
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Delegation, EthicsApproval, Site, User
from theratrial.web.people.permissions import matrix
from theratrial.web.registration.taking import first_version, history_taken, record_taken
from theratrial.web.trials.models import ProtocolVersion, Trial
from theratrial.web.trials.selectors import parsed

SETUP: Final = SystemActor("site-setup")
DEMONSTRATION_PASSWORD: Final = "a-password-for-trying-out"
_LONG_AGO: Final = datetime(2022, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the demonstration's people: account name, printed name, role."""

    username: str
    printed_name: str
    role: str


CAST: Final = (
    Member("investigator1", "Investigator One", "principal_investigator"),
    Member("coordinator1", "Coordinator One", "coordinator"),
    Member("nuclear1", "Nuclear Medicine Physician One", "nuclear_medicine_physician"),
    Member("nuclear2", "Nuclear Medicine Physician Two", "nuclear_medicine_physician"),
    Member("oncologist1", "Oncologist One", "oncologist"),
    Member("adjudicator1", "Adjudicator One", "adjudicator"),
    Member("physicist1", "Physicist One", "medical_physicist"),
    Member("pharmacist1", "Radiopharmacist One", "radiopharmacist"),
    Member("monitor1", "Monitor One", "monitor"),
    Member("manager1", "Data Manager One", "data_manager"),
    Member("manager2", "Data Manager Two", "data_manager"),
    Member("statistician1", "Statistician One", "statistician"),
    Member("registrant1", "Registrant One", "registrant"),
    Member("administrator1", "Administrator One", "administrator"),
)


def trial_set_up(
    protocol_yaml: bytes,
    registration_yaml: bytes = b"",
    *,
    registration_versions: Mapping[str, bytes] | None = None,
    simulated: bool = False,
) -> Trial:
    """The trial of a new installation, with the protocol as version 1.

    Parameters
    ----------
    registration_versions
        Name -> content of the files of earlier versions of the registration record; else it becomes version 0.

    Raises
    ------
    InputError
        There is a trial already; an installation runs one.
    Problems
        The protocol file cannot be used, or the registration record cannot.
    """
    if Trial.objects.exists():
        raise InputError("this site has its trial already; take another site folder for another trial")
    protocol = parsed(protocol_yaml)
    identity = protocol.identity.reading
    if identity is None:
        raise InputError("the protocol's identity has no reading; fill it in before a site is set up with it")
    with act(SETUP, "site.set-up"):
        version = ProtocolVersion.objects.create(
            number=1,
            label=identity.protocol_version,
            yaml=protocol_yaml.decode("utf-8"),
            sha256=hashlib.sha256(protocol_yaml).hexdigest(),
            loaded_at=timezone.now(),
            released_at=timezone.now() if simulated else None,
        )
        trial = Trial.objects.create(
            trial_id=identity.trial_id, title=identity.public_title, simulated=simulated, in_force=version
        )
        if registration_yaml:
            record_taken(registration_yaml, zone=ZoneInfo(identity.timezone), versions=registration_versions)
        return trial


def tables_imported(tables: Mapping[str, Sequence[Mapping[str, str]]], *, source: str) -> int:
    """Rows of a trial folder as records, all or nothing; participants and sites they name are made.

    Parameters
    ----------
    tables
        Table -> lines as column -> text (`trialfolder.writer.table_cells`).

    Returns
    -------
    Number of records made.
    """
    trial = Trial.objects.select_related("in_force").get()
    made = []
    with act(SETUP, "records.import", reason=source):
        note("records.import", source=source, rows={name: len(lines) for name, lines in tables.items()})
        sites = {site.code: site for site in Site.objects.all()}
        people: dict[str, Participant] = {}
        for line in tables["participants"]:
            code = line["site_id"]
            if code not in sites:
                sites[code] = Site.objects.create(code=code, name=code, timezone="UTC")
            people[line["participant_id"]] = Participant(
                code=line["participant_id"], site=sites[code], screened_on=date.fromisoformat(line["screened_on"])
            )
        Participant.objects.bulk_create(people.values())
        for table in TABLES:
            for number, line in enumerate(tables.get(table.name, ()), start=1):
                participant = people.get(line.get("participant_id", ""))
                session = line.get("session", "")
                made.append(
                    Record(
                        table=table.name,
                        group=group_of(table.name, line),
                        protocol_version=trial.in_force,
                        participant=participant,
                        site=participant.site if participant else None,
                        session=int(session) if session.isdigit() else None,
                        visit=line.get("visit_id", ""),
                        cells=dict(line),
                        source=source[:120],
                        sequence=number,
                    )
                )
        Record.objects.bulk_create(made, batch_size=500)
    return len(made)


def cast_made(*, site: Site, password: str = DEMONSTRATION_PASSWORD) -> list[User]:
    """An account for every role, with everything delegated that the role may do."""
    made = []
    with act(SETUP, "people.set-up"):
        for member in CAST:
            user = User.objects.create_user(
                member.username, password, printed_name=member.printed_name, password_changed_at=timezone.now()
            )
            everywhere = member.role in ("statistician", "registrant", "administrator", "principal_investigator")
            Assignment.objects.create(
                user=user,
                role=member.role,
                site=None if everywhere else site,
                starts_at=_LONG_AGO,
                granted_by=SETUP.name,
            )
            tasks = sorted({matrix().permissions[one].task for one in matrix().roles[member.role].permissions} - {""})
            if tasks:
                Delegation.objects.create(
                    user=user,
                    site=site,
                    tasks=tasks,
                    trained_on=_LONG_AGO.date(),
                    starts_on=_LONG_AGO.date(),
                    authorised_by="investigator1",
                )
            made.append(user)
    return made


def demonstration_made(*, participants: int = 15, seed: int = 1, protocol_yaml: bytes | None = None) -> Trial:
    """The demonstration: the shipped trial, its people, and the records of a virtual cohort. No images yet."""
    content = protocol_yaml or shipped_protocol_bytes(SEED_PROTOCOL)
    registration = b"" if protocol_yaml else shipped_registration_bytes(SEED_PROTOCOL)
    trial = trial_set_up(content, registration, simulated=True)
    protocol = parsed(content)
    lines = cohort_records(protocol, participants=participants, seed=seed)
    tables_imported(
        {table.name: table_cells(table, lines[table.name]) for table in TABLES},
        source=f"simulation: seed {seed}, {participants} treated",
    )
    site = Site.objects.order_by("pk").first()
    assert site is not None, "a cohort has a site"
    assert trial.in_force is not None, "a trial has a protocol from its set-up on"
    identity = protocol.identity.reading
    with act(SETUP, "site.set-up"):
        site.timezone = identity.timezone if identity else "UTC"
        site.name = f"Centre {site.code} (virtual)"
        site.save()
        EthicsApproval.objects.create(
            site=site,
            committee="Ethics committee of the demonstration",
            reference="DEMO-1",
            approved_on=_LONG_AGO.date(),
            protocol_version=trial.in_force,
        )
    cast_made(site=site)
    return trial


def demonstration_computing(*, participants: int, seed: int) -> None:
    """Put the demonstration's images and results into the queue of the background work."""
    from theratrial.web.results.services import demonstration_requested

    demonstration_requested(SETUP, participants=participants, seed=seed)


def site_set_up(
    protocol_yaml: bytes,
    registration_yaml: bytes,
    *,
    centre: str,
    administrator: tuple[str, str],
    investigator: tuple[str, str],
    registration_versions: Mapping[str, bytes] | None = None,
) -> Trial:
    """A site for a real trial: one centre, not active until its ethics approval is recorded, and two accounts.

    Parameters
    ----------
    administrator, investigator
        (account name, first password); both must be changed at the first sign-in.
    """
    with act(SETUP, "site.set-up"):
        trial = trial_set_up(protocol_yaml, registration_yaml, registration_versions=registration_versions)
        identity = parsed(protocol_yaml).identity.reading
        site = Site.objects.create(code=centre, name=centre, timezone=identity.timezone if identity else "UTC")
        for (name, password), role, label in (
            (administrator, "administrator", "Administrator of accounts"),
            (investigator, "principal_investigator", "Principal investigator"),
        ):
            user = User.objects.create_user(name, password, printed_name=label, must_change_password=True)
            Assignment.objects.create(user=user, role=role, starts_at=timezone.now(), granted_by=SETUP.name)
            tasks = sorted({matrix().permissions[one].task for one in matrix().roles[role].permissions} - {""})
            if tasks:
                Delegation.objects.create(
                    user=user,
                    site=site,
                    tasks=tasks,
                    trained_on=timezone.now().date(),
                    starts_on=timezone.now().date(),
                    authorised_by=SETUP.name,
                )
    return trial


def folder_imported(folder: TrialFolder) -> int:
    """Records of a trial folder into a site without participants, and the versions of its registration record.

    Raises
    ------
    InputError
        The site has participants already, the folder is of another protocol, or its registration record is another.
    """
    if Participant.objects.exists():
        raise InputError("this site has participants already; a folder is taken into an empty site only")
    trial = Trial.objects.select_related("in_force").get()
    content = (folder.path / "protocol.yaml").read_bytes()
    if trial.in_force is None or hashlib.sha256(content).hexdigest() != trial.in_force.sha256:
        raise InputError(
            "the folder's protocol.yaml is not the protocol in force of this site; load that version first"
        )
    tables = {table.name: table_cells(table, folder.tables[table.name]) for table in TABLES}
    with act(SETUP, "records.import"):
        if folder.registration_history is not None:
            history_taken(folder.registration_history)
        elif folder.registration is not None:
            history_taken(History((first_version(folder.registration, folder.zone, timezone.now()),)))
        return tables_imported(tables, source=f"folder: {folder.path.name}")
