"""Verify an inspector's archive: its files against its manifest, then every number from the records and images inside.

What rests on images that are not inside cannot be recomputed. It is counted and named, and such an archive is never
called recomputed: whether those numbers are right, it cannot tell.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.pipeline.manifest import Advance, nothing
from theratrial.pipeline.trial import trial_run
from theratrial.pipeline.verify import Verification, verification
from theratrial.results.plain import entry_label, plain, read_results
from theratrial.sharing.archive.contents import FORMAT, FORMAT_VERSION, PARTICIPANT_RESULT, RESULTS, TRIAL
from theratrial.sharing.archive.verifier import BLOCK, MANIFEST, faults, manifest_of, place_of

_RELATIVE: Final = 1e-9
_NOT_NUMBERS: Final = ("inputs",)


@dataclass(frozen=True, slots=True)
class NumbersCompared:
    """The stored numbers against those recomputed from what is inside."""

    equal: int
    absent: tuple[str, ...]
    """Places of numbers that nothing inside gives."""
    otherwise: tuple[str, ...]
    """Places where something else comes out of what is inside."""

    @property
    def total(self) -> int:
        return self.equal + len(self.absent) + len(self.otherwise)


@dataclass(frozen=True, slots=True)
class ArchiveVerification:
    """What was found; `whole` is the verification of a result where everything that it rests on is inside."""

    files: int
    altered: tuple[str, ...]
    participant: str = ""
    images_inside: bool = False
    whole: Verification | None = None
    numbers: NumbersCompared | None = None

    @property
    def recomputed(self) -> bool:
        """Whether nothing was altered and every number came out again."""
        if self.altered:
            return False
        if self.whole is not None:
            return self.whole.intact
        return self.numbers is not None and self.numbers.total == self.numbers.equal


def is_archive(place: Path) -> bool:
    """Whether this is an archive, as one file or unpacked, rather than a result."""
    return place.is_file() or (place / MANIFEST).is_file()


def archive_verification(
    place: Path, *, manifest_sha256: str = "", workers: int = 1, advance: Advance = nothing
) -> ArchiveVerification:
    """Verify an archive.

    Raises
    ------
    InputError
        It is intact, but a certified copy or a backup, or of a newer version.
    """
    altered = tuple(faults(place, manifest_sha256))
    advance("files")
    if altered:
        return ArchiveVerification(0, altered)
    copy = place_of(place)
    manifest = manifest_of(copy)
    if manifest.get("format") != FORMAT:
        raise InputError(f"{place} is intact but no inspector's archive; only such a one holds numbers to recompute")
    if manifest["format_version"] != FORMAT_VERSION:
        raise InputError(f"{place} is an archive of a newer theratrial; verify it with that version")
    participant, images = str(manifest["participant"]), bool(manifest["images_inside"])
    with _unpacked(copy) as root:
        whole, numbers = None, None
        if images and not participant:
            whole = verification(root / RESULTS, trial=root / TRIAL, workers=workers, advance=advance)
        else:
            numbers = _compared(root, participant, workers, advance)
    return ArchiveVerification(len(copy.files), (), participant, images, whole, numbers)


@contextmanager
def _unpacked(copy: Any) -> Iterator[Path]:
    """Trial folder and result of an archive whose names and bytes were verified."""
    with tempfile.TemporaryDirectory(prefix="theratrial-archive-") as name:
        root = Path(name)
        for file in copy.files:
            if file.partition("/")[0] not in (TRIAL, RESULTS):
                continue
            place = root / file
            place.parent.mkdir(parents=True, exist_ok=True)
            with copy.opened(file) as source, place.open("xb") as target:
                shutil.copyfileobj(source, target, BLOCK)
        yield root


def _compared(root: Path, participant: str, workers: int, advance: Advance) -> NumbersCompared:
    recomputed = plain(trial_run(root / TRIAL, workers=workers, advance=advance).result)
    if participant:
        stored = json.loads((root / RESULTS / PARTICIPANT_RESULT).read_text(encoding="utf-8"))
        recomputed = {name: recomputed[name] for name in stored}
    else:
        stored = read_results(root / RESULTS / "results.json")
    kept = {name: entry for name, entry in stored.items() if name not in _NOT_NUMBERS}
    return numbers_compared(kept, recomputed)


def numbers_compared(stored: Any, recomputed: Any) -> NumbersCompared:
    """Every number of the stored tree against the recomputed one; entries of lists are matched by what they are of."""
    equal, absent, otherwise = 0, [], []
    for place, one, other in _pairs(stored, recomputed, ""):
        if other is None:
            absent.append(place)
        elif _is_number(other) and math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=0.0):
            equal += 1
        else:
            otherwise.append(place)
    return NumbersCompared(equal, tuple(absent), tuple(otherwise))


def _pairs(stored: Any, recomputed: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(stored, dict):
        others = recomputed if isinstance(recomputed, dict) else {}
        for name, one in stored.items():
            yield from _pairs(one, others.get(name), f"{place}.{name}" if place else str(name))
    elif isinstance(stored, list):
        found = dict(_labelled(recomputed if isinstance(recomputed, list) else []))
        for label, one in _labelled(stored):
            yield from _pairs(one, found.get(label), place + label)
    elif _is_number(stored):
        yield place, stored, recomputed


def _labelled(entries: list[Any]) -> Iterator[tuple[str, Any]]:
    """Entries by what they are of; the second of the same label by its number too."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        label = entry_label(entry, index)
        seen[label] = seen.get(label, 0) + 1
        yield (label if seen[label] == 1 else f"{label}#{seen[label]}"), entry


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
