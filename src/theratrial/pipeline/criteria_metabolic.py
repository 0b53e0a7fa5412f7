"""PERCIST 1.0 and EORTC 1999 on the lesions that the readers read, for one participant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.pipeline.criteria_readers import Read, of_readers
from theratrial.pipeline.criteria_scans import SulScan
from theratrial.protocol.plans.criteria import UptakeBy
from theratrial.response.lean_body_mass import TITLES
from theratrial.response.pet.eortc import METHOD as EORTC_METHOD
from theratrial.response.pet.eortc import VERSION as EORTC_VERSION
from theratrial.response.pet.eortc import eortc
from theratrial.response.pet.percist import (
    METHOD as PERCIST_METHOD,
)
from theratrial.response.pet.percist import (
    VERSION as PERCIST_VERSION,
)
from theratrial.response.pet.percist import (
    PercistOptions,
    gaps,
    percist,
)
from theratrial.response.pet.scans import Comparability, PetLesion, PetScan
from theratrial.response.uptake_measure import TITLES as TITLES_OF_MEASURES
from theratrial.results.criteria import CriteriaAssessment, CriteriaLesion, CriteriaOption, CriteriaResult
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import Row

MetabolicId = Literal["percist_1_0", "eortc_1999"]

TITLE: Final[Mapping[MetabolicId, str]] = {"percist_1_0": "PERCIST 1.0", "eortc_1999": "EORTC 1999"}
_METHOD: Final = {
    "percist_1_0": (PERCIST_METHOD, PERCIST_VERSION),
    "eortc_1999": (EORTC_METHOD, EORTC_VERSION),
}
_WHY_BY: Final[Mapping[UptakeBy, str]] = {
    "lean_body_mass": "the paper takes body surface; at constant weight changes in percent are the same",
    "body_weight": "the paper takes body surface; at constant weight changes in percent are the same",
    "body_surface_area": "as the paper recommends",
}
_LIVER: Final = "liver"
_FDG_DIFFERENCE_min: Final = 15.0
_BEYOND: Final = 1.05
"""SULpeak over the lesion's own maximum from which the sphere plainly measures something else."""


@dataclass(frozen=True, slots=True)
class Tracer:
    """What the criteria are applied to, and how their limits are read for it."""

    name: str
    is_fdg: bool
    comparability: Comparability
    options: tuple[CriteriaOption, ...]
    """How the limits are read, with the reasons."""


@dataclass(frozen=True, slots=True)
class MetabolicCase:
    """One participant under one set of criteria."""

    criteria: MetabolicId
    tracer: Tracer
    baseline: SulScan
    response: SulScan
    baseline_rows: tuple[Row, ...]
    response_rows: tuple[Row, ...]
    sessions_given: int
    uptake_by: UptakeBy
    """What uptake is measured by; lean body mass under PERCIST."""
    rule: str
    """Place of the clause."""
    demonstration: tuple[str, ...]


def metabolic_result(case: MetabolicCase, adjudication: Row | None) -> CriteriaResult:
    """The category by all readers; NE with the reason where the scans do not allow one."""
    for scan in (case.baseline, case.response):
        if scan.refused:
            return _result(case, "NE", f"not assessable: {scan.timepoint}: {scan.refused}")
    pairs = _pairs(case.baseline_rows, case.response_rows)
    if not pairs:
        return _result(case, "NE", "not assessable: nobody has read both images")
    reads = []
    for before, after in pairs:
        label = after if sum(after == other for _, other in pairs) == 1 else f"{after} with the baseline of {before}"
        reads.append(Read(label, after, _by_reader(case, before, after, label)))
    return of_readers(reads, adjudication, adjudicates="the lesions")


def _pairs(before: Sequence[Row], after: Sequence[Row]) -> list[tuple[str, str]]:
    """Readers at baseline and at response: her own baseline where she has one, else that of every reader of it."""
    first = sorted({row["reader"] for row in before})
    latest: dict[str, object] = {}
    for row in after:
        latest[row["reader"]] = max(latest.get(row["reader"], row["read_at"]), row["read_at"])
    # The latest reader comes last: hers are the lesions that are shown.
    readers = sorted(latest, key=lambda reader: (latest[reader], reader))
    return [(one, reader) for reader in readers for one in ((reader,) if reader in first else first)]


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reader's lesions on one scan."""

    scan: SulScan
    rows: tuple[Row, ...]

    def measured(self) -> dict[str, CriteriaLesion]:
        found = ((row["lesion_id"], self.scan.lesion(row)) for row in self.rows)
        return {lesion_id: lesion for lesion_id, lesion in found if lesion is not None}


def _by_reader(case: MetabolicCase, before: str, after: str, label: str) -> CriteriaResult:
    first = _Reading(case.baseline, tuple(row for row in case.baseline_rows if row["reader"] == before))
    last = _Reading(case.response, tuple(row for row in case.response_rows if row["reader"] == after))
    lesions = {"baseline": first.measured(), "response": last.measured()}
    diseased = any(row["site"] == _LIVER for row in (*first.rows, *last.rows))
    one = _pet_scan(case, first, lesions["baseline"], diseased=diseased, later=False)
    two = _pet_scan(case, last, lesions["response"], diseased=diseased, later=True)
    grown = _growth(first, last) if case.criteria == "eortc_1999" else {}
    found = _judged(case, one, two, max(grown.values(), default=None))
    inputs = _inputs((first, last))
    trace = Trace(*_METHOD[case.criteria], {**inputs, "rule": case.rule}, demonstration=case.demonstration)
    category, because = _with_doubts(found.category, found.because, first, last)
    change = None if found.change_percent is None else Quantity(found.change_percent, "percent", trace)
    assessments = (
        CriteriaAssessment(
            case.baseline.on,
            "",
            found.threshold,
            _quantity(found.before, case.baseline.unit, trace),
            None,
            case.baseline.timepoint,
            label,
        ),
        CriteriaAssessment(
            case.response.on,
            category,
            because,
            _quantity(found.after, case.response.unit, trace),
            change,
            case.response.timepoint,
            label,
        ),
    )
    return _result(
        case,
        category,
        because,
        reader=label,
        assessments=assessments,
        lesions=tuple(
            lesion
            for when, scan in (("baseline", one), ("response", two))
            for lesion in lesions[when].values()
            if lesion.lesion_id in {judged.lesion_id for judged in scan.lesions} or lesion.lesion_id in scan.new_lesions
        ),
        cautions=(*_cautions(case, one, two, last), *_extent(case, one, grown), *_beyond(case, lesions)),
        diseased=diseased,
        trace=trace,
    )


def _quantity(value: float | None, unit: str, trace: Trace) -> Quantity | None:
    return None if value is None else Quantity(value, unit, trace)


def _inputs(readings: Sequence[_Reading]) -> dict[str, str]:
    inputs: dict[str, str] = {}
    for when, reading in zip(("baseline", "response"), readings, strict=True):
        inputs |= {f"{when} {name}": where for name, where in reading.scan.inputs.items()}
        inputs |= {f"{when} {row['lesion_id']}": row.source for row in reading.rows}
    return inputs


def _pet_scan(
    case: MetabolicCase, reading: _Reading, measured: Mapping[str, CriteriaLesion], *, diseased: bool, later: bool
) -> PetScan:
    """One reader's scan as the criteria take it; new lesions are named and not compared."""
    scan = reading.scan.scan
    assert scan is not None
    lesions = []
    for row in reading.rows:
        if later and row["role"] == "new":
            continue
        if case.criteria == "eortc_1999" and row["role"] != "target":
            continue
        found = measured.get(row["lesion_id"])
        uptake = None if found is None or row["status"] == "not_assessable" else _judged_uptake(case, found)
        gone = {"resolved": True, "present": False}.get(row["status"])
        total = None if found is None else found.total_g.value
        lesions.append(PetLesion(row["lesion_id"], uptake, gone, total))
    new = tuple(row["lesion_id"] for row in reading.rows if row["role"] == "new" and row["status"] == "present")
    hours = scan.image.hours_after
    made_by = scan.scanner
    return PetScan(
        tuple(lesions),
        new_lesions=new if later else (),
        liver=reading.scan.reference("liver"),
        liver_diseased=diseased,
        blood_pool=reading.scan.reference("blood_pool"),
        uptake_min=None if hours is None else hours * 60,
        injected_MBq=scan.administered_MBq,
        scanner="" if made_by is None else ", ".join(filter(None, (made_by.model, made_by.software))),
        reconstruction="" if made_by is None else made_by.reconstruction,
    )


def _judged_uptake(case: MetabolicCase, lesion: CriteriaLesion) -> float | None:
    return lesion.peak.value if case.criteria == "percist_1_0" else lesion.maximum.value


@dataclass(frozen=True, slots=True)
class _Found:
    category: str
    because: str
    threshold: str
    before: float | None
    after: float | None
    change_percent: float | None


def _growth(first: _Reading, last: _Reading) -> dict[str, float]:
    """Change of the longest dimension of uptake [%] of each target for which the reader wrote it at both scans.

    What is resolved has no extent, and has not grown.
    """
    before = {row["lesion_id"]: row["longest_mm"] for row in first.rows if row["role"] == "target"}
    found = {}
    for row in last.rows:
        length = before.get(row["lesion_id"])
        if row["role"] != "target" or not length:
            continue
        now = 0.0 if row["status"] == "resolved" else row["longest_mm"]
        if now is not None and row["status"] != "not_assessable":
            found[row["lesion_id"]] = (now - length) / length * 100
    return found


def _judged(case: MetabolicCase, one: PetScan, two: PetScan, longest_increase_percent: float | None) -> _Found:
    if case.criteria == "percist_1_0":
        options = PercistOptions(comparability=case.tracer.comparability)
        got = percist(one, two, options)
        limit = got.measurable_from
        threshold = "" if limit is None else f"a lesion is measurable from SULpeak {limit:.2f} g/mL"
        return _Found(got.category, got.because, threshold, got.before, got.after, got.change_percent)
    summed = eortc(
        one,
        two,
        first_cycle=case.sessions_given == 1,
        longest_increase_percent=longest_increase_percent,
        comparability=case.tracer.comparability,
        unit=case.response.unit,
    )
    return _Found(summed.category, summed.because, "", summed.before, summed.after, summed.change_percent)


def _with_doubts(category: str, because: str, first: _Reading, last: _Reading) -> tuple[str, str]:
    """NE where a lesion in doubt could change what was found; progression stands."""
    if category in ("PMD", "NE"):
        return category, because
    known = {row["lesion_id"] for row in first.rows}
    doubts = []
    for row in last.rows:
        if row["role"] == "new" and row["status"] == "not_assessable":
            doubts.append(f"{row['lesion_id']} may be new and was not assessable")
        elif row["role"] != "new" and row["lesion_id"] not in known:
            doubts.append(f"{row['lesion_id']} was not read at baseline and is not called new")
    return ("NE", f"not assessable: {'; '.join(doubts)}") if doubts else (category, because)


def _cautions(case: MetabolicCase, one: PetScan, two: PetScan, last: _Reading) -> tuple[str, ...]:
    found = [
        scan.mass.caution for scan in (case.baseline, case.response) if scan.mass is not None and scan.mass.caution
    ]
    if not one.reconstruction or not two.reconstruction:
        found.append("the reconstruction of a scan is not named in its header: that both are alike is not known")
    limit = case.tracer.comparability.uptake_difference_min
    if limit is None and one.uptake_min is not None and two.uptake_min is not None:
        apart = abs(two.uptake_min - one.uptake_min)
        if apart > _FDG_DIFFERENCE_min:
            found.append(f"uptake times {apart:.3g} min apart; the criteria allow 15 for FDG")
    if case.criteria == "percist_1_0":
        found += gaps(one, two)
    unmeasured = [row["lesion_id"] for row in last.rows if row["status"] == "resolved" and not row["region_name"]]
    if unmeasured and case.criteria == "eortc_1999":
        found.append(f"resolved and not measured, so counted as no uptake: {', '.join(unmeasured)}")
    return tuple(dict.fromkeys(found))


def _extent(case: MetabolicCase, one: PetScan, grown: Mapping[str, float]) -> list[str]:
    """That growth in extent was not assessed, and of which lesions."""
    if case.criteria == "percist_1_0":
        return ["visible growth in extent is not asked of the readers: uptake and new lesions alone are judged"]
    without = [lesion.lesion_id for lesion in one.lesions if lesion.lesion_id not in grown]
    if not without:
        return []
    return [f"growth in extent is not assessed: no longest dimension at both scans of {', '.join(without)}"]


def _beyond(case: MetabolicCase, lesions: Mapping[str, Mapping[str, CriteriaLesion]]) -> list[str]:
    """Lesions whose sphere reaches into tissue hotter than themselves: the criteria see that tissue, not the lesion."""
    if case.criteria != "percist_1_0":
        return []
    return [
        f"{when}: SULpeak of {lesion.lesion_id} is above its own maximum: its sphere reaches into hotter tissue"
        for when, found in lesions.items()
        for lesion in found.values()
        if (lesion.peak.value or 0.0) > (lesion.maximum.value or 0.0) * _BEYOND
    ]


def _options(case: MetabolicCase, *, diseased: bool | None) -> tuple[CriteriaOption, ...]:
    mass = case.baseline.mass
    options = list(case.tracer.options)
    if mass is not None:
        why = "the criteria fix no formula; the protocol's clause names it"
        if mass.formula != "janmahasatian":
            why += "; it falls with weight in heavy persons, which Janmahasatian's does not"
        options.append(CriteriaOption("lean body mass", TITLES[mass.formula], why))
    options.append(_volume_option(case.baseline))
    if case.criteria == "eortc_1999":
        cycle = case.sessions_given == 1
        value = "at least 15 %" if cycle else "more than 25 %"
        options += [
            CriteriaOption("uptake", f"SUVmax by {TITLES_OF_MEASURES[case.uptake_by]}", _WHY_BY[case.uptake_by]),
            CriteriaOption(
                "fall of partial response", value, f"{case.sessions_given} sessions given; the paper asks by cycles"
            ),
        ]
        return tuple(options)
    options.append(
        CriteriaOption(
            "thresholds", "fall from 30 % and 0.8, rise above 30 % and 0.8", "table 7 of the paper, as printed"
        )
    )
    if diseased is not None:
        reference = (
            CriteriaOption(
                "reference",
                "blood pool, 2 x mean + 2 SD",
                "a lesion was read in the liver; the text adds 2 SD, the table not",
            )
            if diseased
            else CriteriaOption("reference", "liver, 1.5 x mean + 2 SD", "no lesion was read in the liver")
        )
        options.append(reference)
    return tuple(options)


def _volume_option(scan: SulScan) -> CriteriaOption:
    """From what uptake a voxel counts to the metabolic volume."""
    rule = scan.volume_threshold
    value = {
        "percent_of_maximum": f"from {rule.value:g} % of the lesion's maximum",
        "fixed": f"from {rule.value:g} {scan.unit}",
        "times_liver": f"from {rule.value:g} x the mean of the liver",
    }[rule.kind]
    return CriteriaOption("metabolic volume", value, "inside the contour as drawn; no category rests on it")


def _result(
    case: MetabolicCase,
    category: str,
    because: str,
    *,
    reader: str = "",
    assessments: tuple[CriteriaAssessment, ...] = (),
    lesions: tuple[CriteriaLesion, ...] = (),
    cautions: tuple[str, ...] = (),
    diseased: bool | None = None,
    trace: Trace | None = None,
) -> CriteriaResult:
    exploratory = not case.tracer.is_fdg
    return CriteriaResult(
        criteria=case.criteria,
        title=TITLE[case.criteria],
        exploratory=exploratory,
        category=category,
        controlled=None if category == "NE" else category != "PMD",
        because=because,
        reader=reader,
        assessments=assessments,
        options=_options(case, diseased=diseased),
        trace=trace or Trace(*_METHOD[case.criteria], {"rule": case.rule}, demonstration=case.demonstration),
        exploratory_because=f"made for FDG; no response criteria are validated for {case.tracer.name}"
        if exploratory
        else "",
        references=(*case.baseline.references, *case.response.references) if case.criteria == "percist_1_0" else (),
        lesions=lesions,
        cautions=cautions,
    )
