"""Attenuation coefficients against NIST, which neither we nor the library we read them from made."""

from __future__ import annotations

import pytest

from theratrial.quantification.attenuation import cortical_bone_per_mm, water_per_mm

# Hubbell JH, Seltzer SM, NISTIR 5632, tables of mass attenuation mu/rho [cm2/g] of liquid water and of ICRU-44
# cortical bone (1.92 g/mL), as on physics.nist.gov/PhysRefData/XrayMassCoef.
_NIST = (
    ("water", 100.0, 0.1707),
    ("water", 150.0, 0.1505),
    ("water", 200.0, 0.1370),
    ("water", 300.0, 0.1186),
    ("cortical bone", 100.0, 0.1855),
    ("cortical bone", 150.0, 0.1480),
    ("cortical bone", 200.0, 0.1309),
    ("cortical bone", 300.0, 0.1113),
)


@pytest.mark.parametrize(("medium", "energy_keV", "cm2_per_g"), _NIST)
def test_mass_attenuation_is_that_of_nist(medium: str, energy_keV: float, cm2_per_g: float, validation) -> None:  # type: ignore[no-untyped-def]
    per_mm, density = (water_per_mm, 1.0) if medium == "water" else (cortical_bone_per_mm, 1.92)
    validation(
        f"mass attenuation of {medium} at {energy_keV:g} keV",
        expected=cm2_per_g,
        got=per_mm(energy_keV) * 10 / density,
        unit="cm2/g",
        source="NIST, Hubbell and Seltzer, NISTIR 5632",
        relative=0.01,
    )
