"""Responses of the participants of a table of lesions on PET: every later scan against the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, TypeVar

from theratrial.errors import Problem, Problems
from theratrial.response.pet.eortc import EortcResponse, eortc
from theratrial.response.pet.percist import PercistOptions, PercistResponse, gaps, percist
from theratrial.response.pet.scans import Comparability, PetScan
from theratrial.response.pet.table import SubjectScan, SubjectScans
from theratrial.response.recist.baseline import baseline_at

PetCriteria = Literal["percist", "eortc"]
_Response = TypeVar("_Response", PercistResponse, EortcResponse)


@dataclass(frozen=True, slots=True)
class ScanResponse:
    """Response at one later scan."""

    day: date
    response: PercistResponse | EortcResponse


@dataclass(frozen=True, slots=True)
class SubjectPetResponse:
    """Responses of a participant at every scan after the baseline."""

    subject: str
    baseline: date
    responses: tuple[ScanResponse, ...]
    cautions: tuple[str, ...]


def pet_responses(
    subjects: Iterable[SubjectScans],
    criteria: PetCriteria,
    comparability: Comparability | None,
    options: PercistOptions | None = None,
) -> Iterator[SubjectPetResponse]:
    """Responses of each participant: every later scan against the baseline.

    Raises
    ------
    Problems
        No scan before the treatment, or none after; new lesions at baseline, or cycles before it; a lesion that appears
        later and is not called new, or changes its role; EORTC without the number of cycles before a scan.
    """
    chosen = replace(options or PercistOptions(), comparability=comparability)
    for one in subjects:
        first, missing = 0, ""
        cautions: tuple[str, ...]
        cautions = (f"no treatment_start: the earliest scan, {one.scans[0].day}, is the baseline",)
        if one.treatment_start is not None:
            first, cautions, missing = baseline_at([scan.day for scan in one.scans], one.treatment_start)
        baseline, *later = one.scans[first:]
        if faults := _faults(baseline, later, missing):
            raise Problems(one.subject, [Problem(one.subject, fault) for fault in faults])
        yield SubjectPetResponse(
            one.subject,
            baseline.day,
            tuple(ScanResponse(two.day, _response(one.subject, baseline, two, criteria, chosen)) for two in later),
            tuple(dict.fromkeys((*cautions, *_remarks(one.scans, baseline, later, criteria)))),
        )


def _remarks(
    scans: tuple[SubjectScan, ...], baseline: SubjectScan, later: list[SubjectScan], criteria: PetCriteria
) -> Iterator[str]:
    yield from (scan.caution for scan in scans if scan.caution)
    if criteria == "percist":
        for scan in later:
            yield from (f"{scan.day}: {gap}" for gap in gaps(baseline.scan, scan.scan))


def _faults(baseline: SubjectScan, later: list[SubjectScan], missing: str) -> list[str]:
    if missing:
        return [missing]
    found = [] if later else [f"no scan after the baseline of {baseline.day}"]
    if baseline.scan.new_lesions:
        found.append(f"new lesions at baseline, {baseline.day}")
    if baseline.cycles:
        found.append(f"cycles is {baseline.cycles} on the first scan, {baseline.day}: the baseline is missing")
    known = {lesion.lesion_id for lesion in baseline.scan.lesions}
    for scan in later:
        strange = [lesion.lesion_id for lesion in scan.scan.lesions if lesion.lesion_id not in known]
        found += [f"{scan.day}: lesion {name} was not there at baseline; then its role is new" for name in strange]
        moved = _names(scan.targets) ^ (_names(baseline.targets) & _names(scan.scan))
        found += [f"{scan.day}: lesion {name} changes its role" for name in sorted(moved.difference(strange))]
    return found


def _names(scan: PetScan) -> set[str]:
    return {lesion.lesion_id for lesion in scan.lesions}


def _response(
    subject: str,
    baseline: SubjectScan,
    later: SubjectScan,
    criteria: PetCriteria,
    options: PercistOptions,
) -> PercistResponse | EortcResponse:
    if criteria == "percist":
        return _with_doubts(percist(baseline.scan, later.scan, options), later.doubtful)
    if later.cycles is None:
        message = f"cycles is not given on {later.day}: the fall that EORTC asks for depends on it"
        raise Problems(subject, [Problem(subject, message, "write the number of treatment cycles before that scan")])
    summed = eortc(
        baseline.targets,
        later.targets,
        first_cycle=later.cycles == 1,
        longest_increase_percent=later.longest_increase_percent,
        comparability=options.comparability,
        unit=later.unit,
    )
    return _with_doubts(summed, later.doubtful)


def _with_doubts(response: _Response, doubtful: tuple[str, ...]) -> _Response:
    """NE where a lesion that may be new could change what was found; progression stands."""
    if not doubtful or response.category in ("PMD", "NE"):
        return response
    said = "; ".join(f"{name} may be new and was not assessable" for name in doubtful)
    return replace(response, category="NE", because=f"not assessable: {said}")
