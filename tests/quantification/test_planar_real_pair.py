"""A real two-detector pair through the route, with a body of stated thickness: bounds that hold whatever it shows."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date
from pathlib import Path

import numpy as np
import pytest

from theratrial.errors import InputError
from theratrial.imaging.planar import planar_pair
from theratrial.quantification.attenuation import StatedAttenuation, water_per_mm
from theratrial.quantification.camera import PlanarSensitivity
from theratrial.quantification.camera_timing import scan_timing, stated_scan
from theratrial.quantification.conjugate_view import geometric_mean
from theratrial.quantification.conjugate_view_activity import PlanarCamera, planar_activities
from theratrial.quantification.planar_background import BackgroundPlan
from theratrial.quantification.planar_regions import rectangle, stated_body
from theratrial.quantification.scatter import TRIPLE_WINDOW, ScatterPlan

LUNG = rectangle("lung", top_mm=150.0, left_mm=210.0, height_mm=90.0, width_mm=60.0)
SIDE = rectangle("lung", top_mm=420.0, left_mm=210.0, height_mm=40.0, width_mm=60.0)
SENSITIVITY = PlanarSensitivity(
    "E.CAM", "Tc-99m", "140 keV", 80.0, 80.0, 0.03, date(2016, 1, 1), "air", "given:assumed"
)
EFFECTIVE = StatedAttenuation(200.0, 0.012, "effective", 20.0, 0.1, "given:assumed")


def test_the_real_pair_gives_an_activity_between_what_either_view_alone_would_say(shared: Path) -> None:
    path = shared / "data/nm_planar_antpost_siemens/poumonsReins_scrubbed.dcm"
    pair = planar_pair(path, UTC)
    camera = PlanarCamera(
        SENSITIVITY, scan_timing(stated_scan(path)), 0, ScatterPlan("none", 1.0, 0.0, "given:effective attenuation")
    )
    body = stated_body(pair, [LUNG], EFFECTIVE)
    plan = BackgroundPlan(drawn=(SIDE,))
    found = planar_activities(pair, body, camera, background=plan).activity("lung")
    assert found is not None
    assert pair.posterior is not None
    rows, columns = slice(63, 100), slice(88, 113)
    whole = [float(v[0, rows, columns].sum()) for v in (pair.anterior, pair.posterior)]
    # By hand: nothing but counts, time, sensitivity and exp(mu T / 2); background may take at most all of one view.
    plain = math.sqrt(whole[0] * whole[1]) * math.exp(0.012 * 200 / 2) / 80.0 / 120.001
    assert 0.5 * plain < found.activity_MBq < 1.1 * plain
    assert found.warnings
    assert found.volume_mL is None
    assert "counts that spill over the edge of the region" in found.not_in_interval
    picture = geometric_mean(pair.anterior[0], pair.posterior[0])
    assert np.all(picture <= np.maximum(pair.anterior[0], pair.posterior[0]) + 1e-3)
    assert np.all(picture >= np.minimum(pair.anterior[0], pair.posterior[0]) - 1e-3)


def test_a_pair_with_one_window_cannot_have_scatter_taken_off_nor_narrow_attenuation(shared: Path) -> None:
    path = shared / "data/nm_planar_antpost_siemens/poumonsReins_scrubbed.dcm"
    pair = planar_pair(path, UTC)
    plan = BackgroundPlan(drawn=(SIDE,))
    narrow = replace(EFFECTIVE, beam="narrow", mu_per_mm=water_per_mm(140.5))
    camera = PlanarCamera(SENSITIVITY, scan_timing(stated_scan(path)), 0, TRIPLE_WINDOW)
    with pytest.raises(InputError, match="scatter window touches"):
        planar_activities(pair, stated_body(pair, [LUNG], narrow), camera, background=plan)
    bare = replace(camera, scatter=ScatterPlan("none", 1.0, 0.0, "given:none"))
    with pytest.raises(InputError, match="overstates"):
        planar_activities(pair, stated_body(pair, [LUNG], narrow), bare, background=plan)
