"""The kinetic models that can be fitted: one to three exponentials, with or without uptake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KineticModel:
    """A sum of `phases` exponentials, all coefficients positive; with `uptake` it starts at zero.

    ``A(t) = sum_i c_i exp(-l_i t)`` without and ``A(t) = sum_i c_i (exp(-l_i t) - exp(-m t))`` with uptake, where the
    uptake rate ``m`` exceeds every ``l_i``, so that no activity is ever negative.

    The parameters that are fitted are logarithms: ``ln c_1..n [MBq]``, ``ln l_1..n [1/h]`` and, with uptake,
    ``ln(m - max l) [1/h]``.

    Examples
    --------
    >>> [model.name for model in MODELS]
    ['mono', 'mono+uptake', 'bi', 'bi+uptake', 'tri', 'tri+uptake']
    >>> MODELS[3].parameters
    5
    """

    phases: int
    uptake: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.phases <= 3:
            raise InputError(f"a kinetic model has one to three clearance phases, got {self.phases}")

    @property
    def name(self) -> str:
        """As results and tables name it."""
        return ("mono", "bi", "tri")[self.phases - 1] + ("+uptake" if self.uptake else "")

    @property
    def parameters(self) -> int:
        """How many numbers the points have to determine."""
        return 2 * self.phases + int(self.uptake)

    def split(self, theta: Array) -> tuple[Array, Array, float]:
        """Coefficients [MBq], clearances [1/h] and uptake rate [1/h] (infinite without uptake)."""
        coefficients = np.exp(theta[: self.phases])
        clearances = np.exp(theta[self.phases : 2 * self.phases])
        uptake = float(clearances.max() + np.exp(theta[-1])) if self.uptake else float("inf")
        return coefficients, clearances, uptake

    def theta(self, coefficients: Array, clearances: Array, uptake_per_h: float) -> Array:
        """The parameters of given kinetics; the inverse of `split`."""
        parts = [np.log(coefficients), np.log(clearances)]
        if self.uptake:
            parts.append(np.log([uptake_per_h - clearances.max()]))
        return np.concatenate(parts)

    def activity_MBq(self, theta: Array, hours: Array) -> Array:
        """Activities at `hours` after administration, shape (n,) [MBq]."""
        coefficients, clearances, uptake = self.split(theta)
        exponentials = np.exp(-np.outer(hours, clearances))
        if self.uptake:
            exponentials = exponentials - np.exp(-uptake * hours)[:, None]
        return np.asarray(exponentials @ coefficients)

    def jacobian(self, theta: Array, hours: Array) -> Array:
        """Derivative of each activity by each parameter, shape (n, parameters) [MBq]."""
        coefficients, clearances, uptake = self.split(theta)
        exponentials = np.exp(-np.outer(hours, clearances))
        by_clearance = -exponentials * np.outer(hours, clearances * coefficients)
        if not self.uptake:
            return np.hstack([exponentials * coefficients, by_clearance])
        rising = np.exp(-uptake * hours)
        by_uptake = coefficients.sum() * hours * rising
        fastest = int(clearances.argmax())
        by_clearance[:, fastest] += by_uptake * clearances[fastest]
        by_coefficient = (exponentials - rising[:, None]) * coefficients
        return np.hstack([by_coefficient, by_clearance, (by_uptake * np.exp(theta[-1]))[:, None]])

    def curve(self, theta: Array) -> SumOfExponentials:
        """The curve of these parameters, slowest clearance first, uptake last."""
        coefficients, clearances, uptake = self.split(theta)
        terms = [Exponential(float(coefficients[i]), float(clearances[i])) for i in np.argsort(clearances)]
        if self.uptake:
            terms.append(Exponential(-float(coefficients.sum()), uptake))
        return SumOfExponentials(tuple(terms))

    def sorted(self, theta: Array) -> Array:
        """The same curve with the clearances from slow to fast."""
        order = np.argsort(theta[self.phases : 2 * self.phases])
        return np.concatenate([theta[: self.phases][order], theta[self.phases :][order], theta[2 * self.phases :]])


MODELS: Final = tuple(KineticModel(phases, uptake) for phases in (1, 2, 3) for uptake in (False, True))
"""From few parameters to many."""


def kinetic_model(name: str) -> KineticModel:
    """The model of a name.

    Raises
    ------
    InputError
        If there is none of this name.

    Examples
    --------
    >>> kinetic_model("bi+uptake")
    KineticModel(phases=2, uptake=True)
    """
    for model in MODELS:
        if model.name == name:
            return model
    raise InputError(f"kinetic model {name!r} is not known; choose one of {', '.join(model.name for model in MODELS)}")
