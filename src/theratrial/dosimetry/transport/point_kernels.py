"""Dose point kernels of nuclides: shipped tables, or computed when first asked for."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np

from theratrial.dosimetry.transport.point_kernels_values import (
    PointKernel,
    RadialDeposition,
    medium_density_g_per_mL,
)
from theratrial.nuclides.library import nuclide
from theratrial.reference import Table, table_from_text

SHIPPED_NUCLIDES: Final = ("Ga-68", "I-131", "Lu-177", "Y-90")
SHIPPED_MEDIA: Final = ("soft_tissue", "water")


def table_stem(name: str, medium: str) -> str:
    """File name of a shipped point kernel, without its ending."""
    return f"point_kernel_{re.sub('[^a-z0-9]', '', name.lower())}_{medium}"


@cache
def shipped_table(name: str, medium: str) -> Table:
    """The shipped point kernel of a nuclide (ICRP 107 spelling) in a medium."""
    stem = table_stem(name, medium)
    path = files("theratrial.dosimetry.transport").joinpath("data", f"{stem}.csv")
    return table_from_text(path.read_text(encoding="utf-8"), f"dosimetry/transport/{stem}")


def _part(table: Table, part: str, medium: str, emitted_keV: float) -> RadialDeposition:
    rows = [row for row in table if row.text("part") == part]
    edges = np.array([0.0, *(row.number("outer_radius_g_per_cm2") for row in rows)])
    energy = np.array([row.number("energy_keV") for row in rows])
    sd = np.array([row.number("sd_keV") for row in rows])
    return RadialDeposition(medium, edges, energy, sd, emitted_keV, emitted_keV - float(energy.sum()))


@cache
def _shipped(name: str, medium: str) -> PointKernel:
    table, known = shipped_table(name, medium), nuclide(name)
    electron = _part(table, "electron", medium, known.electron_MeV * 1000)
    photon = _part(table, "photon", medium, known.photon_MeV * 1000 + electron.lost_keV)
    return PointKernel(name, medium, electron, photon, table.trace_key)


@cache
def _on_demand(name: str, medium: str) -> PointKernel:
    # A shipped kernel must not cost the seconds that the compiler and the cross sections take to import.
    from theratrial.dosimetry.transport.point_kernels_computed import computed_point_kernel

    return computed_point_kernel(name, medium)


def point_kernel(spelling: str, medium: str = "soft_tissue") -> PointKernel:
    """The point kernel of a nuclide: shipped for 177Lu, 90Y, 131I, 68Ga in soft tissue and water, else computed once.

    Raises
    ------
    SourceError
        If the nuclide is not known, or a shipped table is not what its passport says.
    InputError
        If the medium is not known or the nuclide's radiation is beyond the tables.

    References
    ----------
    Cross WG, Freedman NO, Wong PY. Beta-ray dose distributions from point sources in an infinite water medium. Health
    Phys 1992;63:160-171 (for the quantity).

    Examples
    --------
    177Lu gives 147.8 keV per decay to tissue within 2 mm by electrons:

    >>> kernel = point_kernel("177Lu")
    >>> round(kernel.electron.deposited_keV, 1)
    147.8
    """
    name = nuclide(spelling).name
    medium_density_g_per_mL(medium)
    if name in SHIPPED_NUCLIDES and medium in SHIPPED_MEDIA:
        return _shipped(name, medium)
    return _on_demand(name, medium)
