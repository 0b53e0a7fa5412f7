"""What is known of the kinetics of a region before a patient is scanned (docs/methods/population_kinetics.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np

from theratrial.dosimetry.population.families import AMPLITUDE, SHAPES, latent
from theratrial.dosimetry.population.tables import OTHER, population_table
from theratrial.errors import InputError, SourceError
from theratrial.reference.tables import Row

_ANY: Final = "*"
BETWEEN_PATIENTS: Final = math.sqrt(0.5)
"""Standard deviation between patients over that of a shipped prior: half of its variance is taken to be differences
between patients, half how little cohorts of 10 to 21 patients say of their mean. Chosen."""


@dataclass(frozen=True, slots=True)
class FamilyPrior:
    """Multivariate normal over the logarithms (half-lives, uptake) and logits (shares) of a family's parameters.

    Parameters
    ----------
    family
        A key of `families.SHAPES`.
    weight
        Prior probability of the family.
    mean, covariance
        In the order of `parameters`: uptake fraction first.
    """

    family: str
    weight: float
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if self.family not in SHAPES:
            raise InputError(f"there is no family of curves {self.family!r}; known: {', '.join(SHAPES)}")
        if not (0 < self.weight <= 1):
            raise InputError(f"family {self.family}: its weight must lie in (0, 1], got {self.weight}")
        count = len(self.parameters)
        matrix = np.array(self.covariance)
        if len(self.mean) != count or matrix.shape != (count, count) or not np.all(np.isfinite(matrix)):
            raise InputError(f"family {self.family} has {count} parameters ({', '.join(self.parameters)})")
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix)[0] <= 0:
            raise InputError(f"family {self.family}: its covariance is not symmetric and positive definite")

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, uptake fraction first."""
        return (AMPLITUDE, *SHAPES[self.family])

    def median(self, parameter: str) -> float:
        """Median of a parameter in its own unit."""
        at = self.mean[self.parameters.index(parameter)]
        return 1 / (1 + math.exp(-at)) if parameter.endswith("_share") else math.exp(at)

    def log_sd(self, parameter: str) -> float:
        """Standard deviation of the logarithm (of a share: logit) of a parameter."""
        at = self.parameters.index(parameter)
        return math.sqrt(self.covariance[at][at])


@dataclass(frozen=True, slots=True)
class RegionPrior:
    """A mixture of families for one region."""

    region: str
    families: tuple[FamilyPrior, ...]

    def __post_init__(self) -> None:
        total = math.fsum(family.weight for family in self.families)
        if not math.isclose(total, 1.0, rel_tol=1e-9):
            raise InputError(f"prior of {self.region}: the weights of its families sum to {total}, not to 1")

    def family(self, name: str) -> FamilyPrior:
        """The prior of one family."""
        for one in self.families:
            if one.family == name:
                return one
        raise InputError(f"the prior of {self.region} has no family {name!r}")


@dataclass(frozen=True, slots=True)
class KineticPrior:
    """Biological kinetics of a kind of product by region, with where they come from."""

    name: str
    version: str
    regions: Mapping[str, RegionPrior]
    source: str
    """For a `Trace`: the table, or the cohort."""
    provenance: str = ""
    """What a reader should know of how it was made."""

    def region(self, name: str) -> RegionPrior:
        """The prior of a region; that of ``other`` where it has none of that name (`has` tells)."""
        return self.regions.get(name) or self.regions[OTHER]

    def has(self, name: str) -> bool:
        """Whether the prior says something of that region by name."""
        return name in self.regions


def _cell(rows: list[Row], family: str, parameter: str, place: str) -> Row:
    for wanted in (family, _ANY):
        for row in rows:
            if row.text("family") == wanted and row.text("parameter") == parameter:
                return row
    raise SourceError(f"prior {place}: family {family} lacks {parameter}")


def _correlation(prior: str, region: str, one: str, other: str) -> float:
    for row in population_table("correlations"):
        applies = row.text("prior") == prior and row.text("region") in (region, _ANY)
        if applies and {row.text("parameter"), row.text("other")} == {one, other}:
            return row.number("correlation")
    return 0.0


def _family_prior(prior: str, region: str, family: str, weight: float, rows: list[Row]) -> FamilyPrior:
    parameters = (AMPLITUDE, *SHAPES[family])
    cells = [_cell(rows, family, parameter, f"{prior}, {region}") for parameter in parameters]
    sds = [cell.number("log_sd") for cell in cells]
    covariance = tuple(
        tuple(
            sds[i] * sds[j] * (1.0 if i == j else _correlation(prior, region, one, other))
            for j, other in enumerate(parameters)
        )
        for i, one in enumerate(parameters)
    )
    mean = tuple(latent(name, cell.number("median")) for name, cell in zip(parameters, cells, strict=True))
    return FamilyPrior(family, weight, mean, covariance)


def prior_names() -> tuple[str, ...]:
    """Names of the shipped priors."""
    return tuple(dict.fromkeys(row.text("prior") for row in population_table("families")))


@cache
def kinetic_prior(name: str) -> KineticPrior:
    """A shipped prior.

    Raises
    ------
    InputError
        If no prior of that name is shipped.

    References
    ----------
    Each row of ``data/kinetics.csv`` names its own.

    Examples
    --------
    >>> plasma = kinetic_prior("trastuzumab_igg").region("heart").family("bi")
    >>> round(plasma.median("half_life_h"), 6), round(plasma.median("fast_share"), 6)
    (111.0, 0.3)
    """
    if name not in prior_names():
        raise InputError(f"no population prior {name!r} is shipped; known: {', '.join(prior_names())}")
    kinetics = [row for row in population_table("kinetics") if row.text("prior") == name]
    regions: dict[str, RegionPrior] = {}
    for region in dict.fromkeys(r.text("region") for r in population_table("families") if r.text("prior") == name):
        rows = [row for row in kinetics if row.text("region") == region]
        regions[region] = RegionPrior(
            region,
            tuple(
                _family_prior(name, region, row.text("family"), row.number("weight"), rows)
                for row in population_table("families")
                if row.text("prior") == name and row.text("region") == region
            ),
        )
    passport = population_table("kinetics").passport
    return KineticPrior(
        name=name,
        version=passport.edition,
        regions=MappingProxyType(regions),
        source=f"{population_table('kinetics').trace_key}#{name}",
        provenance="published values, widened; each row of the table says from where and how",
    )
