"""Decay data of ICRP Publication 107, read from the installed package and refused unless it is the one checked.

The data may be used and passed on for not-for-profit purposes under their authors' notice, which is narrower than our
licence: they are a dependency and no copy of them is shipped. What is shipped is the fingerprint of every file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from theratrial.errors import SourceError
from theratrial.nuclides.names import nuclide_name
from theratrial.reference import table

_HOURS_PER: Final = {
    "us": 1 / 3.6e9,
    "ms": 1 / 3.6e6,
    "s": 1 / 3600,
    "m": 1 / 60,
    "h": 1.0,
    "d": 24.0,
    "y": 24 * 365.2422,
}
"""``m`` is minutes in ICRP 107; a year is taken as 365.2422 d, which matters to no nuclide given to patients."""

PhotonKind = Literal["gamma", "x_ray", "annihilation"]
_PHOTON_KINDS: Final[dict[str, PhotonKind]] = {"gamma": "gamma", "X": "x_ray", "annihilation": "annihilation"}

_FINGERPRINTS: Final = "nuclides/icrp107_files"


@dataclass(frozen=True, slots=True)
class PhotonLine:
    """One photon energy."""

    energy_keV: float
    yield_per_decay: float
    kind: PhotonKind


@dataclass(frozen=True, slots=True)
class Nuclide:
    """Half-life and mean energies emitted per decay, of the nuclide itself: radioactive progeny is not included."""

    name: str
    half_life_h: float
    beta_minus_MeV: float
    beta_plus_MeV: float
    conversion_electron_MeV: float
    auger_MeV: float
    gamma_MeV: float
    x_ray_MeV: float
    annihilation_MeV: float
    alpha_MeV: float
    alpha_recoil_MeV: float
    fission_or_neutron: bool
    positron_yield: float
    """Positrons per decay."""
    photon_lines: tuple[PhotonLine, ...]
    """By energy; yields as printed, none left out."""
    source: str
    """For a `Trace`: table, edition and the fingerprint of the nuclide's data."""

    @property
    def decay_constant_per_h(self) -> float:
        """Physical decay constant [1/h]."""
        return math.log(2) / self.half_life_h

    @property
    def electron_MeV(self) -> float:
        """Mean energy of all electrons and positrons per decay [MeV]."""
        return self.beta_minus_MeV + self.beta_plus_MeV + self.conversion_electron_MeV + self.auger_MeV

    @property
    def photon_MeV(self) -> float:
        """Mean energy of gamma, x and annihilation photons per decay [MeV]."""
        return self.gamma_MeV + self.x_ray_MeV + self.annihilation_MeV

    @property
    def emits_alpha(self) -> bool:
        """Whether alpha particles, whose dose is never added to that of electrons, are emitted."""
        return self.alpha_MeV > 0

    def fraction_left(self, hours: float) -> float:
        """Share of the activity left after `hours` of physical decay.

        Examples
        --------
        >>> round(nuclide("Lu-177").fraction_left(159.528), 6)
        0.5
        """
        return math.exp2(-hours / self.half_life_h)


def _file(name: str) -> bytes:
    known = table(_FINGERPRINTS).by("nuclide").get(name)
    if known is None:
        raise SourceError(f"nuclide {name} is not in ICRP 107; check the spelling, as in Lu-177 or Tc-99m")
    # find_spec instead of an import: the package's own module brings numpy, which a start-up does not need.
    spec = importlib.util.find_spec("icrp107_database")
    if spec is None or not spec.submodule_search_locations:
        raise SourceError("the decay data are not installed; install the PyPI package icrp107-database")
    path = Path(spec.submodule_search_locations[0], "icrp107", f"{name}.json")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"decay data of {name} cannot be read ({error}); reinstall icrp107-database") from None
    if (actual := hashlib.sha256(content).hexdigest()) != known.text("sha256"):
        raise SourceError(
            f"decay data of {name} hash to {actual}, checked were {known.text('sha256')}; "
            f"install {table(_FINGERPRINTS).passport.edition}"
        )
    return content


def _energy_MeV(lines: list[list[float]]) -> float:
    return math.fsum(energy * per_decay for energy, per_decay in lines)


@cache
def _nuclide(name: str) -> Nuclide:
    content = _file(name)
    # The package stores each file as a JSON string that holds JSON.
    data: dict[str, Any] = json.loads(json.loads(content))
    emitted: dict[str, list[list[float]]] = data["emissions"]
    photons = [
        PhotonLine(energy * 1000, per_decay, kind)
        for key, kind in _PHOTON_KINDS.items()
        for energy, per_decay in emitted[key]
    ]
    return Nuclide(
        name=name,
        half_life_h=data["half_life"] * _HOURS_PER[data["time_unit"]],
        beta_minus_MeV=_energy_MeV(emitted["beta-"]),
        beta_plus_MeV=_energy_MeV(emitted["beta+"]),
        conversion_electron_MeV=_energy_MeV(emitted["IE"]),
        auger_MeV=_energy_MeV(emitted["auger"]),
        gamma_MeV=_energy_MeV(emitted["gamma"]),
        x_ray_MeV=_energy_MeV(emitted["X"]),
        annihilation_MeV=_energy_MeV(emitted["annihilation"]),
        alpha_MeV=_energy_MeV(emitted["alpha"]),
        alpha_recoil_MeV=_energy_MeV(emitted["alpha recoil"]),
        fission_or_neutron=bool(emitted["fission"] or emitted["neutron"]),
        positron_yield=math.fsum(per_decay for _, per_decay in emitted["beta+"]),
        photon_lines=tuple(sorted(photons, key=lambda line: line.energy_keV)),
        source=f"{table(_FINGERPRINTS).trace_key}#{name}",
    )


def nuclide(spelling: str) -> Nuclide:
    """The nuclide of a name in any usual spelling (see `nuclide_name`).

    Raises
    ------
    SourceError
        If the nuclide is unknown (never a decay constant of zero), or the installed data are not those checked.

    References
    ----------
    ICRP Publication 107. Nuclear Decay Data for Dosimetric Calculations. Ann. ICRP 38(3), 2008.

    Examples
    --------
    >>> lu = nuclide("177Lu")
    >>> round(lu.half_life_h, 3), round(lu.electron_MeV, 5), round(lu.photon_MeV * 1000, 2)
    (159.528, 0.14792, 35.1)
    """
    return _nuclide(nuclide_name(spelling))
