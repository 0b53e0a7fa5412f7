"""Biologically effective dose of a region from its own kinetics (docs/methods/biological_dose.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.dosimetry.exponentials import SumOfExponentials
from theratrial.errors import InputError, NumericalError
from theratrial.trace import Trace

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Radiobiology:
    """Linear-quadratic parameters of a tissue; they come from the protocol with their source, there are no defaults.

    Parameters
    ----------
    alpha_beta_Gy
        Ratio of the linear to the quadratic coefficient [Gy].
    repair_half_life_h
        Of sublethal damage, one exponential [h].
    source
        For a trace: the protocol's clause or the publication.
    demonstration
        Clause ids that are only demonstration assumptions.
    """

    alpha_beta_Gy: float
    repair_half_life_h: float
    source: str
    demonstration: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, value in (("alpha/beta [Gy]", self.alpha_beta_Gy), ("repair half-life [h]", self.repair_half_life_h)):
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{what} must be above 0, got {value}")
        if not self.source:
            raise InputError("radiobiological parameters say where they come from")

    @property
    def repair_per_h(self) -> float:
        """Rate constant of repair [1/h]."""
        return math.log(2) / self.repair_half_life_h


@dataclass(frozen=True, slots=True)
class BiologicalDose:
    """Absorbed dose of a session and what it is worth at infinitely low dose rate and in fractions of 2 Gy."""

    region: str
    absorbed_dose_Gy: float
    biologically_effective_dose_Gy: float
    dose_rate_factor: float
    """Lea-Catcheside G: 1 for a dose given at once, 0 for one given infinitely slowly."""
    parameters: Radiobiology
    trace: Trace

    @property
    def eqd2_Gy(self) -> float:
        """Dose in fractions of 2 Gy, each given at once and fully repaired, of the same effect [Gy]."""
        return eqd2_Gy(self.biologically_effective_dose_Gy, self.parameters.alpha_beta_Gy)


@dataclass(frozen=True, slots=True)
class CumulativeBiologicalDose:
    """Sum over the sessions of a region."""

    region: str
    absorbed_dose_Gy: float
    biologically_effective_dose_Gy: float
    eqd2_Gy: float
    sessions: int
    trace: Trace


def eqd2_Gy(biologically_effective_dose_Gy: float, alpha_beta_Gy: float) -> float:
    """Equieffective dose in 2 Gy fractions [Gy]: ``BED / (1 + 2 / (alpha/beta))``.

    Examples
    --------
    Thirty fractions of 2 Gy at alpha/beta 3 Gy, BED 100 Gy:

    >>> round(eqd2_Gy(100.0, 3.0), 9)
    60.0
    """
    return biologically_effective_dose_Gy / (1 + 2 / alpha_beta_Gy)


def dose_rate_factor(curve: SumOfExponentials, repair_per_h: float) -> float:
    """Lea-Catcheside factor G of a dose rate that is proportional to a sum of exponentials.

    With rates ``l_i`` and coefficients ``a_i``, ``D ~ sum a_i / l_i``,

        G = 2 / D^2 * sum_ij a_i a_j / ((l_i + l_j) (l_i + m)),

    which is finite for every repair rate ``m``, equal rates included; one exponential gives ``l / (l + m)``.

    Raises
    ------
    NumericalError
        If the integral of the curve is not positive.

    References
    ----------
    Dale RG, Br J Radiol 1985;58:515. Brenner DJ et al., Radiat Res 1998;150:83. Derivation: the method page.

    Examples
    --------
    >>> from theratrial.dosimetry.exponentials import Exponential
    >>> day = SumOfExponentials((Exponential(1.0, math.log(2) / 24),))
    >>> round(dose_rate_factor(day, math.log(2) / 3), 6)
    0.111111
    """
    if not (math.isfinite(repair_per_h) and repair_per_h > 0):
        raise InputError(f"the rate of repair must be above 0 per hour, got {repair_per_h}")
    integral = curve.time_integrated_activity_MBq_h
    if not integral > 0:
        raise NumericalError(f"a curve with a time-integrated activity of {integral:.4g} MBq h has no dose rate")
    pairs = math.fsum(
        one.activity_MBq
        * other.activity_MBq
        / (one.effective_per_h + other.effective_per_h)
        / (one.effective_per_h + repair_per_h)
        for one in curve.terms
        for other in curve.terms
    )
    return 2 * pairs / integral**2


def _require_dose(region: str, absorbed_dose_Gy: float) -> None:
    if not (math.isfinite(absorbed_dose_Gy) and absorbed_dose_Gy >= 0):
        raise InputError(
            f"region {region}: an absorbed dose of {absorbed_dose_Gy} Gy has no biological effect to state"
        )


def biological_dose_of_factor(
    absorbed_dose_Gy: float, factor: float, parameters: Radiobiology, *, region: str, kinetics: str
) -> BiologicalDose:
    """Biologically effective dose ``D (1 + G D / (alpha/beta))`` for a dose-rate factor computed elsewhere.

    Parameters
    ----------
    kinetics
        For the trace: what `factor` was made from.

    Raises
    ------
    InputError
        If the dose is negative or not a number, or the factor not within 0 to 1.
    """
    _require_dose(region, absorbed_dose_Gy)
    if not 0 <= factor <= 1 + 1e-9:
        raise InputError(f"region {region}: a dose-rate factor lies from 0 to 1, got {factor}")
    effective = absorbed_dose_Gy * (1 + factor * absorbed_dose_Gy / parameters.alpha_beta_Gy)
    return BiologicalDose(
        region=region,
        absorbed_dose_Gy=absorbed_dose_Gy,
        biologically_effective_dose_Gy=effective,
        dose_rate_factor=factor,
        parameters=parameters,
        trace=Trace(
            method="dosimetry.biological_dose",
            version=VERSION,
            inputs={
                "absorbed dose": f"given:{absorbed_dose_Gy!r} Gy",
                "kinetics": kinetics,
                "parameters": f"{parameters.source} (alpha/beta {parameters.alpha_beta_Gy!r} Gy, "
                f"repair half-life {parameters.repair_half_life_h!r} h)",
            },
            demonstration=parameters.demonstration,
        ),
    )


def biological_dose(
    absorbed_dose_Gy: float, curve: SumOfExponentials, parameters: Radiobiology, *, region: str
) -> BiologicalDose:
    """Biologically effective dose [Gy] of one session.

    Assumes that the dose rate follows the region's own activity (radiation from elsewhere has the same kinetics), that
    the dose is uniform over the region, first-order repair, and no repopulation.

    Parameters
    ----------
    absorbed_dose_Gy
        From administration to infinity [Gy].
    curve
        Of the region; only its shape counts.

    Raises
    ------
    InputError
        If the dose is negative or not a number.
    NumericalError
        If the integral of the curve is not positive.

    Examples
    --------
    >>> from theratrial.dosimetry.exponentials import Exponential
    >>> curve = SumOfExponentials((Exponential(1.0, math.log(2) / 60),))
    >>> kidney = Radiobiology(2.6, 2.8, "given:example")
    >>> round(biological_dose(23.0, curve, kidney, region="kidneys").biologically_effective_dose_Gy, 1)
    32.1
    """
    _require_dose(region, absorbed_dose_Gy)
    factor = dose_rate_factor(curve, parameters.repair_per_h)
    terms = " + ".join(f"{t.activity_MBq!r} exp(-{t.effective_per_h!r} t)" for t in curve.terms)
    return biological_dose_of_factor(
        absorbed_dose_Gy, factor, parameters, region=region, kinetics=f"given:{terms} (MBq, h)"
    )


def cumulative_biological_dose(sessions: Sequence[BiologicalDose]) -> CumulativeBiologicalDose:
    """Sum of the biologically effective doses of a region's sessions.

    Assumes that the damage of a session is repaired, and its dose rate gone, before the next.

    Raises
    ------
    InputError
        If there is no session, or they are of several regions or parameters: such doses do not add.
    """
    if not sessions:
        raise InputError("no session, no sum; a region that got nothing is not one that got 0 Gy")
    first = sessions[0]
    for session in sessions[1:]:
        if session.region != first.region:
            raise InputError(f"doses of {first.region} and {session.region} do not add")
        if session.parameters != first.parameters:
            raise InputError(
                f"region {first.region}: sessions with different radiobiological parameters do not add; compute them "
                "with one set"
            )
    total = math.fsum(session.biologically_effective_dose_Gy for session in sessions)
    return CumulativeBiologicalDose(
        region=first.region,
        absorbed_dose_Gy=math.fsum(session.absorbed_dose_Gy for session in sessions),
        biologically_effective_dose_Gy=total,
        eqd2_Gy=eqd2_Gy(total, first.parameters.alpha_beta_Gy),
        sessions=len(sessions),
        trace=Trace(
            method="dosimetry.cumulative_biological_dose",
            version=VERSION,
            inputs={
                f"session {number} {name}": where
                for number, session in enumerate(sessions, start=1)
                for name, where in session.trace.inputs.items()
            },
            demonstration=tuple(sorted({clause for s in sessions for clause in s.trace.demonstration})),
        ),
    )
