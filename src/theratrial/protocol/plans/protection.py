"""Radiation protection when a treated participant goes home."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat

from theratrial.protocol.clauses import Name, NonEmpty, Strict


class ProtectionPlan(Strict):
    """By which limit participants leave, and how long contact is restricted."""

    release_limit: Name
    """Row of the shipped table of release criteria, which says country, date and source."""
    constraints: Name
    """Row of the shipped table of dose constraints for household and public."""
    kinetics: Literal["measured_dose_rates", "whole_body_counts"]
    """What the fall of the dose rate is fitted to; without it nothing is predicted faster than physical decay."""
    minimum_measurements: int = Field(default=2, ge=1)
    attenuation_fraction: float = Field(default=1.0, gt=0, le=1)
    """Share of the unshielded dose rate that leaves the body, where no dose rate was measured."""
    safety_margin_fraction: float = Field(default=0.0, ge=0)
    """Added to the dose rate before restrictions are computed."""
    contraception_months: PositiveFloat | None = None
    own_limit_uSv_per_h: PositiveFloat | None = None
    """The limit itself, where `release_limit` names a row that has no established value (``ir_inra``, ``own``)."""
    own_limit_distance_m: PositiveFloat | None = None
    own_limit_citation: str = ""
    """Who established it and when; without it the limit is not established."""
    citation: NonEmpty
