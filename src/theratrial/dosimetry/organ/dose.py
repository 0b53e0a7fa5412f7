"""Absorbed dose of an organ as the sum over source regions (MIRD 21; docs/methods/organ_dose.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.dosimetry.organ.parts import patient_s_value, reference_mass_g, remainder_s_value, told_apart
from theratrial.dosimetry.transport.values import SValue, SValueTable
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.trace import Trace

VERSION: Final = "1"
REMAINDER: Final = "remainder"
"""Name of the source region that is the body without the other sources."""

Kind = Literal["electron_self", "electron_cross", "photon_self", "photon_cross", "alpha"]


@dataclass(frozen=True, slots=True)
class SourceActivity:
    """Time-integrated activity of a source region.

    Parameters
    ----------
    time_integrated_activity_MBq_h
        None where it is not known: the doses it adds to are then named as missing, never zero.
    relative_sd
        What is the region's own (fit, volume, counts); None means not known.
    source
        For the trace.
    """

    region: str
    time_integrated_activity_MBq_h: float | None
    relative_sd: float | None = None
    source: str = "given:"

    def __post_init__(self) -> None:
        tia = self.time_integrated_activity_MBq_h
        if tia is not None and not (math.isfinite(tia) and tia >= 0):
            raise InputError(f"source {self.region}: time-integrated activity {tia} MBq h cannot be")
        if self.relative_sd is not None and not (math.isfinite(self.relative_sd) and self.relative_sd >= 0):
            raise InputError(f"source {self.region}: relative standard deviation {self.relative_sd} cannot be")


@dataclass(frozen=True, slots=True)
class DosePart:
    """Absorbed dose of the target from one source and one kind of radiation."""

    source: str
    kind: Kind
    absorbed_dose_Gy: float
    table_relative_sd: float
    """Statistics of the S value."""


@dataclass(frozen=True, slots=True)
class OrganDose:
    """Absorbed dose of a target region from all sources."""

    target: str
    parts: tuple[DosePart, ...]
    missing: tuple[str, ...]
    """Sources and pairs that the sum lacks, in words."""
    relative_sd: float | None
    """Of the known parts; None where a contribution's size is not known."""
    not_in_interval: tuple[str, ...]
    notes: tuple[str, ...]
    patient_mass_g: float
    reference_mass_g: float
    parts_known: bool
    """False where the table prints totals and we told electrons and photons apart."""
    trace: Trace

    def part_Gy(self, *kinds: Kind, source: str | None = None) -> float:
        """Sum of the parts of these kinds (all but alpha where none is named), of one source where one is [Gy]."""
        wanted = kinds or ("electron_self", "electron_cross", "photon_self", "photon_cross")
        return math.fsum(
            part.absorbed_dose_Gy
            for part in self.parts
            if part.kind in wanted and (source is None or part.source == source)
        )

    @property
    def known_Gy(self) -> float:
        """Electrons and photons from the sources that are known [Gy]: at least this much where something is missing."""
        return self.part_Gy()

    @property
    def absorbed_dose_Gy(self) -> float | None:
        """Electrons and photons from all sources [Gy]; None where one is missing."""
        return None if self.missing else self.known_Gy

    @property
    def alpha_Gy(self) -> float:
        """Absorbed dose of alpha particles, unweighted, in no other sum [Gy]."""
        return self.part_Gy("alpha")


def remainder_activity(whole_body: SourceActivity, sources: Sequence[SourceActivity]) -> SourceActivity:
    """Time-integrated activity of the body without the sources; not known where one of them is not.

    Raises
    ------
    InputError
        If the sources hold more than the whole body, or one stands twice.
    """
    regions = [source.region for source in sources]
    if twice := sorted({region for region in regions if regions.count(region) > 1}):
        raise InputError(f"sources {', '.join(twice)} stand twice")
    values = [source.time_integrated_activity_MBq_h for source in sources]
    whole = whole_body.time_integrated_activity_MBq_h
    known = [value for value in values if value is not None]
    text = f"value:{whole_body.source} without {', '.join(regions) or 'nothing'}"
    if whole is None or len(known) != len(values):
        return SourceActivity(REMAINDER, None, None, text)
    rest = whole - math.fsum(known)
    if rest < 0:
        raise InputError(
            f"the sources hold {math.fsum(known):.5g} MBq h, the whole body only {whole:.5g} MBq h; "
            "check the whole-body counts and the regions for overlap"
        )
    sds = [(source.relative_sd, value) for source, value in zip(sources, known, strict=True)]
    sds.append((whole_body.relative_sd, whole))
    spread = None
    if rest > 0 and all(sd is not None for sd, _ in sds):
        spread = math.hypot(*((sd or 0.0) * value for sd, value in sds)) / rest
    return SourceActivity(REMAINDER, rest, spread, text)


def _s_value(
    table: SValueTable, target: str, source: str, explicit: tuple[str, ...], nuclide: Nuclide
) -> tuple[SValue, tuple[str, ...]]:
    if source != REMAINDER:
        return told_apart(table, target, source, nuclide), ()
    remainder = remainder_s_value(table, target, explicit, nuclide)
    return remainder.value, tuple(
        f"{target} <- remainder: the {kind} part came out below zero by rounding of the table and is taken as 0"
        for kind in remainder.rounded_to_zero
    )


def _parts(source: SourceActivity, value: SValue, is_self: bool) -> list[DosePart]:
    tia = source.time_integrated_activity_MBq_h or 0.0
    electron: Kind = "electron_self" if is_self else "electron_cross"
    photon: Kind = "photon_self" if is_self else "photon_cross"
    made: list[tuple[Kind, float, float]] = [
        (electron, value.electron_Gy_per_MBq_h, 0.0),
        (photon, value.photon_Gy_per_MBq_h, value.photon_relative_sd),
        ("alpha", value.alpha_Gy_per_MBq_h, 0.0),
    ]
    return [DosePart(source.region, kind, tia * s, sd) for kind, s, sd in made if s > 0]


def _mass_slope(parts: Sequence[DosePart]) -> float:
    """Dose change per relative mass change: self electrons go as -1, self photons as -2/3 [Gy]."""
    slopes = {"electron_self": 1.0, "photon_self": 2 / 3}
    return math.fsum(slopes.get(part.kind, 0.0) * part.absorbed_dose_Gy for part in parts)


def _relative_sd(
    parts: Sequence[DosePart],
    sources: Sequence[SourceActivity],
    common_relative_sd: float | None,
    mass_relative_sd: float | None,
) -> float | None:
    beta = [part for part in parts if part.kind != "alpha"]
    total = math.fsum(part.absorbed_dose_Gy for part in beta)
    if total <= 0:
        return None
    terms = [part.table_relative_sd * part.absorbed_dose_Gy for part in beta]
    for source in sources:
        terms.append(
            (source.relative_sd or 0.0)
            * math.fsum(part.absorbed_dose_Gy for part in beta if part.source == source.region)
        )
    terms.append((common_relative_sd or 0.0) * total)
    terms.append((mass_relative_sd or 0.0) * _mass_slope(beta))
    return math.hypot(*terms) / total


def organ_dose(
    target: str,
    sources: Sequence[SourceActivity],
    table: SValueTable,
    nuclide: Nuclide,
    *,
    patient_masses_g: Mapping[str, float] | None = None,
    common_relative_sd: float | None = None,
    mass_relative_sd: float | None = None,
    sources_wanted: Sequence[str] = (),
) -> OrganDose:
    """Absorbed dose of a target [Gy]: sum of time-integrated activity times S, the self term at the patient's mass.

    Assumes uniform activity in each source, the phantom's distances between organs, and an unchanged mass between
    scans. A remainder of the body is a source named ``remainder``; its S value is corrected for the other sources.

    Parameters
    ----------
    patient_masses_g
        Region -> the patient's mass [g]; a target that is not in it keeps the phantom's, and a note says so.
    common_relative_sd
        Shared by all sources (calibration); None means not known.
    mass_relative_sd
        Of the target's mass, where it is independent of the activities; None means not known. Where both come from one
        outline use `theratrial.dosimetry.uncertainty`, which carries their covariance.
    sources_wanted
        Regions that the protocol wants counted; those without an activity are named as missing.

    Raises
    ------
    InputError
        If a source stands twice or within another, table and nuclide differ, or the target is not in the table at all.

    References
    ----------
    Bolch WE et al., MIRD pamphlet No. 21, J Nucl Med 2009;50:477.
    """
    if table.nuclide != nuclide.name:
        raise InputError(f"the S table is of {table.nuclide}, the activities are of {nuclide.name}")
    regions = [source.region for source in sources]
    if twice := sorted({region for region in regions if regions.count(region) > 1}):
        raise InputError(f"target {target}: sources {', '.join(twice)} stand twice")
    if "total_body" in regions and len(regions) > 1:
        others = ", ".join(region for region in regions if region != "total_body")
        raise InputError(
            f"target {target}: total_body holds {others} too and they would count twice; "
            f"give the remainder of the body (remainder_activity) in its place"
        )
    if not any(pair[0] == target for pair in table.values):
        raise InputError(f"S table {table.source} has no target {target}; its targets: {_targets(table)}")
    reference_g = reference_mass_g(table, target)
    patient_g = (patient_masses_g or {}).get(target, reference_g)
    explicit = tuple(region for region in regions if region not in (REMAINDER, "total_body"))
    missing = [f"{wanted}: no activity was given" for wanted in sources_wanted if wanted not in regions]
    notes = [] if patient_masses_g and target in patient_masses_g else [f"mass of the phantom used, {reference_g:g} g"]
    if not table.parts_known:
        notes.append("electrons and photons told apart by us: own electrons as Delta/m, the rest of each cell photons")
    parts: list[DosePart] = []
    for source in sources:
        if source.time_integrated_activity_MBq_h is None:
            missing.append(f"{source.region}: its time-integrated activity is not known")
            continue
        try:
            value, said = _s_value(table, target, source.region, explicit, nuclide)
        except (InputError, NumericalError) as error:
            missing.append(f"{target} <- {source.region}: {error}")
            continue
        is_self = source.region == target
        value = patient_s_value(value, is_self=is_self, reference_mass_g=reference_g, patient_mass_g=patient_g)
        parts.extend(_parts(source, value, is_self))
        notes.extend(said)
    return OrganDose(
        target=target,
        parts=tuple(parts),
        missing=tuple(missing),
        relative_sd=_relative_sd(parts, sources, common_relative_sd, mass_relative_sd),
        not_in_interval=_not_in_interval(table, sources, common_relative_sd, mass_relative_sd),
        notes=(*notes, *table.notes),
        patient_mass_g=patient_g,
        reference_mass_g=reference_g,
        parts_known=table.parts_known,
        trace=Trace(
            method="dosimetry.organ_dose",
            version=VERSION,
            inputs={
                "s_table": table.source,
                "nuclide": nuclide.source,
                "mass": f"given:{patient_g!r} g",
                **{f"source {source.region}": f"{source.source}" for source in sources},
            },
        ),
    )


def _targets(table: SValueTable) -> str:
    return ", ".join(sorted({target for target, _ in table.values}))


def _not_in_interval(
    table: SValueTable,
    sources: Sequence[SourceActivity],
    common_relative_sd: float | None,
    mass_relative_sd: float | None,
) -> tuple[str, ...]:
    unknown = [f"uncertainty of the time-integrated activity of {s.region}" for s in sources if s.relative_sd is None]
    if common_relative_sd is None:
        unknown.append("uncertainty of the calibration")
    if mass_relative_sd is None:
        unknown.append("uncertainty of the target's mass")
    if not table.statistics_known:
        unknown.append("statistics of the S values")
    return (*(f"{what} (not known)" for what in unknown), "the patient's anatomy against the phantom's (not known)")
