"""The whole-body views of a session laid on each other, with the picture a person judges it by."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.planar_scans import PlanarScan
from theratrial.pipeline.session_values import Z_95
from theratrial.quantification.coarser import coarser_pair
from theratrial.quantification.planar_registration_views import overlay, registered_views
from theratrial.results.dosimetry import ViewAlignment
from theratrial.results.pictures import OverlayPicture
from theratrial.trace import Quantity, Trace

METHOD = "quantification.registered_views"
_VERSION = "1"
_PIXEL_MM = 10.0
"""Near the resolution of a whole-body camera: a shift is found to a tenth of it."""


def view_alignments(
    planar: Sequence[PlanarScan], participant_id: str, session: int, isotope: Nuclide
) -> tuple[tuple[ViewAlignment, ...], tuple[OverlayPicture, ...]]:
    """Every later view of a session on its first; a registration that is refused says why and shows nothing."""
    ordered = sorted(planar, key=lambda scan: scan.image.hours_after or 0.0)
    found, pictures = [], []
    for later in ordered[1:]:
        first = ordered[0]
        ids = later.image.plan.id, first.image.plan.id
        inputs = {"view": later.pair.source.content_hash, "onto": first.pair.source.content_hash}
        trace = Trace(METHOD, _VERSION, inputs)
        try:
            if later.photopeak != first.photopeak:
                raise InputError("the photopeak is not the same window in both views")
            pairs = [coarser_pair(scan.pair, _PIXEL_MM) for scan in (first, later)]
            laid = registered_views(pairs[0], pairs[1], photopeak=first.photopeak)
            shown = overlay(
                first.pair,
                later.pair,
                laid,
                photopeak=first.photopeak,
                half_life_h=isotope.half_life_h,
                first_dwell_s=first.whole_body.dwell_s,
                second_dwell_s=later.whole_body.dwell_s,
            )
        except (InputError, NumericalError) as error:
            why = str(error)
            nothing = Quantity(None, "mm", trace, note=why)
            found.append(ViewAlignment(*ids, nothing, nothing, None, None, None, why))
            continue
        half = Z_95 * laid.sd_mm
        found.append(
            ViewAlignment(
                *ids,
                Quantity(laid.down_mm, "mm", trace, laid.down_mm - half, laid.down_mm + half),
                Quantity(laid.right_mm, "mm", trace, laid.right_mm - half, laid.right_mm + half),
                round(laid.rotation_deg, 3),
                round(laid.correlation_before, 4),
                round(laid.correlation_after, 4),
                "",
            )
        )
        pictures.append(
            OverlayPicture(participant_id, session, *ids, shown.fixed, shown.before, shown.moved, shown.spacing_mm)
        )
    return tuple(found), tuple(pictures)
