"""Writes the passported point kernels and sphere S values of the shipped nuclides from our own Monte Carlo.

Usage: python scripts/make_kernel_tables.py [points|spheres] [NUCLIDE MEDIUM]

The point kernels take some twenty minutes on one core; the spheres are made from the shipped point kernels in a second.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from theratrial.dosimetry.transport.point_kernels import SHIPPED_MEDIA, SHIPPED_NUCLIDES, table_stem
from theratrial.dosimetry.transport.point_kernels_computed import computed_point_kernel
from theratrial.dosimetry.transport.point_kernels_values import PointKernel
from theratrial.reference import sealed

DATA = Path(__file__).resolve().parent.parent / "src/theratrial/dosimetry/transport/data"
HISTORIES = {"soft_tissue": (400_000, 4_000_000), "water": (150_000, 1_500_000)}
"""Electrons and photons followed for each nuclide."""
SEED = 20_240_817


def written(stem: str, passport: str, lines: list[str]) -> None:
    header = "".join(f"#: {line}".rstrip() + "\n" for line in passport.strip().splitlines())
    (DATA / f"{stem}.csv").write_text(sealed(header + "\n".join(lines) + "\n"), encoding="utf-8")


def rows(kernel: PointKernel) -> list[str]:
    lines = []
    for part, deposition in (("electron", kernel.electron), ("photon", kernel.photon)):
        for outer, energy, sd in zip(
            deposition.edges_g_per_cm2[1:], deposition.energy_keV, deposition.sd_keV, strict=True
        ):
            lines.append(f"{part},{outer:.9g},{energy:.7g},{sd:.2g}")
    return lines


def point(name: str, medium: str) -> None:
    electrons, photons = HISTORIES[medium]
    kernel = computed_point_kernel(name, medium, histories=electrons, photon_histories=photons, seed=SEED)
    written(
        table_stem(name, medium),
        f"""
title = "Energy per decay of {name} deposited in shells around a point in {medium.replace("_", " ")}"
edition = "1"
source = "Our own Monte Carlo (docs/methods/dose_kernels.md) with decay data of ICRP Publication 107"
licence = "Ours, Apache-2.0"
how_entered = "scripts/make_kernel_tables.py: {electrons} electrons, {photons} photons, seed {SEED}"
how_checked = "tests/reference/test_kernels.py: energy balance, and voxel kernels against EGSnrc physics (ompMC)"
decisions = [
 "Infinite medium: photons scattered back from outside a radius are in it",
 "The photon part has gamma, x and annihilation photons and the bremsstrahlung that the electron part lacks",
 "A shell ends where the next begins; the first begins at 0; radii are mass per area, for any density",
]
sha256 = ""
[units]
part = "-"
outer_radius_g_per_cm2 = "g/cm2"
energy_keV = "keV per decay"
sd_keV = "keV per decay, statistical standard deviation"
""",
        ["part,outer_radius_g_per_cm2,energy_keV,sd_keV", *rows(kernel)],
    )
    print(name, medium, kernel.electron.deposited_keV, kernel.photon.deposited_keV, flush=True)


def spheres() -> None:
    from theratrial.dosimetry.transport.spheres import LARGEST_g, SMALLEST_g, computed_sphere_s_value

    masses = np.geomspace(SMALLEST_g, LARGEST_g, 60)
    lines = []
    for name in SHIPPED_NUCLIDES:
        for mass in (float(f"{m:.5g}") for m in masses):
            value = computed_sphere_s_value(name, mass)
            lines.append(
                f"{name},{mass:.5g},{value.electron_Gy_per_MBq_h:.6g},{value.photon_Gy_per_MBq_h:.6g},"
                f"{value.photon_relative_sd:.2g}"
            )
    written(
        "sphere_s_values",
        """
title = "S values of spheres of soft tissue by mass, activity uniform in the sphere"
edition = "1"
source = "Shipped point kernels in soft tissue, integrated over the sphere (docs/methods/spheres.md)"
licence = "Ours, Apache-2.0"
how_entered = "scripts/make_kernel_tables.py spheres"
how_checked = "tests/reference/test_sphere_table.py: published table of 177Lu; each interior mass left out, within 2 %"
decisions = [
 "The sphere lies in an infinite medium of the same tissue of 1.05 g/mL",
]
sha256 = ""
[units]
nuclide = "-"
mass_g = "g"
electron_Gy_per_MBq_h = "Gy/(MBq h)"
photon_Gy_per_MBq_h = "Gy/(MBq h)"
photon_relative_sd = "fraction"
""",
        ["nuclide,mass_g,electron_Gy_per_MBq_h,photon_Gy_per_MBq_h,photon_relative_sd", *lines],
    )


def main(arguments: list[str]) -> None:
    what = arguments[0] if arguments else "all"
    if what in ("all", "points"):
        chosen = [tuple(arguments[1:3])] if len(arguments) == 3 else None
        for name, medium in chosen or [(n, m) for m in SHIPPED_MEDIA for n in SHIPPED_NUCLIDES]:
            point(name, medium)
    if what in ("all", "spheres"):
        spheres()


if __name__ == "__main__":
    main(sys.argv[1:])
