"""A virtual cohort as a trial folder: records, images, protocol and the truth."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from theratrial.errors import InputError
from theratrial.protocol.reader import parse_protocol, shipped_protocol_bytes
from theratrial.protocol.schema import Protocol
from theratrial.registry.reader import shipped_registration_bytes
from theratrial.simulation.camera import (
    CALIBRATION_RELATIVE_SD_PERCENT,
    RECOVERY_RELATIVE_SD_PERCENT,
    RECOVERY_VOLUMES_ML,
    sensitivity_cps_per_MBq,
    sphere_recovery,
)
from theratrial.simulation.course import FIRST_DAY, Course, course_of
from theratrial.simulation.images import write_images
from theratrial.simulation.patient import drawn_patient
from theratrial.simulation.plan import Plan, plan_of
from theratrial.simulation.records import CAMERA, Line, record_tables
from theratrial.simulation.scenario import Failure, Story, failures, story
from theratrial.simulation.truth import participant_truth
from theratrial.trialfolder.reader import FOLDER_FILE, says_simulated
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION, TABLES
from theratrial.trialfolder.writer import write_table
from theratrial.workers import in_processes

SEED_PROTOCOL: Final = "IRCT20210612051548N3"
TRUTH_FILE: Final = "truth.json"
TRUTH_SCHEMA_VERSION: Final = "1.0"
_MARK: Final = "theratrial.simulation"
_RECRUITMENT_DAYS: Final = 323
_LONGEST_GAP_DAYS: Final = 17
_MOST_PARTICIPANTS: Final = 500

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CohortSummary:
    """What was written."""

    directory: Path
    treated: int
    screen_failures: int
    sessions: int
    files: int
    megabytes: float
    seed: int
    small: bool


@dataclass(frozen=True, slots=True)
class _Member:
    """One participant before anything is drawn of her."""

    participant_id: str
    screened_on: date
    story: Story | None
    failure: Failure | None
    seed: list[int]


def simulate(
    directory: Path,
    *,
    protocol: Path | None = None,
    participants: int = 15,
    seed: int = 1,
    small: bool = False,
    workers: int = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> CohortSummary:
    """Write a virtual cohort as a trial folder.

    Parameters
    ----------
    directory
        Where; it must not exist, be empty, or hold an earlier simulation.
    protocol
        Protocol file; None for the trial that ships with theratrial.
    participants
        Treated participants; screen failures come on top, about 4 to 15.
    seed
        Equal seeds give equal bytes, whatever `workers`.
    small
        Coarse images, for tests.
    workers
        Processes.
    force
        Replace whatever the directory holds.
    progress
        Called with the id of every participant whose images are written.

    Raises
    ------
    InputError
        If the directory is in use, a number is out of range, or the protocol cannot be simulated.

    References
    ----------
    docs/methods/virtual_patient.md
    """
    directory = Path(directory)
    _check(directory, participants, seed, workers, force)
    content = shipped_protocol_bytes(SEED_PROTOCOL) if protocol is None else _content(Path(protocol))
    values = parse_protocol(content, "protocol.yaml" if protocol is None else str(protocol))
    plan = plan_of(values)
    parent = directory.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=parent))
    try:
        working.chmod(0o755)
        (working / "protocol.yaml").write_bytes(content)
        if protocol is None:
            (working / "registration.yaml").write_bytes(shipped_registration_bytes(SEED_PROTOCOL))
        summary = _write(working, directory, values, plan, participants, seed, small, workers, progress)
        if directory.exists():
            shutil.rmtree(directory)
        working.rename(directory)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    return summary


def simulated(directory: Path) -> bool:
    """Whether a folder holds a simulation of ours, which may be replaced.

    Both must say so: a truth.json left beside records of patients does not make them replaceable.
    """
    if not says_simulated(directory):
        return False
    try:
        found = json.loads((directory / TRUTH_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("generator") == _MARK


def _check(directory: Path, participants: int, seed: int, workers: int, force: bool) -> None:
    if not 1 <= participants <= _MOST_PARTICIPANTS:
        raise InputError(f"participants is {participants}; allowed are 1 to {_MOST_PARTICIPANTS} treated participants")
    if seed < 0:
        raise InputError(f"seed is {seed}; it must not be negative")
    if workers < 1:
        raise InputError(f"workers is {workers}; at least 1 is needed")
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file; give a folder that does not exist yet")
    if directory.is_dir() and any(directory.iterdir()) and not simulated(directory) and not force:
        raise InputError(
            f"{directory} holds something that is no simulation; give another folder, or --force to replace all of it"
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"protocol {path} cannot be read: {error.strerror}; give a protocol file") from error


def members(participants: int, seed: int) -> tuple[_Member, ...]:
    """The cohort in order of screening, failures strewn among the treated."""
    reasons = failures(participants)
    total = participants + len(reasons)
    gap = min(_LONGEST_GAP_DAYS, _RECRUITMENT_DAYS / total)
    places = {int((i + 0.6) * total / len(reasons)): i for i in range(len(reasons))}
    found = []
    treated = 0
    for position in range(total):
        day = FIRST_DAY + timedelta(days=round(position * gap))
        if position in places:
            number = places[position]
            found.append(_Member(f"S{number + 1:02d}", day, None, reasons[number], [seed, 2, number]))
        else:
            found.append(_Member(f"P{treated + 1:02d}", day, story(treated), None, [seed, 1, treated]))
            treated += 1
    return tuple(found)


def _write(
    working: Path,
    directory: Path,
    protocol: Protocol,
    plan: Plan,
    participants: int,
    seed: int,
    small: bool,
    workers: int,
    progress: Progress | None,
) -> CohortSummary:
    people = members(participants, seed)
    jobs = [_Job(protocol, member, working / "images" / member.participant_id, seed, small) for member in people]
    courses: list[Course] = []
    for course in in_processes(_participant, jobs, workers):
        courses.append(course)
        if progress:
            progress(course.patient.participant_id)
    records = working / "records"
    records.mkdir()
    tables = record_tables(courses, plan, calibrations(plan), recoveries(plan))
    for table in TABLES:
        write_table(records / f"{table.name}.csv", table, tables[table.name])
    (working / FOLDER_FILE).write_text(
        f'schema_version: "{FOLDER_SCHEMA_VERSION}"\nsimulated: true\n', encoding="utf-8", newline="\n"
    )
    truth: dict[str, Any] = {
        "schema_version": TRUTH_SCHEMA_VERSION,
        "generator": _MARK,
        "seed": seed,
        "small": small,
        "trial_id": plan.protocol.identity.reading.trial_id if plan.protocol.identity.reading else "",
        "participants": {
            c.patient.participant_id: participant_truth(c, plan, m.seed) for c, m in zip(courses, people, strict=True)
        },
    }
    text = json.dumps(truth, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (working / TRUTH_FILE).write_text(text, encoding="utf-8", newline="\n")
    files = [path for path in working.rglob("*") if path.is_file()]
    return CohortSummary(
        directory=directory,
        treated=participants,
        screen_failures=len(people) - participants,
        sessions=sum(len(c.truths) for c in courses),
        files=len(files),
        megabytes=sum(path.stat().st_size for path in files) / 1e6,
        seed=seed,
        small=small,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    protocol: Protocol
    member: _Member
    folder: Path
    seed: int
    small: bool


def _participant(job: _Job) -> Course:
    """Draw one participant and write her images; needs nothing from any other."""
    plan, member = plan_of(job.protocol), job.member
    rng = np.random.default_rng(member.seed)
    patient = drawn_patient(member.participant_id, plan, rng, story=member.story, failure=member.failure)
    course = course_of(patient, plan, member.screened_on, rng)
    write_images(course, plan, job.folder, entropy=f"{_MARK}/{job.seed}", seed=member.seed, small=job.small)
    return course


def participant_images(
    protocol: Protocol, participant_id: str, participants: int, seed: int, folder: Path, *, small: bool = False
) -> None:
    """Write the images that `simulate` writes for one participant with the same arguments.

    Parameters
    ----------
    participants
        Treated participants of the whole cohort.
    folder
        Hers; nothing is written where no image was made of her.

    Raises
    ------
    InputError
        The cohort has no such participant.
    """
    for member in members(participants, seed):
        if member.participant_id == participant_id:
            _participant(_Job(protocol, member, folder, seed, small))
            return
    raise InputError(f"a cohort of {participants} treated participants has no {participant_id}")


def cohort_records(protocol: Protocol, *, participants: int = 15, seed: int = 1) -> dict[str, list[Line]]:
    """The record tables that `simulate` writes with the same arguments, without any image: a matter of seconds."""
    plan = plan_of(protocol)
    courses = []
    for member in members(participants, seed):
        rng = np.random.default_rng(member.seed)
        patient = drawn_patient(member.participant_id, plan, rng, story=member.story, failure=member.failure)
        courses.append(course_of(patient, plan, member.screened_on, rng))
    return record_tables(courses, plan, calibrations(plan), recoveries(plan))


def calibrations(plan: Plan) -> list[Line]:
    """The virtual camera's calibrations for the nuclides it images."""
    lines: list[Line] = []
    kinds = {"spect": "spect", "whole_body_planar": "planar"}
    nuclide = plan.therapy_nuclide
    for kind in sorted({kinds[i.kind] for i in plan.session_images if i.kind in kinds}):
        name = nuclide.name.replace("-", "").lower()
        geometry = "cylinder of 6 L, whole volume" if kind == "spect" else "flat source in air"
        line: Line = {
            "calibration_id": f"{kind}_{name}_2022",
            "camera": CAMERA,
            "kind": kind,
            "nuclide": nuclide.name,
            "factor_cps_per_MBq": sensitivity_cps_per_MBq(kind, nuclide),
            "relative_sd_percent": CALIBRATION_RELATIVE_SD_PERCENT,
            "valid_from": FIRST_DAY - timedelta(days=12),
            "geometry": f"{geometry} (virtual)",
        }
        if kind == "planar":
            line |= {"intrinsic_fwhm_mm": 3.9, "face_fwhm_mm": 3.0, "fwhm_mm_per_mm": 0.07, "gap_mm": 40.0}
        lines.append(line)
    return lines


def recoveries(plan: Plan) -> list[Line]:
    """The virtual SPECT's recovery of spheres without background, as its phantom would have shown it."""
    if not any(image.kind == "spect" for image in plan.session_images):
        return []
    return [
        {
            "camera": CAMERA,
            "nuclide": plan.therapy_nuclide.name,
            "valid_from": FIRST_DAY - timedelta(days=12),
            "volume_mL": volume_mL,
            "coefficient": round(sphere_recovery(volume_mL), 4),
            "relative_sd_percent": RECOVERY_RELATIVE_SD_PERCENT,
            "geometry": "spheres in cold water (virtual)",
        }
        for volume_mL in RECOVERY_VOLUMES_ML
    ]


def default_workers() -> int:
    """One process per core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
