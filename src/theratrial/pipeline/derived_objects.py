"""The DICOM objects derived from a result: opened, made participant by participant, written whole with an index.

Method: docs/methods/derived_objects.md.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from theratrial import __version__
from theratrial.errors import InputError
from theratrial.imaging.catalogue import catalogue
from theratrial.imaging.derived.making import Making
from theratrial.pipeline.context import Context
from theratrial.pipeline.cut_off import cut_off
from theratrial.pipeline.derived_pet import pet_objects
from theratrial.pipeline.derived_session import administration_reports, session_objects
from theratrial.pipeline.derived_values import KINDS, TITLES, DerivedKind, DerivedObject, DerivedWork, LeftOut, Made
from theratrial.pipeline.manifest import input_files
from theratrial.pipeline.matching import ParticipantImages, matched_images
from theratrial.pipeline.sdtm_package import opened_result
from theratrial.results.plain import results_text
from theratrial.results.values import TrialResult
from theratrial.trace import bytes_hash
from theratrial.trialfolder.reader import IMAGES
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.withdrawals import data_use_withdrawn

INDEX: Final = "index.json"
INDEX_SCHEMA: Final = "1.0"


@dataclass(frozen=True, slots=True, eq=False)
class DerivedTrial:
    """A result with its trial folder, opened to derive objects from."""

    folder: TrialFolder
    result: TrialResult
    seed: str
    """Hash of the results: names the objects that are made of them."""
    made_at: datetime
    demonstration: tuple[str, ...]
    images: Mapping[str, ParticipantImages]
    """Matched to the protocol, by participant."""

    @property
    def participants(self) -> tuple[str, ...]:
        """Participants of the results who did not withdraw the use of their data."""
        return tuple(
            one.participant_id
            for one in self.result.participants
            if not data_use_withdrawn(self.folder, one.participant_id)
        )

    @property
    def left_out(self) -> int:
        """Participants who withdrew the use of their data."""
        return len(self.result.participants) - len(self.participants)


def opened_trial(out: Path, trial: Path | None = None, *, made_at: datetime | None = None) -> DerivedTrial:
    """A result folder opened.

    Parameters
    ----------
    made_at
        The moment of making; without it that of the newest record, so that nothing depends on the clock.

    Raises
    ------
    InputError
        The result or its trial folder cannot be read, or a record or the protocol changed since.
    """
    folder, result = opened_result(out, trial)
    return derived_trial(folder, result, made_at=made_at)


def derived_trial(folder: TrialFolder, result: TrialResult, *, made_at: datetime | None = None) -> DerivedTrial:
    """A folder and its result, ready to derive objects from.

    Raises
    ------
    InputError
        An image is missing, or the images do not belong to the records.
    """
    paths = [folder.path / one.path for one in result.inputs if one.path.startswith(f"{IMAGES}/")]
    if missing := next((path for path in paths if not path.is_file()), None):
        raise InputError(f"{missing}: is missing since the run -> restore it, or run `theratrial run` again")
    return DerivedTrial(
        folder,
        result,
        bytes_hash(results_text(result).encode()),
        made_at if made_at is not None else cut_off(folder),
        tuple(one.clause for one in result.assumptions),
        matched_images(folder, catalogue(paths)),
    )


def participant_objects(
    trial: DerivedTrial, participant_id: str, kinds: Collection[DerivedKind] = KINDS
) -> Iterator[Made]:
    """Every object of a participant, one after the other, and what could not be made.

    Raises
    ------
    InputError
        The results do not have the participant, she withdrew the use of her data, or her images changed since the run.
    """
    work = _work(trial, participant_id)
    if "rrdsr" in kinds:
        yield from administration_reports(work)
    for image in work.images.images:
        if not image.plan.per_session and image.series is not None and image.series.modality == "PT":
            yield from pet_objects(work, image, kinds)
    yield from session_objects(work, kinds)


def _work(trial: DerivedTrial, participant_id: str) -> DerivedWork:
    found = next((one for one in trial.result.participants if one.participant_id == participant_id), None)
    if found is None:
        known = ", ".join(trial.participants)
        raise InputError(f"the results have no participant {participant_id!r}; they have {known}")
    if data_use_withdrawn(trial.folder, participant_id):
        raise InputError(f"{participant_id} withdrew the use of the data: nothing is derived from the images")
    images = trial.images[participant_id]
    hashes = _unchanged(trial, images)
    making = Making(
        participant_id, trial.made_at, trial.seed, __version__, trial.result.trial_id, virtual=trial.result.simulated
    )
    context = Context(hashes, cut_off(trial.folder), trial.demonstration)
    return DerivedWork(trial.folder, found, images, context, making)


def _unchanged(trial: DerivedTrial, images: ParticipantImages) -> Mapping[Path, str]:
    """The hashes of the participant's images and regions, which are those of the run."""
    series = [one for image in images.images for one in (image.series, image.ct, *image.regions) if one is not None]
    paths = sorted({path for one in series for path in one.files})
    before = {one.path: one.content_hash for one in trial.result.inputs}
    now = input_files(trial.folder.path, paths)
    for one in now:
        if before.get(one.path) != one.content_hash:
            raise InputError(f"{trial.folder.path / one.path}: changed since the run -> run `theratrial run` again")
    return {trial.folder.path / one.path: one.content_hash for one in now}


def objects_written(
    trial: DerivedTrial,
    out: Path,
    participants: Sequence[str],
    kinds: Collection[DerivedKind] = KINDS,
    *,
    advance: Callable[[str], None],
) -> dict[str, Any]:
    """Write the objects of the participants and an index of them; the folder appears whole or not at all.

    Returns
    -------
    dict
        The index as written.

    Raises
    ------
    InputError
        The folder is there and not empty, or cannot be written; as `participant_objects`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already and not empty; give another folder")
    partial = out.with_name(f".{out.name}.part")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        told: list[_Described | LeftOut] = []
        for participant_id in participants:
            for one in participant_objects(trial, participant_id, kinds):
                if isinstance(one, DerivedObject):
                    path = partial / one.file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(one.content)
                told.append(_described(one))
            advance(participant_id)
        index = derived_index(trial, kinds, told)
        (partial / INDEX).write_text(json.dumps(index, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        if out.exists():
            out.rmdir()
        os.replace(partial, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return index


@dataclass(frozen=True, slots=True)
class _Described:
    """An object without its bytes: the index of a whole trial must not hold the trial in memory."""

    entry: dict[str, str]


def _entry(one: DerivedObject) -> dict[str, str]:
    return {
        "file": one.file,
        "participant_id": one.participant_id,
        "kind": one.kind,
        "title": one.title,
        "sop_class": one.sop_class,
        "sop_instance_uid": one.sop_instance_uid,
        "content_hash": bytes_hash(one.content),
    }


def _described(one: Made) -> _Described | LeftOut:
    return one if isinstance(one, LeftOut) else _Described(_entry(one))


def _lost(one: LeftOut) -> dict[str, str]:
    return {"participant_id": one.participant_id, "kind": one.kind, "name": one.name, "because": one.because}


def derived_index(
    trial: DerivedTrial, kinds: Collection[DerivedKind], made: Sequence[Made | _Described]
) -> dict[str, Any]:
    """What was made of what, when and by which version, object by object, and what was left out."""
    objects = [
        one.entry if isinstance(one, _Described) else _entry(one) for one in made if not isinstance(one, LeftOut)
    ]
    return {
        "schema_version": INDEX_SCHEMA,
        "trial_id": trial.result.trial_id,
        "product_version": __version__,
        "results": trial.seed,
        "made_at": trial.made_at.isoformat(),
        "simulated": trial.result.simulated,
        "kinds": {kind: TITLES[kind] for kind in KINDS if kind in kinds},
        "demonstration": list(trial.demonstration),
        "withdrawn_left_out": trial.left_out,
        "objects": objects,
        "left_out": [_lost(one) for one in made if isinstance(one, LeftOut)],
    }
