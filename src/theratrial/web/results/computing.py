"""A run of the pipeline over the site's data: folder out, results in, all or nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError, Problem, Problems
from theratrial.pipeline.outputs import write_outputs
from theratrial.pipeline.trial import TrialRun, steps, trial_run
from theratrial.results.plain import plain
from theratrial.results.values import ParticipantResult, TrialResult
from theratrial.trialfolder import read_folder
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.exports.folder import Origins, folder_written
from theratrial.web.ledger.act import act
from theratrial.web.ledger.chain import json_digest
from theratrial.web.participants.models import Participant
from theratrial.web.results.models import Computation, ParticipantResultRow, TrialResultRow
from theratrial.web.results.services import WORKER, progressed

TRIAL, OUT = "trial", "out"
_PLACE: Final = re.compile(r"(records/\w+\.csv) line (\d+)")

LeftOut = dict[str, list[str]]
"""Participant -> why she could not be computed, in words."""


def computed_root() -> Path:
    """Where the folders of computations are."""
    return Path(settings.SITE_FOLDER, "computed")


def results_computed(computation: Computation) -> None:
    """Run the trial, or one participant, and store what comes out.

    A participant whose records or images cannot be used is left out and named; the others are computed.

    Raises
    ------
    Problems, InputError
        Nothing can be computed; nothing is stored.
    """
    root = computed_root()
    root.mkdir(parents=True, exist_ok=True)
    working, place = root / f".work-{computation.pk}", root / str(computation.pk)
    for left_over in (working, place):
        shutil.rmtree(left_over, ignore_errors=True)
    records = list(_records_of(computation))
    people = {one.pk: one for one in Participant.objects.all()}
    codes = {pk: one.code for pk, one in people.items()}
    try:
        run, left_out = _run(computation, working, records, codes)
        progressed(computation, _("report"), done=1, total=1)
        write_outputs(run, working / OUT, working / TRIAL, pdf=False)
        working.rename(place)
        _stored(computation, run, left_out, {one.code: one for one in people.values()})
    except BaseException:
        for half in (working, place):
            shutil.rmtree(half, ignore_errors=True)
        raise


def _records_of(computation: Computation) -> Iterable[Record]:
    records = live_records()
    if computation.participant_id is not None:
        records = records.filter(Q(participant_id=computation.participant_id) | Q(participant=None))
    return records


def _run(
    computation: Computation, working: Path, records: list[Record], codes: Mapping[int, str]
) -> tuple[TrialRun, LeftOut]:
    """The run, without those whose data have problems; each round leaves out at least one more."""
    left_out: LeftOut = {}
    while True:
        shutil.rmtree(working, ignore_errors=True)
        kept = [one for one in records if codes.get(one.participant_id or 0, "") not in left_out]
        present = sorted({codes[one.participant_id] for one in kept if one.participant_id is not None})
        if not present:
            raise Problems(_("nobody can be computed"), [Problem(who, "; ".join(why)) for who, why in left_out.items()])
        progressed(computation, _("writing the trial folder"), done=0, total=0)
        origins = folder_written(working / TRIAL, kept, _images_of(present))
        try:
            folder = read_folder(working / TRIAL)
            advance = _advance(computation, steps(folder) + 1)
            run = trial_run(working / TRIAL, workers=settings.COMPUTING_PROCESSES, advance=advance, folder=folder)
        except Problems as error:
            found = problems_by_participant(error.problems, origins, _owners(kept, codes), present)
            if not found or computation.participant_id is not None:
                raise
            left_out.update(found)
            continue
        return run, left_out


def _images_of(codes: Iterable[str]) -> Iterable[tuple[str, Path]]:
    from theratrial.web.studies.selectors import image_files_of

    for participant in Participant.objects.filter(code__in=list(codes)).order_by("code"):
        for name, stored in image_files_of(participant):
            yield name, Path(stored)


def _advance(computation: Computation, total: int) -> Callable[[str], None]:
    done = 0

    def advance(step: str) -> None:
        nonlocal done
        done += 1
        progressed(computation, step, done=done, total=total)

    return advance


def _owners(records: Iterable[Record], codes: Mapping[int, str]) -> dict[str, str]:
    """Record id -> participant."""
    return {str(one.pk): codes[one.participant_id] for one in records if one.participant_id is not None}


def problems_by_participant(
    problems: Iterable[Problem], origins: Origins, owners: Mapping[str, str], present: Iterable[str]
) -> LeftOut:
    """Whose data each problem is in; empty as soon as one is nobody's, for then leaving out helps nothing."""
    found: LeftOut = {}
    codes = list(present)
    for problem in problems:
        code = _owner(problem, origins, owners, codes)
        if code is None:
            return {}
        found.setdefault(code, []).append(str(problem))
    return found


def _owner(problem: Problem, origins: Origins, owners: Mapping[str, str], codes: Iterable[str]) -> str | None:
    if match := _PLACE.search(problem.place):
        record = origins.get(match[1], {}).get(match[2], "").partition("@")[0]
        return owners.get(record)
    for code in codes:
        if problem.place == f"participant {code}" or re.search(rf"images/{re.escape(code)}/", problem.place):
            return code
    return None


def _stored(computation: Computation, run: TrialRun, left_out: LeftOut, people: Mapping[str, Participant]) -> None:
    result = run.result
    if unknown := [one.participant_id for one in result.participants if one.participant_id not in people]:
        raise InputError(f"the records name participants that are not registered: {', '.join(unknown)}")
    with act(WORKER, "computation.finish"):
        found = Computation.objects.select_for_update().get(pk=computation.pk)
        if found.state != "running":
            raise InputError(f"the computation is {found.state}, not running; its results are not stored")
        for one in result.participants:
            content = participant_content(one, result)
            for_gate = gate_content(one, run)
            ParticipantResultRow.objects.create(
                computation=found,
                participant=people[one.participant_id],
                content=content,
                for_gate=for_gate,
                digest=json_digest({"content": content, "for_gate": for_gate}),
            )
        if found.kind == "trial":
            cohort = cohort_content(result, run, left_out)
            TrialResultRow.objects.create(computation=found, content=cohort, digest=json_digest({"content": cohort}))
        found.state, found.finished_at, found.folder = "done", timezone.now(), f"computed/{found.pk}"
        found.message = "\n".join(
            _("%(who)s is left out: %(why)s") % {"who": who, "why": "; ".join(why)} for who, why in left_out.items()
        )
        found.save()
        older = Computation.objects.filter(state="done").exclude(pk=found.pk)
        if found.kind == "participant":
            older = older.filter(kind="participant", participant=found.participant)
        else:
            older = older.exclude(kind="simulation")
        for one_older in older:
            one_older.state = "superseded"
            one_older.save()


def participant_content(one: ParticipantResult, result: TrialResult) -> dict[str, Any]:
    """A participant's result as ``results.json`` has it, and the notes about her."""
    notes = [plain(note) for note in result.notes if note.participant_id == one.participant_id]
    return {**plain(one), "notes": notes}


def gate_content(one: ParticipantResult, run: TrialRun) -> dict[str, Any]:
    """What a later gate needs, and of which injections it is."""
    inputs = run.for_gate.get(one.participant_id)
    injections = {
        str(session.session): {
            "injected_at": session.injected_at.isoformat(),
            "administered_activity_MBq": session.administered_activity_MBq.value,
        }
        for session in one.sessions
    }
    gate = plain(inputs) if inputs is not None else {"doses": [], "probabilities": {}}
    return {**gate, "injections": injections}


def cohort_content(result: TrialResult, run: TrialRun, left_out: LeftOut) -> dict[str, Any]:
    """The cohort without its participants and files."""
    tree = {key: value for key, value in plain(result).items() if key not in ("participants", "inputs")}
    cut_off = run.cut_off.isoformat() if run.cut_off is not None else ""
    return {**tree, "left_out": left_out, "cut_off": cut_off}
