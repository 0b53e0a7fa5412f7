"""Response criteria beside the protocol's own rule, and what is read of the tracer itself."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from theratrial.protocol.clauses import ADDED_LATER, Identifier, NonEmpty, Strict

LeanBodyMass = Literal["james_128", "morgan_120", "janmahasatian"]
UptakeBy = Literal["lean_body_mass", "body_weight", "body_surface_area"]


class RecistPlan(Strict):
    """RECIST 1.1 on ``tumour_measurements``; each place that the paper leaves open is an answer here."""

    partial_stays: Literal["once_confirmed", "once_assigned", "never"] = "once_confirmed"
    confirmation_days: PositiveInt | None = 28
    stable_days: int = Field(default=42, ge=0)
    not_evaluable_between: int = Field(default=1, ge=0)
    stable_between: bool = False
    too_small_mm: PositiveFloat = 5.0
    reappeared_progresses: Annotated[bool, ADDED_LATER] = True
    """Disease that is no node and is seen again after CR is PD at once; else by the sum."""
    normal_nodes_progress: Annotated[bool, ADDED_LATER] = False
    """Growth by the sum of nodes that all stay below 10 mm, every other target gone, is PD; else CR."""
    doubtful_dated: Annotated[Literal["first_seen", "confirmed"], ADDED_LATER] = "first_seen"
    """Day of the progression by a new lesion that was in doubt and is confirmed later."""
    partial_after_complete: Annotated[bool, ADDED_LATER] = False
    """PR after CR shows that the CR was PR, and counts so; else neither counts."""
    early_complete_progresses: Annotated[bool, ADDED_LATER] = False
    """CR and then SD or PR, none late enough for stable disease, is PD; else NE."""


class VolumeThreshold(Strict):
    """From what uptake a voxel of a drawn lesion counts to its metabolic volume."""

    kind: Literal["percent_of_maximum", "fixed", "times_liver"] = "percent_of_maximum"
    """Of the lesion's own maximum; an uptake in the measure of the criteria; times the liver reference's mean."""
    value: PositiveFloat = 41.0
    """The default is EANM's contour at 41 % of the maximum (FDG, version 2.0; not collated)."""

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        if self.kind == "percent_of_maximum" and self.value > 100:
            raise ValueError("a percentage of the maximum is at most 100")
        return self


class MetabolicPlan(Strict):
    """PERCIST 1.0 and EORTC 1999 on the lesions of the PET at both time points."""

    imaging_baseline: Identifier
    imaging_response: Identifier
    lean_body_mass: LeanBodyMass
    liver_region: NonEmpty | None = None
    """Region of the images in whose middle the 3 cm sphere of the reference is laid; None: no reference."""
    blood_pool_region: NonEmpty | None = None
    earliest_uptake_min: float | None = None
    latest_uptake_min: float | None = None
    """Of the scan after the injection; FDG's 50 and 70 min do not hold for an antibody."""
    volume_threshold: Annotated[VolumeThreshold, ADDED_LATER] = VolumeThreshold()
    """Of the metabolic volume and the total uptake that are told of each lesion; no category rests on them."""

    @model_validator(mode="after")
    def _liver_is_measured(self) -> Self:
        if self.volume_threshold.kind == "times_liver" and self.liver_region is None:
            raise ValueError("a volume threshold by the liver needs liver_region")
        return self


class EortcPlan(MetabolicPlan):
    """EORTC 1999, which PERCIST's measure of uptake does not bind."""

    uptake_by: Annotated[UptakeBy, ADDED_LATER] = "lean_body_mass"
    """The paper recommends body surface. Lean body mass is the default so that both criteria read the same uptake; at
    constant weight the change in percent, which alone is judged, is the same by all three."""


class HeterogeneityPlan(Strict):
    """How lesions without uptake are told, and what the share of them is called."""

    timepoint: Identifier
    known_from: tuple[Literal["ct", "fdg_pet", "other"], ...] = ("ct", "fdg_pet")
    """Images whose lesions are the whole; lesions seen on the tracer alone are counted beside."""
    positive_classes: tuple[Literal["visible", "high"], ...] = ("visible", "high")


class UptakeFallPlan(Strict):
    """When a fall of uptake may be blocking by cold antibody, and what else it may be."""

    blocking_days: PositiveFloat
    """Cold antibody given so few days before the response scan may block uptake."""
    citation: NonEmpty


class FurtherCriteria(Strict):
    """What is judged side by side with the protocol's rule. Never the endpoint: that is the rule of `response`."""

    recist_1_1: RecistPlan | None = None
    percist_1_0: MetabolicPlan | None = None
    eortc_1999: EortcPlan | None = None
    heterogeneity: HeterogeneityPlan | None = None
    uptake_fall: UptakeFallPlan | None = None
