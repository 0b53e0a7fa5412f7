"""What an S table cannot be: findings by rule, pair and expected range (docs/methods/organ_dose.md).

A table that breaks a law is still read; the physicist sees what is odd and decides. Works on any `SValueTable`, our own
included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from theratrial.dosimetry.organ.findings import (
    IN_SKELETON,
    OVERLAPPING,
    SKELETON,
    UNIT,
    LinterBounds,
    Severity,
    TableFinding,
    graded,
    log_ratio,
    without_alpha,
)
from theratrial.dosimetry.organ.names import contents_of
from theratrial.dosimetry.organ.neighbours import disagreeing, duplicates, mirrors, outliers, reciprocity
from theratrial.dosimetry.transport.values import SValueTable
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.units import delta_mGy_g_per_MBq_h


def _delta_Gy_g_per_MBq_h(energy_MeV: float) -> float:
    return delta_mGy_g_per_MBq_h(energy_MeV) / 1000


def _is_wall_of_source(target: str, source: str) -> bool:
    """Whether the target is the wall around the source: printed tables give it the dose of its inner surface."""
    return contents_of(target) == source


def _energy(table: SValueTable, nuclide: Nuclide, bounds: LinterBounds) -> Iterator[TableFinding]:
    emitted = _delta_Gy_g_per_MBq_h(nuclide.electron_MeV + nuclide.photon_MeV)
    electrons = _delta_Gy_g_per_MBq_h(nuclide.electron_MeV)
    top = emitted * (1 + bounds.rounding_fraction)
    apart = OVERLAPPING | (IN_SKELETON if "skeleton" in table.masses_g else frozenset())
    for source in sorted({pair[1] for pair in table.values}):
        absorbed = math.fsum(
            without_alpha(table, (target, source)) * table.masses_g[target]
            for target in sorted({pair[0] for pair in table.values if pair[1] == source})
            if target in table.masses_g and target not in apart and not _is_wall_of_source(target, source)
        )
        if absorbed > top:
            because = f"all targets together absorb {absorbed / emitted:.0%} of the energy emitted per decay"
            yield TableFinding("energy", "error", "", source, absorbed, 0.0, top, "Gy g/(MBq h)", because)
        whole = ("total_body", source)
        if whole in table.values and "total_body" in table.masses_g:
            absorbed = without_alpha(table, whole) * table.masses_g["total_body"]
            bottom = electrons * (1 - bounds.rounding_fraction)
            if not bottom <= absorbed <= top:
                because = "the body absorbs its electrons and at most all that is emitted"
                yield TableFinding("energy", "error", *whole, absorbed, bottom, top, "Gy g/(MBq h)", because)


def _diagonal(table: SValueTable, nuclide: Nuclide, bounds: LinterBounds) -> Iterator[TableFinding]:
    for target, source in sorted(table.values):
        if target != source or target not in table.masses_g:
            continue
        mass = table.masses_g[target]
        kept = (
            bounds.skeleton_electrons_at_least_fraction
            if target in SKELETON
            else bounds.self_electrons_at_least_fraction
        )
        lower = kept * _delta_Gy_g_per_MBq_h(nuclide.electron_MeV) / mass
        upper = _delta_Gy_g_per_MBq_h(nuclide.electron_MeV + nuclide.photon_MeV) / mass * (1 + bounds.rounding_fraction)
        got = without_alpha(table, (target, source))
        if not lower <= got <= upper:
            because = f"an organ of {mass:g} g keeps its electrons and at most all its photons"
            yield TableFinding("diagonal", "error", target, source, got, lower, upper, UNIT, because)


def _gaps(table: SValueTable) -> Iterator[TableFinding]:
    for target in sorted({target for target, _ in table.values if target not in table.masses_g}):
        because = "no mass: energy, diagonal and mass scaling are not checked for it"
        yield TableFinding("no_mass", "note", target, target, math.nan, 0.0, math.inf, "g", because)
    for pair, value in sorted(table.values.items()):
        if value.total_Gy_per_MBq_h == 0:
            because = "printed as 0: no photon is that well shielded; the cell may mean not known"
            yield TableFinding("zero", "suspect", *pair, 0.0, 0.0, math.inf, UNIT, because)


def table_findings(
    table: SValueTable, nuclide: Nuclide, bounds: LinterBounds | None = None
) -> tuple[TableFinding, ...]:
    """What in the table breaks a law of physics or is not explained by its neighbours; empty for a sound table.

    Assumes the decay data of `nuclide` without progeny, and that alpha particles stand apart.

    Raises
    ------
    InputError
        If the table is of another nuclide.
    """
    if table.nuclide != nuclide.name:
        raise InputError(f"the S table is of {table.nuclide}, the decay data are of {nuclide.name}")
    bounds = bounds or LinterBounds()
    mirrored = mirrors(table)
    broken = disagreeing(table, mirrored, bounds)
    return (
        *_gaps(table),
        *_energy(table, nuclide, bounds),
        *_diagonal(table, nuclide, bounds),
        *reciprocity(table, broken, bounds),
        *duplicates(table, broken),
        *outliers(table, mirrored.keys() - broken.keys(), bounds),
    )


def scaling_findings(
    table: SValueTable, other: SValueTable, *, self_fraction: float = 0.05, cross_factor: float = 4.0
) -> tuple[TableFinding, ...]:
    """What two phantoms of one nuclide disagree on once organ masses are allowed for.

    Assumes that self values go as one over mass (electrons; photons to the power 2/3 stay within `self_fraction`) and
    that cross values of like bodies agree within `cross_factor`.

    Raises
    ------
    InputError
        If the tables are of different nuclides.
    """
    if table.nuclide != other.nuclide:
        raise InputError(f"the S tables are of {table.nuclide} and {other.nuclide}; compare tables of one nuclide")
    found = []
    for pair in sorted(table.values.keys() & other.values.keys()):
        target, source = pair
        if target == "total_body" or source == "total_body":
            continue
        one, two = without_alpha(table, pair), without_alpha(other, pair)
        if target == source:
            if target not in table.masses_g or target not in other.masses_g:
                continue
            expected = two * other.masses_g[target] / table.masses_g[target]
            lower, upper = expected * (1 - self_fraction), expected * (1 + self_fraction)
            because = (
                f"{two:.3g} in {other.phantom} for {other.masses_g[target]:g} g, here {table.masses_g[target]:g} g"
            )
        else:
            lower, upper = two / cross_factor, two * cross_factor
            because = f"{two:.3g} in {other.phantom}"
        if not lower <= one <= upper:
            severity: Severity = (
                "error" if target == source else graded(log_ratio(one, two)) if one * two else "suspect"
            )
            found.append(TableFinding("mass_scaling", severity, *pair, one, lower, upper, UNIT, because))
    return tuple(found)
