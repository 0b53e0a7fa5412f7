"""``registry_results.json``: what registries are told, as a run leaves it, and its reading.

A folder of results of an older theratrial has no such file: it is then made of ``results.json`` and of the records of
the trial folder, which must still be the ones that the results were computed from.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.registry.results_reported import ReportedResults
from theratrial.results.rebuild import rebuilt

REGISTRY_RESULTS: Final = "registry_results.json"
REGISTRY_RESULTS_VERSION: Final = "1.0"
_RUN: Final = "run.json"
_HEAVY: Final[dict[str, Any]] = {
    "doses": [],
    "scans": [],
    "planar": [],
    "gate": None,
    "whole_body": None,
    "view_alignments": [],
}
"""Parts of a session that no registry is told of, and the most of a file of results."""


def reported_text(reported: ReportedResults) -> str:
    """The file's text: stable key order, floats at full precision."""
    tree = {"schema_version": REGISTRY_RESULTS_VERSION, "reported": asdict(reported)}
    return json.dumps(tree, ensure_ascii=False, indent=1, allow_nan=False, default=_day) + "\n"


def _day(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"reported results hold {type(value).__name__}, which JSON cannot carry")


def read_reported(out: Path) -> ReportedResults:
    """What registries are told of the results in the folder that `theratrial run --out` wrote.

    Raises
    ------
    InputError
        No results are there, they cannot be read, or the file was altered since the run.
    """
    path = out / REGISTRY_RESULTS
    if not path.is_file():
        return _made_again(out)
    content = _bytes(path)
    _unaltered(out, content)
    try:
        tree = json.loads(content)
        version, inside = str(tree["schema_version"]), tree["reported"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as results for registries ({error}) -> run again") from None
    if version.split(".")[0] != REGISTRY_RESULTS_VERSION.split(".")[0]:
        raise InputError(
            f"{path}: has version {version}, this theratrial reads {REGISTRY_RESULTS_VERSION} -> run again"
        )
    return rebuilt(ReportedResults, inside)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _run_record(out: Path) -> dict[str, Any]:
    try:
        record = json.loads(_bytes(out / _RUN))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{out / _RUN}: is not a run record of theratrial ({error}) -> run again") from None
    if not isinstance(record, dict) or not isinstance(record.get("outputs"), dict):
        raise InputError(f"{out / _RUN}: is not a run record of theratrial -> run again")
    return record


def trial_folder_of(out: Path) -> Path:
    """The trial folder that the results were computed from, as the run says; it may have gone.

    Raises
    ------
    InputError
        The folder holds no run of theratrial.
    """
    return Path(os.path.normpath(out.resolve() / str(_run_record(out).get("trial_folder", ""))))


def _unaltered(out: Path, content: bytes) -> None:
    """Numbers for a registry are those of the run, not of whoever had the file open since."""
    from theratrial.trace import bytes_hash

    if _run_record(out)["outputs"].get(REGISTRY_RESULTS) != bytes_hash(content):
        raise InputError(f"{out / REGISTRY_RESULTS}: is not as the run wrote it -> run again")


def _made_again(out: Path) -> ReportedResults:
    """From results of before, and the records that they were computed from."""
    from theratrial.pipeline.manifest import input_files
    from theratrial.pipeline.registry_results import reported_results
    from theratrial.results.plain import read_results
    from theratrial.results.values import TrialResult
    from theratrial.trialfolder import read_folder

    tree = read_results(out / "results.json")
    try:
        for one in tree["participants"]:
            one["eligibility"]["criteria"], one["pet_scans"] = [], []
            for session in one["sessions"]:
                session.update(_HEAVY)
        stored = {one["path"]: one["content_hash"] for one in tree["inputs"]}
    except (KeyError, TypeError) as error:
        raise InputError(f"{out / 'results.json'}: is not what a run writes ({error}) -> run again") from None
    place = trial_folder_of(out)
    if not place.is_dir():
        raise InputError(f"{place}: the trial folder of these results is not there -> run again where it is")
    folder = read_folder(place)
    names = [place / name for name in folder.manifest if name in stored or name.startswith("records/")]
    changed = [one.path for one in input_files(place, names) if stored.get(one.path) != one.content_hash]
    if changed:
        raise InputError(f"{changed[0]} was changed since the results were computed -> run again")
    return reported_results(rebuilt(TrialResult, tree), folder.protocol, folder=folder)
