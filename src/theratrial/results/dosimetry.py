"""What else is known of a region's dose: routes, engines, curves, biology, volumes, uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

from theratrial.trace import Quantity, Trace


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Activity of a region at one scan."""

    imaging_id: str
    hours_after: float
    activity_MBq: Quantity
    volume_mL: Quantity


@dataclass(frozen=True, slots=True)
class PlanarPoint:
    """Activity of a region in one whole-body view, or why there is none."""

    imaging_id: str
    hours_after: float
    activity_MBq: Quantity
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RouteResult:
    """The same region by another route from counts to activity."""

    route: str
    """``planar`` or ``hybrid``."""
    points: tuple[PlanarPoint, ...]
    determinacy: str
    determinacy_reason: str
    time_integrated_activity_MBq_h: Quantity
    difference_percent: Quantity
    """Of the time-integrated activity against the route that is reported."""


@dataclass(frozen=True, slots=True)
class WholeBodyPoint:
    """Net whole-body count rate of one planar scan, geometric mean of both views."""

    imaging_id: str
    hours_after: float
    net_rate_cps: Quantity


@dataclass(frozen=True, slots=True)
class WholeBody:
    """Clearance of the whole body in a session, by planar counts."""

    points: tuple[WholeBodyPoint, ...]
    effective_half_life_h: Quantity
    time_integrated_activity_MBq_h: Quantity
    """With all that was administered in the body at injection."""


@dataclass(frozen=True, slots=True)
class ViewAlignment:
    """A later whole-body view laid on the first of the session: where the patient lay, and how well both fit."""

    imaging_id: str
    """The later view."""
    onto: str
    down_mm: Quantity
    right_mm: Quantity
    rotation_deg: float | None
    correlation_before: float | None
    correlation_after: float | None
    refused_because: str
    """Why the registration is not to be trusted; empty where it is accepted."""


@dataclass(frozen=True, slots=True)
class CurveAlternative:
    """The same points by another way of integrating."""

    curve_method: str
    title: str
    time_integrated_activity_MBq_h: Quantity
    flag: str
    """What speaks against it here (outside its window); empty where nothing is known to."""


@dataclass(frozen=True, slots=True)
class PopulationFit:
    """The points weighed with published kinetics."""

    prior: str
    prior_region: str
    time_integrated_activity_MBq_h: Quantity
    absorbed_dose_Gy: Quantity
    data_share: float
    """Share of the prior's spread that the points took away: 0 nothing, 1 everything."""
    band_h_MBq: tuple[tuple[float, float, float, float], ...]
    """(hours, lower, median, upper) of the activity [MBq], for the figure."""
    warning: str
    """Why the fit is not to be trusted (points that contradict the prior); empty where nothing says so."""


@dataclass(frozen=True, slots=True)
class EngineDose:
    """The same time-integrated activity by one way to absorbed dose."""

    engine: str
    """``local_deposition``, ``s_values``, ``sphere`` or ``voxel_kernel``."""
    absorbed_dose_Gy: Quantity
    electron_Gy: float | None
    photon_self_Gy: float | None
    """From photons emitted in the region."""
    photon_cross_Gy: float | None
    """From photons emitted elsewhere; None where the engine does not tell them apart or lacks them."""
    alpha_Gy: float | None
    difference_percent: float | None
    """Against local deposition."""
    because: str
    """What makes the difference, in words."""


@dataclass(frozen=True, slots=True)
class BiologicalDose:
    """Biologically effective dose and the equivalent in 2 Gy fractions."""

    bed_Gy: Quantity
    eqd2_Gy: Quantity
    alpha_beta_Gy: float
    repair_half_life_h: float
    citation: str


@dataclass(frozen=True, slots=True)
class DoseVolume:
    """Dose-volume histogram of a region in the voxel dose map."""

    mean_Gy: Quantity
    d98_Gy: float
    """At least this in 98 % of the volume."""
    d50_Gy: float
    d2_Gy: float
    curve: tuple[tuple[float, float], ...]
    """(dose [Gy], share of the volume with at least that dose)."""


@dataclass(frozen=True, slots=True)
class UncertaintyPart:
    """One contribution to the uncertainty of the absorbed dose."""

    part: str
    relative_sd: float
    share_of_variance: float
    why: str


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Where the uncertainty of an absorbed dose comes from (EANM 2018)."""

    parts: tuple[UncertaintyPart, ...]
    """The largest first."""
    not_in_interval: tuple[str, ...]
    would_help_most: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class Exceedance:
    """Probability that an organ's dose is above its limit, by published kinetics and this participant's points."""

    limit_Gy: float
    so_far_probability: Quantity
    with_next_session_probability: Quantity


@dataclass(frozen=True, slots=True)
class DoseDetails:
    """Everything beside the reported dose of a region in a session; what was not computed is empty or None."""

    routes: tuple[RouteResult, ...] = ()
    alternatives: tuple[CurveAlternative, ...] = ()
    population: PopulationFit | None = None
    engines: tuple[EngineDose, ...] = ()
    biological: BiologicalDose | None = None
    dose_volume: DoseVolume | None = None
    uncertainty: Uncertainty | None = None
