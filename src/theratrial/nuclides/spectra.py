"""The beta spectra of ICRP Publication 107, as tabulated, and its electron lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from theratrial.errors import SourceError
from theratrial.nuclides.library import _file
from theratrial.nuclides.names import nuclide_name

Line = tuple[float, float]
"""Energy [keV], number per decay."""


@dataclass(frozen=True, slots=True)
class ElectronEmissions:
    """Electrons and positrons that a decay emits, as printed.

    Parameters
    ----------
    beta_keV, beta_per_keV
        Nodes of the continuous spectrum of all beta branches together [keV] and particles per decay and keV there,
        piecewise linear; empty without beta particles. Electrons and positrons are not told apart.
    positron_share
        Positrons per beta particle.
    branches
        Mean energy [keV] and number per decay of each beta branch.
    conversion_lines, auger_lines
        Energy [keV] and number per decay.
    """

    name: str
    beta_keV: tuple[float, ...]
    beta_per_keV: tuple[float, ...]
    positron_share: float
    branches: tuple[Line, ...]
    conversion_lines: tuple[Line, ...]
    auger_lines: tuple[Line, ...]


def _lines(rows: list[list[float]]) -> tuple[Line, ...]:
    return tuple((energy * 1000, per_decay) for energy, per_decay in rows)


@cache
def _electron_emissions(name: str) -> ElectronEmissions:
    emitted: dict[str, Any] = json.loads(json.loads(_file(name)))["emissions"]
    minus, plus = _lines(emitted["beta-"]), _lines(emitted["beta+"])
    nodes = emitted["b-spectra"] or []
    if bool(minus or plus) != bool(nodes):
        raise SourceError(f"decay data of {name} have beta branches without a spectrum, or a spectrum without branches")
    betas = sum(per_decay for _, per_decay in minus + plus)
    return ElectronEmissions(
        name=name,
        beta_keV=tuple(energy * 1000 for energy, _ in nodes),
        beta_per_keV=tuple(density / 1000 for _, density in nodes),
        positron_share=sum(per_decay for _, per_decay in plus) / betas if betas else 0.0,
        branches=minus + plus,
        conversion_lines=_lines(emitted["IE"]),
        auger_lines=_lines(emitted["auger"]),
    )


def electron_emissions(spelling: str) -> ElectronEmissions:
    """Beta spectrum and electron lines of a nuclide, read from the same checked file as `nuclide`.

    The tabulated spectrum is given as printed. For 177Lu it integrates to 0.6 % more energy than the branch mean
    energies of the same publication; who transports it says which of both is kept.

    Raises
    ------
    SourceError
        If the nuclide is unknown or the installed data are not those checked.

    References
    ----------
    ICRP Publication 107. Nuclear Decay Data for Dosimetric Calculations. Ann. ICRP 38(3), 2008.

    Examples
    --------
    >>> lu = electron_emissions("177Lu")
    >>> lu.beta_keV[-1], len(lu.branches), lu.positron_share
    (497.8, 4, 0.0)
    """
    return _electron_emissions(nuclide_name(spelling))
