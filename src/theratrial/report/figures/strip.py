"""All pictures of one participant as one narrow strip: the gallery, drawn directly because there are many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from theratrial.report.figures.images import SUV_TOP, fused, planar_top
from theratrial.report.style import INK
from theratrial.report.texts import words
from theratrial.results.pictures import FusionPicture, PlanarPicture

if TYPE_CHECKING:
    from PIL.Image import Image

TILE_PX: Final = 300
"""Height of every tile."""
_HEAD_PX: Final = 50
_GAP_PX: Final = 6


@cache
def _font(size: int) -> Any:
    from matplotlib import font_manager
    from PIL import ImageFont

    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)


def _tile(rgb: Any, spacing_mm: tuple[float, float], label: str, side_colour: str) -> Image:
    """An image scaled to the height of the strip in the proportions of the body, with its label and sides."""
    from PIL import Image, ImageDraw

    rows, columns = rgb.shape[:2]
    width = max(round(TILE_PX * columns * spacing_mm[1] / (rows * spacing_mm[0])), 24)
    picture = Image.fromarray(np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8))
    picture = picture.resize((width, TILE_PX), Image.Resampling.BILINEAR)
    # A tile is as wide as its label needs: a narrow image never cuts it and the next tile never covers it.
    needed = max(math.ceil(_font(16).getlength(line)) for line in label.splitlines()) + 2
    tile = Image.new("RGB", (max(width, needed), TILE_PX + _HEAD_PX), "white")
    tile.paste(picture, (0, _HEAD_PX))
    pen = ImageDraw.Draw(tile)
    pen.multiline_text((0, 2), label, fill=INK, font=_font(16), spacing=2)
    pen.text((3, _HEAD_PX + 2), "R", fill=side_colour, font=_font(16))
    pen.text((width - 4, _HEAD_PX + 2), "L", fill=side_colour, font=_font(16), anchor="ra")
    # Ten centimetres, at the foot.
    bar = round(100 / (rows * spacing_mm[0]) * TILE_PX)
    y = TILE_PX + _HEAD_PX - 5
    pen.line((width - 4 - bar, y, width - 4, y), fill=side_colour, width=2)
    return tile


def _grey(values: Any) -> Any:
    return np.repeat((1 - values)[..., None], 3, axis=-1)


def strip(fusion: Sequence[FusionPicture], planar: Sequence[PlanarPicture]) -> Image | None:
    """The strip; None where there is no picture. Planar pictures share one scale, SUV pictures the report's."""
    from PIL import Image

    tiles = []
    for picture in fusion:
        time = words(picture.timepoint)
        over = "white" if picture.ct_cut_HU is not None else INK
        what = "PET on CT" if picture.ct_cut_HU is not None else "PET"
        tiles.append(_tile(fused(picture.suv_cut, picture.ct_cut_HU), picture.spacing_mm, f"{time}\n{what}", over))
        shown = np.clip(np.nan_to_num(picture.suv_mip) / SUV_TOP, 0, 1)
        tiles.append(_tile(_grey(shown), picture.spacing_mm, f"{time}\nprojection", INK))
    top = planar_top(planar) if planar else 1.0
    for pair in planar:
        for view, counts in (("ant.", pair.anterior), ("post.", pair.posterior)):
            if counts is None:
                continue
            shown = np.sqrt(np.clip(counts * pair.to_injection_factor / top, 0, 1))
            label = f"s{pair.session} {view}\n{pair.hours_after:.1f} h"
            tiles.append(_tile(_grey(shown), pair.pixel_spacing_mm, label, INK))
    if not tiles:
        return None
    width = sum(tile.width for tile in tiles) + _GAP_PX * (len(tiles) - 1)
    whole = Image.new("RGB", (width, TILE_PX + _HEAD_PX), "white")
    x = 0
    for tile in tiles:
        whole.paste(tile, (x, 0))
        x += tile.width + _GAP_PX
    return whole
