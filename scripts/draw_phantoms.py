"""Draws coronal, sagittal and transverse cuts of the adult phantoms to docs/images/phantoms.png.

Usage: python scripts/draw_phantoms.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch

from theratrial.dosimetry.transport.phantoms import phantom

ROOT = Path(__file__).resolve().parent.parent
COLOURS = {
    "other_soft_tissue": "#f3dccb", "liver": "#8c4a2f", "kidneys": "#b5476b", "spleen": "#7d3c98", "lungs": "#a9d3e8",
    "heart_wall": "#c0392b", "heart_contents": "#e58e85", "stomach_wall": "#d4ac0d", "stomach_contents": "#f7e08a",
    "small_intestine": "#e59866", "colon": "#a57c52", "pancreas": "#f5b041", "adrenals": "#1b1b1b", "brain": "#c39bd3",
    "thyroid": "#117a65", "urinary_bladder_wall": "#9a7d0a", "urinary_bladder_contents": "#f9e79f",
    "uterus": "#ec7fa9", "ovaries": "#ad1457", "breasts": "#f5b7b1", "testes": "#ad1457", "prostate": "#5d6d7e",
    "skull": "#8d9aa5", "spine": "#8d9aa5", "ribs": "#8d9aa5", "pelvis": "#8d9aa5", "shoulder_girdle": "#8d9aa5",
    "upper_humeri": "#8d9aa5", "arm_bones": "#8d9aa5", "upper_femora": "#8d9aa5", "leg_bones": "#8d9aa5",
}  # fmt: skip
CUTS = (("coronal", -32), ("coronal", 10), ("coronal", 46), ("sagittal", 0), ("sagittal", 60))
LEVELS = (60, 165, 245, 300, 335, 420)


def image(voxels: np.ndarray, names: list[str]) -> np.ndarray:
    palette = np.array([mpl.colors.to_rgb("white"), *(mpl.colors.to_rgb(COLOURS[name]) for name in names)])
    return palette[voxels]


def main() -> None:
    figure = plt.figure(figsize=(17, 13.5), layout="constrained")
    for half, name in zip(figure.subfigures(2, 1), ("adult_female", "adult_male"), strict=True):
        body = phantom(name)
        names, step = [region.name for region in body.regions], body.voxel_mm
        x0, y0, z0 = body.origin_mm
        nz, ny, nx = body.voxels.shape
        axes = half.subplot_mosaic(
            [
                ["0", "1", "2", "3", "4", "a", "b"],
                ["0", "1", "2", "3", "4", "c", "d"],
                ["0", "1", "2", "3", "4", "e", "f"],
            ],
            width_ratios=[nx, nx, nx, ny, ny, nx, nx],
        )
        half.suptitle(f"{name.replace('_', ' ')}: cuts, the patient's right side on the left")
        for key, (kind, at) in enumerate(CUTS):
            if kind == "coronal":
                cut, extent = body.voxels[:, int((at - y0) / step), :], (x0, x0 + nx * step)
            else:
                cut, extent = body.voxels[:, :, int((at - x0) / step)], (y0, y0 + ny * step)
            axes[str(key)].imshow(image(cut, names), origin="lower", extent=(*extent, z0, z0 + nz * step))
            axes[str(key)].set_title(f"{kind}, {'y' if kind == 'coronal' else 'x'} = {at} mm", fontsize=8)
            axes[str(key)].set_ylim(-200, z0 + nz * step)
        for key, at in zip("abcdef", LEVELS, strict=True):
            cut = body.voxels[int((at - z0) / step)]
            axes[key].imshow(image(cut, names), extent=(x0, x0 + nx * step, y0 + ny * step, y0))
            axes[key].set_title(f"transverse, z = {at} mm", fontsize=8)
        half.legend(
            handles=[Patch(color=COLOURS[n], label=n) for n in names if COLOURS[n] != "#8d9aa5"]
            + [Patch(color="#8d9aa5", label="skeleton")],
            loc="outside lower center", ncols=12, fontsize=7, frameon=False,
        )  # fmt: skip
    figure.savefig(ROOT / "docs/images/phantoms.png", dpi=70)


if __name__ == "__main__":
    main()
