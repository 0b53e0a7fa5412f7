"""Regions of one scan carried to another, on the real 177Lu pair whose second scan has drawings of its own.

Data: Dewaraja and Van, University of Michigan Deep Blue Data, doi 10.7302/0n8e-rz46.
"""

import json
from pathlib import Path

import pytest
from dose_phantom import pt_series, structure_set
from typer.testing import CliRunner

from theratrial import cli
from theratrial.errors import TheratrialError

INJECTED = ("--administered-MBq", "7210", "--injected-at", "2018-11-15T09:22")


def called(*arguments):
    return CliRunner().invoke(cli.app, ["dose", *map(str, arguments)])


@pytest.mark.long
def test_carried_regions_hold_nearly_what_a_physician_drew_on_the_second_scan(shared: Path, tmp_path):
    pair = [shared / "data/lu177_spect_two_timepoints" / name for name in ("SCAN_001", "SCAN_002")]
    images = [word for scan in pair for word in ("--image", scan)]
    both = called(*INJECTED, *images, "--regions", pair[0], "--regions", pair[1], "--json")
    drawn = {region["name"]: region["points"] for region in json.loads(both.stdout)["regions"]}
    result = called(*INJECTED, *images, "--regions", pair[0], "--register", "--out", tmp_path / "out")
    assert result.exit_code == 0, (result.output, result.exception)
    plain = json.loads((tmp_path / "out/results.json").read_text())
    (registration,) = plain["registrations"]
    assert registration["correlation_before_fraction"] < 0.5 < 0.7 < registration["correlation_after_fraction"]
    assert registration["round_trip_mm"] < 3
    assert "there and back" in result.stdout
    assert "carried over by registration" in result.stderr
    for region, tolerance in zip(plain["regions"], (0.03, 0.2), strict=True):
        carried, own = region["points"], drawn[region["name"]]
        assert carried[0]["activity_MBq"] == pytest.approx(own[0]["activity_MBq"], rel=1e-6)
        assert carried[1]["volume_mL"] == pytest.approx(own[0]["volume_mL"], rel=0.01)
        # 2.8 mL drawn by hand twice differ by themselves; 107 mL do not.
        assert carried[1]["activity_MBq"] == pytest.approx(own[1]["activity_MBq"], rel=tolerance)


def test_scans_that_do_not_look_alike_are_not_registered(tmp_path):
    uid = pt_series(tmp_path / "one", {"liver": 30.0, "tumour": 1.0}, 24.0, frame_uid="1.2.3.1")
    pt_series(tmp_path / "two", {"tumour": 20.0}, 48.0, frame_uid="1.2.3.2")
    region = structure_set(tmp_path / "r.dcm", {"Liver": "liver"}, series_uid=uid)
    images = ("--image", tmp_path / "one", "--image", tmp_path / "two", "--regions", region)
    always = ("--administered-MBq", "1500", "--injected-at", "2024-03-01T09:00")
    alone = json.loads(called(*always, *images, "--json").stdout)
    assert len(alone["regions"][0]["points"]) == 1
    result = called(*always, *images, "--register")
    assert isinstance(result.exception, TheratrialError), result.output
    assert "registration" in str(result.exception)
