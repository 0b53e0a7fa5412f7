"""Draws docs/images/dose_kernels.png from the shipped kernels.

Usage: python scripts/draw_dose_kernels.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

from theratrial.dosimetry.transport.point_kernels import point_kernel
from theratrial.dosimetry.transport.voxel_kernel import voxel_kernel

IMAGE = Path(__file__).resolve().parent.parent / "docs/images/dose_kernels.png"
COLOURS = {"Lu-177": "#1f4e79", "Y-90": "#b5541c", "I-131": "#3c7d3c", "Ga-68": "#7a4fa0"}
VOXEL_mm = 4.8


def drawn_point_kernels(axes: plt.Axes) -> None:
    for name, colour in COLOURS.items():
        kernel = point_kernel(name)
        for part, style in ((kernel.electron, "-"), (kernel.photon, "--")):
            edges_mm = part.edges_g_per_cm2 * 10
            shown = (edges_mm[:-1] > 0.02) & (part.energy_keV > 3 * part.sd_keV)
            middle = np.sqrt(edges_mm[:-1] * edges_mm[1:], where=shown, out=np.ones_like(part.energy_keV))
            axes.plot(middle[shown], (part.energy_keV / np.diff(edges_mm))[shown], style, color=colour, lw=1.4)
        axes.plot([], [], color=colour, label=name)
    axes.plot([], [], "-", color="0.3", label="electrons")
    axes.plot([], [], "--", color="0.3", label="photons")
    axes.set(xscale="log", yscale="log", xlim=(0.02, 400), ylim=(1e-3, 2e3))
    axes.set_xlabel("distance from the point [mm at 1 g/mL]")
    axes.set_ylabel("energy per decay and mm [keV/mm]")
    axes.set_title("Point kernels in soft tissue", fontsize=10)
    axes.legend(fontsize=8, frameon=False)


def drawn_voxel_row(axes: plt.Axes) -> None:
    for name, colour in COLOURS.items():
        kernel = voxel_kernel(name, (VOXEL_mm,) * 3)
        for array, marker in ((kernel.electron_Gy_per_MBq_h, "o"), (kernel.photon_Gy_per_MBq_h, "x")):
            middle = array.shape[0] // 2
            row = array[middle, middle, middle:] * 1000
            distance = np.arange(len(row)) * VOXEL_mm
            axes.plot(distance[row > 0], row[row > 0], marker=marker, ms=4, lw=0.7, color=colour, mfc="none")
    axes.set(yscale="log", xlim=(-2, 122), ylim=(1e-5, 5e3))
    axes.set_xlabel("distance along the row [mm]")
    axes.set_ylabel("absorbed dose [mGy/(MBq h)]")
    axes.set_title("4.8 mm voxels in a row: o electrons, x photons", fontsize=10)


def main() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    drawn_point_kernels(left)
    drawn_voxel_row(right)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, lw=0.5)
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGE, dpi=130)


if __name__ == "__main__":
    main()
