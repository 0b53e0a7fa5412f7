"""Walk the chain backwards: inputs by hash, every number by recomputing it, the report by rendering it again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from theratrial import __version__
from theratrial.errors import InputError
from theratrial.imaging.catalogue import catalogue
from theratrial.pipeline.manifest import Advance, folder_files, input_files, nothing, program_hash
from theratrial.pipeline.outputs import (
    REPORT,
    REPORT_PDF,
    RESULTS,
    RUN,
    RunRecord,
    environment,
    output_hashes,
    read_run_record,
    write_outputs,
)
from theratrial.pipeline.traces import dead_ends
from theratrial.pipeline.trial import trial_run
from theratrial.results.plain import differences, plain, read_results
from theratrial.results.values import InputFile
from theratrial.trace import joint_hash
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.reader import IMAGES

_OTHER_BUILD: Final = (
    "report and figures of another build cannot be told from altered ones -> run again with this build"
)


_ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not what it was, or not what the inputs give."""

    kind: str
    """``input``, ``build``, ``number``, ``trace``, ``output``."""
    place: str
    stored: Any
    found: Any
    meaning: str = ""
    """What follows from it, where that is not plain."""

    def __str__(self) -> str:
        text = f"{self.place} {self._said()}"
        return f"{text}: {self.meaning}" if self.meaning else text

    def _said(self) -> str:
        if self.kind == "input":
            if self.stored == _ABSENT:
                return "was added since the run"
            return "is missing since the run" if self.found == _ABSENT else "was changed since the run"
        if self.kind == "output":
            if self.stored == _ABSENT:
                return "is missing"
            return "was not made by this run" if self.found == _ABSENT else "is not what these inputs give"
        found = "recomputed" if self.kind == "number" else "found"
        return f"({self.kind}): stored {_short(self.stored)}, {found} {_short(self.found)}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a result found: inputs, build, numbers in the order of the chain, traces, outputs."""

    differences: tuple[Difference, ...]
    inputs_checked: int
    numbers_recomputed: int
    outputs_checked: int
    remarks: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _count_numbers(tree: Any) -> int:
    if isinstance(tree, dict):
        return sum(_count_numbers(entry) for entry in tree.values())
    if isinstance(tree, list):
        return sum(_count_numbers(entry) for entry in tree)
    return int(isinstance(tree, int | float) and not isinstance(tree, bool))


def content_hashes(folder: Path, inputs: Sequence[InputFile]) -> frozenset[str]:
    """Every hash that a trace of this folder's results may name: of its files, and of its series."""
    hashes = {folder / file.path: file.content_hash for file in inputs}
    series = catalogue(path for path in hashes if (folder / IMAGES) in path.parents).series
    return frozenset(hashes.values()) | {joint_hash(hashes[path] for path in one.files) for one in series}


def trial_folder_of(out: Path, record: RunRecord, trial: Path | None) -> Path:
    """The trial folder that a result was made from: where `trial` says, else where the record says."""
    folder = trial or Path(os.path.normpath(out.resolve() / record.trial_folder))
    if not folder.is_dir():
        if trial is not None:
            found = "is a file" if trial.exists() else "does not exist"
            raise InputError(f"{trial}: {found}; --trial is the trial folder that the result was made from")
        raise InputError(
            f"{folder}: the trial folder of this result is not there -> give its present place with --trial DIR"
        )
    return folder


def _input_differences(stored: list[dict[str, str]], folder: Path) -> list[Difference]:
    try:
        before = {entry["path"]: entry["content_hash"] for entry in stored}
    except (TypeError, KeyError):
        raise InputError(f"{RESULTS}: its list of inputs is not what a run writes -> restore it or run again") from None
    now = {file.path: file.content_hash for file in input_files(folder, folder_files(folder))}
    if before and not before.keys() & now.keys():
        raise InputError(
            f"{folder}: holds none of the {len(before)} files that the result was made from -> give the trial folder "
            "with --trial DIR"
        )
    found = []
    for path in sorted(before.keys() | now.keys()):
        if before.get(path) != now.get(path):
            found.append(Difference("input", path, before.get(path, "absent"), now.get(path, "absent")))
    return found


def _build_differences(record: RunRecord) -> list[Difference]:
    """Where `run.json` names another build or other libraries than those that verify."""
    stored = {"product_version": record.product_version, "program": record.program}
    found = {"product_version": __version__, "program": program_hash()}
    libraries = environment()
    stored |= {f"environment.{name}": value for name, value in record.environment.items()}
    found |= {f"environment.{name}": value for name, value in libraries.items()}
    return [
        Difference("build", f"{RUN}, {name}", stored.get(name, "absent"), found.get(name, "absent"), _OTHER_BUILD)
        for name in dict.fromkeys((*stored, *found))
        if stored.get(name) != found.get(name)
    ]


def _output_differences(expected: dict[str, str], actual: dict[str, str]) -> list[Difference]:
    """Where the outputs are not what was rendered again. `run.json` has no say: who alters an output alters it too."""
    return [
        Difference("output", name, actual.get(name, "absent"), expected.get(name, "absent"))
        for name in sorted(expected.keys() | actual.keys())
        if name != RESULTS and actual.get(name) != expected.get(name)
    ]


def verification(out: Path, *, trial: Path | None = None, workers: int = 1, advance: Advance = nothing) -> Verification:
    """Recompute a result from its stored inputs, and render its outputs again.

    When inputs differ, the numbers are not recomputed: they would differ because of them. A result of another build or
    of other libraries is never intact: `run.json` alone says which build it was, and nobody vouches for `run.json`.

    Raises
    ------
    InputError
        The output folder or the trial folder is not there or not what it should be.
    """
    stored = read_results(out / RESULTS)
    record = read_run_record(out)
    folder = trial_folder_of(out, record, trial)
    remarks = []
    if (out / REPORT_PDF).exists():
        remarks.append(f"{REPORT_PDF} is not part of the check: {REPORT} is the record")
    advance("inputs")
    found = _input_differences(stored["inputs"], folder)
    if found:
        remarks.append("the numbers were not recomputed")
        return Verification(tuple(found), len(stored["inputs"]), 0, 0, tuple(remarks))
    run = trial_run(folder, workers=workers, advance=advance)
    recomputed = plain(run.result)
    found = _build_differences(record)
    found += [Difference("number", *difference) for difference in differences(stored, recomputed)]
    stored_bytes = content_hashes(folder, run.result.inputs)
    found += [
        Difference("trace", place, why, "a place that exists")
        for place, why in dead_ends(recomputed, read_folder(folder), stored_bytes)
    ]
    advance("report")
    with tempfile.TemporaryDirectory(prefix="theratrial-verify-") as temporary:
        again = Path(temporary) / "again"
        write_outputs(run, again, folder, pdf=False)  # the PDF is not compared
        expected = output_hashes(again)
    actual = output_hashes(out)
    found += _output_differences(expected, actual)
    return Verification(tuple(found), len(stored["inputs"]), _count_numbers(recomputed), len(actual), tuple(remarks))
