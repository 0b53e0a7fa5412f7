"""The PETs of a participant by lean body mass: lesions, liver and blood pool, and what makes two scans comparable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from theratrial.errors import TheratrialError
from theratrial.imaging.values import Region
from theratrial.pipeline.scans import PetScan
from theratrial.protocol.plans.criteria import EortcPlan, MetabolicPlan, UptakeBy, VolumeThreshold
from theratrial.response import LesionUptake
from theratrial.response.lean_body_mass import LeanMass
from theratrial.response.pet.scans import Reference
from theratrial.response.reference_region import ReferenceMeasure, blood_pool_reference, liver_reference
from theratrial.response.threshold import METHOD as VOLUME_METHOD
from theratrial.response.threshold import VERSION as VOLUME_VERSION
from theratrial.response.threshold import Threshold, threshold_volume
from theratrial.response.uptake_measure import TITLES, UptakeMeasure, uptake_measure
from theratrial.results.criteria import CriteriaLesion, ReferenceUptake, VolumeAbove
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import Row, TrialFolder

METHOD: Final = "response.uptake_by_lean_body_mass"
VERSION: Final = "1"

_BY_DEFAULT: Final = VolumeThreshold()
_SEX: Final = {"female": "F", "male": "M"}


@dataclass(frozen=True, slots=True)
class SulScan:
    """A PET by lean body mass; `refused` says why nothing can be measured on it."""

    timepoint: str
    on: date | None
    scan: PetScan | None
    mass: LeanMass | None
    factor: float
    """Uptake by the plan's measure (lean body mass; EORTC may name another) over SUV by body weight; 0: `refused`."""
    lesions: Mapping[str, LesionUptake | str]
    """Name of the region, case folded -> its uptake by body weight, or why it has none."""
    references: tuple[ReferenceUptake, ...]
    inputs: Mapping[str, str]
    refused: str = ""
    unit: str = "g/mL"
    volume_threshold: VolumeThreshold = _BY_DEFAULT
    rule: str = ""
    """Place of the clause that holds the threshold."""
    demonstration: tuple[str, ...] = ()
    """What the clause rests on."""

    def reference(self, region: str) -> Reference | None:
        """Mean and standard deviation of ``liver`` or ``blood_pool``; None where it was not measured."""
        for one in self.references:
            if one.region == region and one.mean.value is not None and one.sd.value is not None:
                return Reference(one.mean.value, one.sd.value)
        return None

    def lesion(self, row: Row) -> CriteriaLesion | None:
        """The lesion that a reader's line names; None where it names no region or the region has no uptake."""
        found = self.lesions.get((row["region_name"] or "").casefold())
        if not isinstance(found, LesionUptake):
            return None
        trace = Trace(METHOD, VERSION, {**found.trace.inputs, **self.inputs, "reading": row.source})
        total = found.volume_mL * found.suv_mean_g_per_mL * self.factor

        def sul(value: float | None) -> Quantity:
            return Quantity(None if value is None else value * self.factor, self.unit, trace, note=found.note)

        return CriteriaLesion(
            lesion_id=row["lesion_id"],
            timepoint=self.timepoint,
            peak=sul(None if found.peak is None else found.peak.suv_g_per_mL),
            maximum=sul(found.suv_max_g_per_mL),
            mean=sul(found.suv_mean_g_per_mL),
            volume_mL=Quantity(found.volume_mL, "mL", trace),
            total_g=Quantity(total, self.unit.removesuffix("/mL"), trace),
            above=self._above((row["region_name"] or "").casefold(), trace),
        )

    def _above(self, name: str, lesion: Trace) -> VolumeAbove | None:
        """What of a drawn region lies above the plan's threshold."""
        if self.scan is None:
            return None
        rule, liver = self.volume_threshold, self.reference("liver")
        inputs = {**lesion.inputs, "threshold": f"{self.rule}.volume_threshold"}
        if rule.kind == "times_liver":
            inputs["liver"] = next(
                (one.mean.trace.inputs.get("region", "") for one in self.references if one.region == "liver"), ""
            )
        trace = Trace(VOLUME_METHOD, VOLUME_VERSION, inputs, demonstration=self.demonstration)
        units = (self.unit, "mL", self.unit.removesuffix("/mL"))
        # The image is by body weight: a fixed threshold, and the liver's mean, are in the measure of the criteria.
        kind = "times_reference" if rule.kind == "times_liver" else rule.kind
        value = rule.value / self.factor if rule.kind == "fixed" else rule.value
        reference = None if liver is None else liver.mean / self.factor
        try:
            region = self.scan.regions[name]
            found = threshold_volume(
                self.scan.suv.suv_g_per_mL, region, Threshold(kind, value), reference_g_per_mL=reference
            )
        except TheratrialError as error:
            return VolumeAbove(*(Quantity(None, unit, trace, note=str(error)) for unit in units))
        values = (found.threshold_g_per_mL * self.factor, found.volume_mL, found.total_g * self.factor)
        return VolumeAbove(*(Quantity(one, unit, trace) for one, unit in zip(values, units, strict=True)))


def refused_scan(timepoint: str, why: str) -> SulScan:
    """A scan on which nothing can be measured, and why."""
    return SulScan(timepoint, None, None, None, 0.0, {}, (), {}, why)


def sul_scan(
    folder: TrialFolder, participant_id: str, scan: PetScan, rows: Sequence[Row], plan: MetabolicPlan
) -> SulScan:
    """A PET by the plan's measure, with the regions that the readers' lines name and the references of the protocol."""
    by: UptakeBy = plan.uptake_by if isinstance(plan, EortcPlan) else "lean_body_mass"
    timepoint = scan.image.plan.timepoint
    person = folder.rows("participants", participant_id=participant_id)[0]
    weight_kg = scan.suv.certificate.weight_kg
    height_cm = person["height_cm"]
    if weight_kg is None or (height_cm is None and by != "body_weight"):
        missing = "weight" if weight_kg is None else "height"
        return refused_scan(timepoint, f"the {missing} is not recorded, so that there is no uptake by {TITLES[by]}")
    try:
        measure = uptake_measure(
            by,
            plan.lean_body_mass,
            weight_kg=weight_kg,
            height_cm=height_cm,
            sex=_SEX.get(person["sex"], person["sex"]),
        )
    except TheratrialError as error:
        return refused_scan(timepoint, str(error))
    inputs = {**scan.suv.trace.inputs, **scan.inputs, "height": person.source}
    drawn = {
        name: scan.regions[name] for row in rows if (name := (row["region_name"] or "").casefold()) in scan.regions
    }
    lesions = {name: scan.uptake(name) for name in drawn}
    at = scan.suv.acquired_at
    return SulScan(
        timepoint,
        None if at is None else at.astimezone(folder.zone).date(),
        scan,
        measure.mass,
        measure.factor,
        lesions,
        tuple(_references(scan, plan, tuple(drawn.values()), measure, inputs)),
        inputs,
        unit=measure.unit,
    )


def _references(
    scan: PetScan, plan: MetabolicPlan, lesions: Sequence[Region], by: UptakeMeasure, inputs: Mapping[str, str]
) -> list[ReferenceUptake]:
    asked: tuple[tuple[str, str | None, Callable[..., ReferenceMeasure]], ...] = (
        ("liver", plan.liver_region, liver_reference),
        ("blood_pool", plan.blood_pool_region, blood_pool_reference),
    )
    return [
        _reference(scan, name, drawn, measure, lesions, by, inputs)
        for name, drawn, measure in asked
        if drawn is not None
    ]


def _reference(
    scan: PetScan,
    name: str,
    drawn: str,
    measure: Callable[..., ReferenceMeasure],
    lesions: Sequence[Region],
    by: UptakeMeasure,
    inputs: Mapping[str, str],
) -> ReferenceUptake:
    region = scan.regions.get(drawn.casefold())
    trace = Trace("response.reference_region", "1", dict(inputs))
    why = f"region {drawn!r} is not drawn on the PET"
    if region is not None:
        trace = Trace(trace.method, trace.version, {**inputs, "region": f"{region.source.content_hash}#{region.name}"})
        try:
            found = measure(scan.suv.suv_g_per_mL, region, avoid=lesions)
        except TheratrialError as error:
            why = str(error)
        else:
            x, y, z = found.centre_mm
            return ReferenceUptake(
                scan.image.plan.timepoint,
                name,
                Quantity(found.mean * by.factor, by.unit, trace),
                Quantity(found.sd * by.factor, by.unit, trace),
                f"in region {region.name}, {found.volume_mL:.1f} mL around x {x:.0f}, y {y:.0f}, z {z:.0f} mm",
            )
    nothing = Quantity(None, by.unit, trace, note=why)
    return ReferenceUptake(scan.image.plan.timepoint, name, nothing, nothing, why)
