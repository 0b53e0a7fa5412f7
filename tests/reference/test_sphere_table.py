"""Spheres of 177Lu against the published table, and log-log interpolation of it."""

from __future__ import annotations

import numpy as np
import pytest

from theratrial.dosimetry.transport.spheres import (
    computed_sphere_s_value,
    log_log_interpolated,
    sphere_s_value_Gy_per_MBq_h,
)

GY_PER_BQ_S = 1e6 * 3600
"""(MBq h) in Bq s."""
PUBLISHED = {
    4.31e-3: 4.54e-9,
    0.0345: 6.29e-10,
    0.116: 1.93e-10,
    0.539: 4.27e-11,
    0.932: 2.49e-11,
    2.21: 1.06e-11,
    4.31: 5.46e-12,
    14.6: 1.63e-12,
    34.5: 6.93e-13,
    116.0: 2.07e-13,
    276.0: 8.81e-14,
    539.0: 4.54e-14,
    932.0: 2.65e-14,
}
"""Mass [g] -> S [Gy/(Bq s)]; spheres of 177Lu in soft tissue, masses are those of radii of 1-60 mm at 1.03 g/mL."""
SOURCE = "published sphere model, 177Lu in soft tissue (100 %/0 %); the print's own reference is to be named"
MASSES = list(PUBLISHED)


@pytest.mark.parametrize("mass_g", MASSES)
def test_spheres_by_the_point_kernel_are_the_published_ones(mass_g: float, validation) -> None:
    got = computed_sphere_s_value("Lu-177", mass_g, density_g_per_mL=1.03).total_Gy_per_MBq_h / GY_PER_BQ_S
    # Three digits are printed; ours lie up to 0.7 % lower, as the branch means lie below the tabulated spectrum.
    validation(
        f"S of a {mass_g:g} g sphere for 177Lu, point kernel at 1.03 g/mL",
        expected=PUBLISHED[mass_g],
        got=got,
        unit="Gy/(Bq s)",
        source=SOURCE,
        relative=0.015,
    )


@pytest.mark.parametrize("mass_g", MASSES[1:])
def test_the_shipped_table_at_its_own_density_is_near_the_published_ones(mass_g: float, validation) -> None:
    validation(
        f"S of a {mass_g:g} g sphere for 177Lu, shipped table (1.05 g/mL)",
        expected=PUBLISHED[mass_g],
        got=sphere_s_value_Gy_per_MBq_h("Lu-177", mass_g) / GY_PER_BQ_S,
        unit="Gy/(Bq s)",
        source=SOURCE,
        relative=0.015,
    )


@pytest.mark.parametrize("left_out", range(1, len(MASSES) - 1))
def test_each_interior_published_value_left_out_is_interpolated_within_2_percent(left_out: int, validation) -> None:
    masses, values = np.array(MASSES), np.array(list(PUBLISHED.values()))
    kept = np.arange(len(masses)) != left_out
    validation(
        f"S of a {masses[left_out]:g} g sphere for 177Lu, left out and interpolated log-log",
        expected=float(values[left_out]),
        got=log_log_interpolated(float(masses[left_out]), masses[kept], values[kept]),
        unit="Gy/(Bq s)",
        source=SOURCE,
        relative=0.02,
    )


@pytest.mark.parametrize(
    ("name", "expected", "relative", "why"),
    [
        ("Lu-177", 0.281, 0.01, ""),
        ("Ga-68", 1.50, 0.01, ""),
        (
            "Y-90",
            1.67,
            0.02,
            "its losses of electrons at the surface are smaller; which transport it used is not stated",
        ),
    ],
)
def test_310_gram_spheres_are_as_listed(name: str, expected: float, relative: float, why: str, validation) -> None:
    validation(
        f"S of a 310 g sphere for {name}",
        expected=expected,
        got=sphere_s_value_Gy_per_MBq_h(name, 310.0) * 1000,
        unit="mGy/(MBq h)",
        source="RayzeBio list of sphere S values, 310 g (printed to three digits)",
        relative=relative,
        not_matched_because=why,
    )
