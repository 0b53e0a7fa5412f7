"""Photon cross sections of media by mass fractions, as plain arrays that compiled transport reads.

Elements come from the tables of Elam, Ravel and Sieber as packed in xraydb, compositions from ``media.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import xraydb
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.reference import Table, table_from_text

ELECTRON_REST_keV: Final = 510.99895
HC_keV_ANGSTROM: Final = 12.398419843
"""Planck constant times speed of light: photon energy [keV] times wavelength [angstrom]."""
LOWEST_keV: Final = 1.0
HIGHEST_keV: Final = 3000.0
_POINTS: Final = 1024
_TABULATED_TO_keV: Final = 799.0
"""The library calls the Elam tables unreliable above 800 keV."""
_TRANSFERS: Final = 1024
_LOWEST_X: Final = 1e-3
_HIGHEST_X: Final = HIGHEST_keV / HC_keV_ANGSTROM
_FORM_FACTOR_TO_X: Final = 6.0
"""Range of the Waasmaier-Kirfel fit of form factors [1/angstrom]."""
_BOHR_ANGSTROM: Final = 0.529177

Float64 = NDArray[np.float64]


class PhotonTables(NamedTuple):
    """Cross sections of some media; row = medium in the order asked for, column = grid point.

    Mass attenuation coefficients [cm2/g] stand on a logarithmic energy grid, E_k = 1 keV exp(k `energy_step`),
    scattering functions on one of x = sin(angle/2)/wavelength [1/angstrom], x_k = 0.001 exp(k `transfer_step`).
    """

    density_g_per_mL: Float64
    energy_step: float
    photoelectric_cm2_per_g: Float64
    incoherent_cm2_per_g: Float64
    coherent_cm2_per_g: Float64
    total_cm2_per_g: Float64
    """Sum of the three; pair production is left out."""
    energy_transfer_cm2_per_g: Float64
    """Photoelectric plus incoherent times the mean share of energy given to the electron: fluence times energy times
    this is the dose that locally absorbed electrons give (kerma, without radiative losses)."""
    transfer_step: float
    incoherent_function: Float64
    """S(x) of the medium over its value for free electrons, 0-1."""
    squared_form_factor_integral: Float64
    """Integral of F(x)^2 over x^2 from 0 to x, arbitrary scale: x^2 of coherent scattering is sampled from it."""


@cache
def media_table() -> Table:
    """The shipped compositions."""
    from importlib.resources import files

    path = files("theratrial.dosimetry.transport").joinpath("data", "media.csv")
    return table_from_text(path.read_text(encoding="utf-8"), "dosimetry/transport/media")


@cache
def composition(medium: str) -> Mapping[str, float]:
    """Element -> mass fraction of a shipped medium.

    Raises
    ------
    InputError
        If there is no such medium.

    Examples
    --------
    >>> composition("water")["H"]
    0.111894
    """
    found = {row.text("element"): row.number("mass_fraction") for row in media_table() if row.text("medium") == medium}
    if not found:
        known = ", ".join(sorted({row.text("medium") for row in media_table()}))
        raise InputError(f"no composition of medium {medium!r}; known are {known}")
    return found


@cache
def density_g_per_mL(medium: str) -> float:
    """Density of a shipped medium [g/mL]."""
    composition(medium)
    return next(row.number("density_g_per_mL") for row in media_table() if row.text("medium") == medium)


def energies_keV() -> Float64:
    """The energy grid, 1 keV to 3 MeV [keV]."""
    return np.geomspace(LOWEST_keV, HIGHEST_keV, _POINTS)


def transfers_per_angstrom() -> Float64:
    """The grid of x = sin(angle/2)/wavelength [1/angstrom]."""
    return np.geomspace(_LOWEST_X, _HIGHEST_X, _TRANSFERS)


def klein_nishina_barn(energy_keV: Float64) -> Float64:
    """Cross section of a free electron [barn].

    Examples
    --------
    >>> round(float(klein_nishina_barn(np.array([510.99895]))[0]), 4)
    0.2865
    """
    k = np.asarray(energy_keV) / ELECTRON_REST_keV
    log = np.log1p(2 * k)
    first = (1 + k) / k**2 * (2 * (1 + k) / (1 + 2 * k) - log / k)
    return 2 * math.pi * 0.0794078 * (first + log / (2 * k) - (1 + 3 * k) / (1 + 2 * k) ** 2)


def _above_tabulated(energy: Float64, inside: Float64, slope: float) -> Float64:
    last = int(np.searchsorted(energy, _TABULATED_TO_keV)) - 1
    beyond: Float64 = inside[last] * (energy / energy[last]) ** slope
    return np.where(energy > energy[last], beyond, inside)


@cache
def _element(symbol: str) -> tuple[Float64, Float64, Float64]:
    """Photoelectric, incoherent and coherent mass attenuation coefficient [cm2/g] on the energy grid."""
    energy = energies_keV()
    asked_eV = np.minimum(energy, _TABULATED_TO_keV) * 1000
    photo, incoherent, coherent = (
        np.asarray(xraydb.mu_elam(symbol, asked_eV, kind=kind), dtype=np.float64) for kind in ("photo", "incoh", "coh")
    )
    last = int(np.searchsorted(energy, _TABULATED_TO_keV)) - 1
    half = int(np.searchsorted(energy, _TABULATED_TO_keV / 1.5))
    slope = math.log(photo[last] / photo[half]) / math.log(energy[last] / energy[half])
    free = klein_nishina_barn(energy)
    return (
        _above_tabulated(energy, photo, slope),
        np.where(energy > energy[last], incoherent[last] * free / free[last], incoherent),
        _above_tabulated(energy, coherent, -2.0),
    )


def _form_factor(symbol: str, x: Float64) -> Float64:
    inside = np.asarray(xraydb.f0(symbol, np.minimum(x, _FORM_FACTOR_TO_X)), dtype=np.float64)
    # Form factors of bound electrons fall as x^-4; the fit ends in a constant.
    return np.abs(inside) * np.minimum(1.0, _FORM_FACTOR_TO_X / x) ** 4


def _incoherent_function(symbol: str, x: Float64) -> Float64:
    """Electrons of the atom that scatter incoherently at x: Z less the squared form factor of each electron.

    The two K electrons have the form factor of a hydrogen-like atom of charge Z - 0.3, the others share the rest.
    """
    electrons = xraydb.atomic_number(symbol)
    whole = _form_factor(symbol, x)
    if electrons == 1:
        return 1 - np.minimum(whole, 1.0) ** 2
    shell = (1 + (2 * math.pi * _BOHR_ANGSTROM * x / (electrons - 0.3)) ** 2) ** -2
    others = electrons - 2
    rest = np.clip((whole - 2 * shell) / others, -1.0, 1.0)
    return 2 * (1 - shell**2) + others * (1 - rest**2)


def _mean_transferred(function: Float64, x: Float64, energy: Float64) -> Float64:
    """Mean share of a photon's energy given to the electron in incoherent scattering, weighted with S(x)."""
    nodes, weights = np.polynomial.legendre.leggauss(96)
    # In sin(angle/2) the nodes crowd forward, where high energies scatter.
    half_sine = (nodes + 1) / 2
    cosine = 1 - 2 * half_sine**2
    k = (energy / ELECTRON_REST_keV)[:, None]
    left = 1 / (1 + k * (1 - cosine))
    shape = left**2 * (left + 1 / left - (1 - cosine**2)) * half_sine * weights
    bound = np.interp(energy[:, None] / HC_keV_ANGSTROM * half_sine, x, function)
    return np.asarray(((1 - left) * shape * bound).sum(1) / (shape * bound).sum(1))


def photon_tables(media: Sequence[str], densities_g_per_mL: Sequence[float] | None = None) -> PhotonTables:
    """Cross sections of shipped media, ready for `photons`.

    Assumes independent atoms. Photoelectric and coherent cross sections above 800 keV go on as powers of energy,
    incoherent ones as Klein-Nishina; pair production (above 1022 keV: 0.3 % of water's total at 1.5 MeV, 1 % at 2 MeV,
    3 % at 3 MeV) is left out.

    Parameters
    ----------
    media
        Names in ``media.csv``; the position is the medium's number.
    densities_g_per_mL
        To take instead of the shipped densities [g/mL].

    Raises
    ------
    InputError
        If a medium is not known or a density is not positive.

    References
    ----------
    Elam WT, Ravel BD, Sieber JR. A new atomic database for X-ray spectroscopic calculations. Radiat Phys Chem
    2002;63:121-128. Waasmaier D, Kirfel A. Acta Cryst A 1995;51:416-431.

    Examples
    --------
    >>> tables = photon_tables(["water"])
    >>> at_100_keV = np.interp(100, energies_keV(), tables.total_cm2_per_g[0])
    >>> round(float(at_100_keV), 3)
    0.171
    """
    densities = list(densities_g_per_mL or (density_g_per_mL(medium) for medium in media))
    if len(densities) != len(media) or not all(math.isfinite(d) and d > 0 for d in densities):
        raise InputError(f"each of {', '.join(media)} needs one positive density [g/mL], got {densities}")
    energy, x = energies_keV(), transfers_per_angstrom()
    photo, incoherent, coherent = (np.zeros((len(media), _POINTS)) for _ in range(3))
    function, form = np.zeros((len(media), _TRANSFERS)), np.zeros((len(media), _TRANSFERS))
    for row, medium in enumerate(media):
        free = 0.0
        for symbol, share in composition(medium).items():
            atoms = share / xraydb.atomic_mass(symbol)
            for total, part in zip((photo, incoherent, coherent), _element(symbol), strict=True):
                total[row] += share * part
            function[row] += atoms * _incoherent_function(symbol, x)
            form[row] += atoms * _form_factor(symbol, x) ** 2
            free += atoms * xraydb.atomic_number(symbol)
        function[row] /= free
    transferred = np.array([_mean_transferred(row, x, energy) for row in function])
    steps = np.diff(x**2, prepend=0.0)
    first = form[:, :1]
    integral = np.cumsum((np.hstack([first, form[:, :-1]]) + form) / 2 * steps, axis=1)
    return PhotonTables(
        density_g_per_mL=np.array(densities),
        energy_step=math.log(HIGHEST_keV / LOWEST_keV) / (_POINTS - 1),
        photoelectric_cm2_per_g=photo,
        incoherent_cm2_per_g=incoherent,
        coherent_cm2_per_g=coherent,
        total_cm2_per_g=photo + incoherent + coherent,
        energy_transfer_cm2_per_g=photo + incoherent * transferred,
        transfer_step=math.log(_HIGHEST_X / _LOWEST_X) / (_TRANSFERS - 1),
        incoherent_function=function,
        squared_form_factor_integral=integral,
    )
