"""Whole-body views of a session: how they were laid on each other, and what their counts say of the whole body."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.report.blocks import Block, Cell, Heading, Picture, Table, Text
from theratrial.report.texts import hours, number, words
from theratrial.report.traces import TraceBook
from theratrial.results.pictures import OverlayPicture
from theratrial.results.values import SessionResult
from theratrial.trace import Quantity

_HEIGHT_PX: Final = 420
_FULL_PX: Final = 1080


def whole_body_table(session: SessionResult, book: TraceBook) -> Table | None:
    """Clearance of the whole body by planar counts; None where the protocol does not want it."""
    body = session.whole_body
    if body is None:
        return None
    rows = [
        (
            Cell(f"{words(point.imaging_id)}, {hours(point.hours_after)}"),
            Cell("net count rate, geometric mean of both views"),
            book.quantity(point.net_rate_cps),
        )
        for point in body.points
    ]
    rows += [
        (Cell("Whole body"), Cell(what), _with_note(book, quantity))
        for what, quantity in (
            ("effective half-life", body.effective_half_life_h),
            ("time-integrated activity, all of the administered activity in the body at injection",
             body.time_integrated_activity_MBq_h),
        )
    ]  # fmt: skip
    return Table("Whole body, by planar counts", ("Scan", "What", "Value"), tuple(rows), style="dense")


def _with_note(book: TraceBook, quantity: Quantity) -> Cell:
    cell = book.quantity(quantity)
    if quantity.value is None or not quantity.note:
        return cell
    return Cell(cell.text, cell.hint, cell.anchor, cell.style, cell.below, (Cell(quantity.note),))


def alignments_table(session: SessionResult, book: TraceBook) -> Table | None:
    """How far the later views were moved, and whether the registration is accepted."""
    rows = []
    for one in session.view_alignments:
        fit = [
            f"{name} {number(value)}"
            for name, value in (("before", one.correlation_before), ("after", one.correlation_after))
            if value is not None
        ]
        turned = "not known" if one.rotation_deg is None else f"{number(one.rotation_deg)}°"
        refused = one.refused_because
        rows.append(
            (
                Cell(f"{words(one.imaging_id)} onto {words(one.onto)}"),
                book.quantity(one.down_mm, signed=True),
                book.quantity(one.right_mm, signed=True),
                Cell(turned, style="number"),
                Cell(", ".join(fit) or "not known", style="number" if fit else "missing"),
                Cell(f"refused: {refused}" if refused else "accepted", style="missing wrap" if refused else ""),
            )
        )
    if not rows:
        return None
    head = ("View", "Moved down", "Moved right", "Turned", "Likeness of the views", "Registration")
    return Table("Later whole-body view laid on the first", head, tuple(rows), style="dense")


def _body(both: NDArray[np.float32], top: float) -> tuple[slice, slice]:
    """Rows and columns that hold more than a trace of counts, with a margin."""
    cut = []
    for axis in (1, 0):
        held = np.flatnonzero(both.max(axis=axis) > 0.02 * top)
        length = both.shape[1 - axis]
        margin = length // 40 + 1
        if held.size == 0:
            cut.append(slice(0, length))
        else:
            cut.append(slice(max(int(held[0]) - margin, 0), min(int(held[-1]) + margin + 1, length)))
    return cut[0], cut[1]


def overlay_picture(overlay: OverlayPicture, index: int) -> Picture:
    """Both views in one picture, before and after: blue is the first alone, orange the later alone, grey is both."""
    from PIL import Image

    top = max(float(np.percentile(overlay.fixed, 99.7)), 1e-12)
    body = _body(overlay.fixed + np.nan_to_num(overlay.before), top)

    def shade(view: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.sqrt(np.clip(np.nan_to_num(view.astype(float)) / top, 0, 1))

    panels = []
    for later in (overlay.before, overlay.moved):
        first, second = shade(overlay.fixed[body]), shade(later[body])
        # Ink on white: what both hold is grey, what one holds alone keeps its colour.
        ink = np.stack([first, 0.5 * (first + second), second], axis=-1)
        panels.append((255 * (1 - 0.9 * ink)).astype(np.uint8))
    rows, columns = overlay.fixed[body].shape
    height = _HEIGHT_PX
    width = max(1, round(height * columns * overlay.pixel_spacing_mm[1] / (rows * overlay.pixel_spacing_mm[0])))
    sheet = Image.new("RGB", (2 * width + 24, height), "white")
    for place, panel in enumerate(panels):
        sheet.paste(
            Image.fromarray(panel).resize((width, height), Image.Resampling.BILINEAR), (place * (width + 24), 0)
        )
    stream = BytesIO()
    sheet.save(stream, format="JPEG", quality=88, optimize=True)
    names = f"{words(overlay.imaging_id)} on {words(overlay.onto)}"
    return Picture(
        f"overlay-{overlay.session}-{index}",
        f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}",
        f"Session {overlay.session}: {names}, left as it lay, right as it was laid on the first view",
        f"{names}: left as the patient lay, right after registration. Geometric mean with decay undone on one scale. "
        "Where the colours part, the views do: blue is the first view alone, orange the later one alone, grey is both.",
        "raster",
        min(sheet.width / _FULL_PX, 1.0),
    )


def views_blocks(session: SessionResult, overlays: Sequence[OverlayPicture], book: TraceBook) -> list[Block]:
    """Everything of the whole-body views; empty where none was quantified."""
    body, moved = whole_body_table(session, book), alignments_table(session, book)
    if body is None and moved is None:
        return []
    blocks: list[Block] = [Heading("Whole-body views")]
    if moved is not None:
        blocks += [Text("A person judges the registration by the pictures: nothing else does.", "quiet"), moved]
        blocks += [overlay_picture(overlay, index) for index, overlay in enumerate(overlays, 1)]
    blocks += [body] if body is not None else []
    return blocks
