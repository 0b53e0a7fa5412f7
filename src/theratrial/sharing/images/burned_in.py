"""Does an image look as if text were burned into its corners? A hint for a person who looks, not a proof of absence.

Burned-in text is drawn in one value on an even ground, in strokes a pixel or two wide, several characters of one height
in a line. Bodies, noise and lesions are none of that: their values vary.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_CORNER_FRACTION: Final = 0.35
_LEAST_CHARACTERS: Final = 4
_HEIGHTS_PX: Final = (5, 40)
_WIDEST_PX: Final = 40
_COMMON_VALUES: Final = 24
_LEAST_SHARE_OF_STROKES: Final = 0.3
"""Of all the spots of one value, this share must look like characters: sparse counts make a few by chance."""
_LEAST_CONTRAST_FRACTION: Final = 0.25
_EVEN_GROUND_FRACTION: Final = 0.1
_ON_GROUND_FRACTION: Final = 0.85
"""Share of the pixels around a stroke that must be ground: one value of a noisy tissue makes strokes too."""


@dataclass(frozen=True, slots=True)
class TextLike:
    """Characters in a line, seen in a corner."""

    frame: int
    corner: str
    characters: int
    value: float


def text_like(frames: Iterable[NDArray[Any]]) -> tuple[TextLike, ...]:
    """Lines of text-like strokes in the corners of frames ``(ny, nx)``; the first few frames that show any.

    Parameters
    ----------
    frames
        Stored values; colour frames ``(ny, nx, 3)`` are taken by their brightest channel.
    """
    found: list[TextLike] = []
    for number, frame in enumerate(frames):
        plane = np.asarray(frame)
        plane = plane.max(axis=-1) if plane.ndim == 3 else plane
        found += [one for name, part in _corners(plane) if (one := _line_of_text(part, number, name)) is not None]
        if len(found) >= 8:
            break
    return tuple(found)


def _corners(plane: NDArray[Any]) -> Iterable[tuple[str, NDArray[Any]]]:
    ny, nx = plane.shape
    rows, columns = max(1, round(ny * _CORNER_FRACTION)), max(1, round(nx * _CORNER_FRACTION))
    # each a half as wide again, so that a line that starts at the edge is seen whole
    wide = min(nx, round(columns * 1.4))
    yield "upper left", plane[:rows, :wide]
    yield "upper right", plane[:rows, nx - wide :]
    yield "lower left", plane[ny - rows :, :wide]
    yield "lower right", plane[ny - rows :, nx - wide :]


def _line_of_text(part: NDArray[Any], number: int, name: str) -> TextLike | None:
    values, counts = np.unique(part, return_counts=True)
    if len(values) < 2:
        return None
    ground = values[np.argmax(counts)]
    spread = float(values[-1]) - float(values[0])
    far = np.abs(values.astype(np.float64) - float(ground)) >= _LEAST_CONTRAST_FRACTION * spread
    common = np.argsort(np.where(far, counts, 0))[::-1][:_COMMON_VALUES]
    for value in values[common]:
        if abs(float(value) - float(ground)) < _LEAST_CONTRAST_FRACTION * spread:
            break
        near_ground = np.abs(part.astype(np.float64) - float(ground)) <= _EVEN_GROUND_FRACTION * spread
        drawn = part == value
        characters = _characters_in_a_line(drawn, near_ground | drawn)
        if characters >= _LEAST_CHARACTERS:
            return TextLike(number, name, characters, float(value))
    return None


def _characters_in_a_line(mask: NDArray[np.bool_], ground: NDArray[np.bool_]) -> int:
    """Most components of one height that stand in one line on even ground, thin-stroked and close to each other."""
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count < _LEAST_CHARACTERS or count > 2000:
        return 0
    boxes = []
    sizes = np.bincount(labels.ravel())
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        height, width = box[0].stop - box[0].start, box[1].stop - box[1].start
        thin = sizes[index] <= 0.85 * height * width or width <= 3
        if (
            _HEIGHTS_PX[0] <= height <= _HEIGHTS_PX[1]
            and width <= _WIDEST_PX
            and thin
            and _on_ground(labels, index, box, ground)
        ):
            boxes.append((box[0].start, box[0].stop, box[1].start, box[1].stop))
    if len(boxes) < _LEAST_SHARE_OF_STROKES * count:
        return 0
    if len(boxes) < _LEAST_SHARE_OF_STROKES * count:
        return 0
    best = 0
    for top, bottom, _, _ in boxes:
        line = sorted(b for b in boxes if abs(b[1] - bottom) <= 1 and abs(b[0] - top) <= 2)
        gaps = sorted((b[2], b[3]) for b in line)
        run = longest = 1
        for (_, end), (start, _) in pairwise(gaps):
            run = run + 1 if start - end <= 2 * (bottom - top) else 1
            longest = max(longest, run)
        best = max(best, longest if line else 0)
    return best


def _on_ground(labels: NDArray[Any], index: int, box: tuple[slice, ...], ground: NDArray[np.bool_]) -> bool:
    rows = slice(max(0, box[0].start - 1), box[0].stop + 1)
    columns = slice(max(0, box[1].start - 1), box[1].stop + 1)
    own = labels[rows, columns] == index
    around = ndimage.binary_dilation(own, structure=np.ones((3, 3))) & ~own
    return bool(around.any()) and float(ground[rows, columns][around].mean()) >= _ON_GROUND_FRACTION
