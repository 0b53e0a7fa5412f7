"""Lines that can be read but cannot all be true are refused with both places, and true ones are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from theratrial.pipeline.contradictions import contradictions
from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.trialfolder import read_folder

_SEED = "IRCT20210612051548N3"

BATCH = "B1,lu177_trastuzumab,{activity},{reference},2022-04-01T08:00,yes\n"
GIVEN = "P1,lu177_trastuzumab,1,,B1,{measured},{measured_at},2022-03-08T12:00,intravenous\n"
TABLES = {
    "participants": "participant_id,site_id,screened_on,sex\nP1,site_01,2022-02-01,female\n",
    "consents": "participant_id,form_version,language,signed_at,obtained_by\nP1,1.0,fa,2022-02-01T09:00,NU-01\n",
    "batches": "batch_id,product_id,activity_MBq,reference_at,expires_at,released\n",
    "administrations": "participant_id,product_id,session,timepoint,batch_id,measured_activity_MBq,measured_at,"
    "injected_at,route\n",
    "calibrations": "calibration_id,camera,kind,nuclide,factor_cps_per_MBq,relative_sd_percent,valid_from\n",
}

Found = Callable[..., list[str]]


@pytest.fixture
def found(tmp_path: Path) -> Found:
    """What contradicts itself in a folder with these lines added to its tables."""

    def of(**lines: str) -> list[str]:
        (tmp_path / "records").mkdir(exist_ok=True)
        (tmp_path / "protocol.yaml").write_bytes(shipped_protocol_bytes(_SEED))
        for name, text in TABLES.items():
            (tmp_path / f"records/{name}.csv").write_text(text + lines.get(name, ""), encoding="utf-8")
        return [str(problem) for problem in contradictions(read_folder(tmp_path))]

    return of


def _drawn(found: Found, measured: float, *, activity: float, reference: str, measured_at: str) -> list[str]:
    return found(
        batches=BATCH.format(activity=activity, reference=reference),
        administrations=GIVEN.format(measured=measured, measured_at=measured_at),
    )


# Lu-177 has a half-life of 6.647 d (ICRP 107), 159.528 h: after 6 d 15 h 32 min half of it is left.
HALF = {"reference": "2022-03-01T08:00", "measured_at": "2022-03-07T23:32"}


@pytest.mark.parametrize("measured", [500, 1000, 1099])
def test_a_syringe_within_what_the_batch_still_held_is_taken(found: Found, measured: float) -> None:
    assert _drawn(found, measured, activity=2000, **HALF) == []


@pytest.mark.parametrize("measured", [1102, 1990, 2e6])
def test_a_syringe_with_more_than_the_batch_still_held_is_refused_with_both_lines(
    found: Found, measured: float
) -> None:
    (said,) = _drawn(found, measured, activity=2000, **HALF)
    assert said.startswith("records/administrations.csv line 2, column measured_activity_MBq: ")
    assert f"{measured:g} MBq is more than the batch held: " in said
    assert "there were 1000 MBq left of batch B1 (records/batches.csv line 2)" in said
    assert said.endswith("-> check unit, time and batch on both lines")


def test_a_batch_stated_for_a_later_time_held_more_when_it_was_drawn(found: Found) -> None:
    later = {"reference": "2022-03-07T23:32", "measured_at": "2022-03-01T08:00"}
    assert _drawn(found, 2190, activity=1000, **later) == []
    (said,) = _drawn(found, 2210, activity=1000, **later)
    assert "there were 2000 MBq left" in said


def test_an_empty_batch_and_a_reference_years_off_are_answered(found: Found) -> None:
    assert "there were 0 MBq left" in _drawn(found, 1, activity=0, **HALF)[0]
    assert _drawn(found, 0, activity=0, **HALF) == []
    years_before = {"reference": "1900-03-01T08:00", "measured_at": "2022-03-01T08:00"}
    assert "there were 0 MBq left" in _drawn(found, 1, activity=5000, **years_before)[0]
    years_after = {"reference": "2022-03-31T08:00", "measured_at": "1922-03-01T08:00"}
    assert _drawn(found, 5000, activity=5000, **years_after) == []


CALIBRATION = "C1,NM1,spect,Lu-177,9.5,3,2022-02-01\n"


@pytest.mark.parametrize("second", ["C2,NM1,spect,Lu-177,11,3,2022-02-01\n", "C2,nm1,spect,177Lu,9.5,3,2022-02-01\n"])
def test_two_calibrations_of_which_either_could_hold_are_refused_with_both_lines(found: Found, second: str) -> None:
    (said,) = found(calibrations=CALIBRATION + second)
    assert said.startswith("records/calibrations.csv line 3, column valid_from: C2 holds from 2022-02-01 on, ")
    assert "as does C1 of line 2" in said
    assert said.endswith("-> keep the one that holds, or correct a date")


@pytest.mark.parametrize(
    "second",
    [
        "C2,NM1,spect,Lu-177,11,3,2022-02-02\n",
        "C2,NM1,planar,Lu-177,11,3,2022-02-01\n",
        "C2,NM2,spect,Lu-177,11,3,2022-02-01\n",
        "C2,NM1,spect,Lu-176,11,3,2022-02-01\n",
    ],
    ids=["another day", "another kind", "another camera", "another nuclide"],
)
def test_calibrations_that_differ_in_what_they_are_for_stand_side_by_side(found: Found, second: str) -> None:
    assert found(calibrations=CALIBRATION + second) == []


@pytest.mark.parametrize(("second", "refused"), [(450.0, False), (900.0, True)])
def test_syringes_that_only_together_exceed_their_batch_are_refused(found: Found, second: float, refused: bool) -> None:
    """By hand: 177Lu, 6.647 d; 1000 MBq at 08:00, 600 MBq drawn then; 24 h later 900.97 MBq would be there."""
    said = found(
        batches=BATCH.format(activity=1000, reference="2022-03-08T08:00"),
        administrations=GIVEN.format(measured=600, measured_at="2022-03-08T08:00")
        + "P1,lu177_trastuzumab,2,,B1,"
        + f"{second},2022-03-09T08:00,2022-03-09T12:00,intravenous\n",
    )
    told = [line for line in said if "together" in line]
    assert bool(told) == refused
    if refused:  # 600 + 900 / 0.90097 = 1598.9
        assert "hold 160 % of it together" in told[0]
        assert "lines 2, 3" in told[0]
