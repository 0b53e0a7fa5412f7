"""Moments of shared images by one clock: no offset gives the season away, and every decay stays what it was.

Expected times are reckoned with Python's own zoneinfo (the IANA database), not with the code under test.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from identified_images import PATIENT_ID, pet_slice, saved
from pydicom.dataset import Dataset

from theratrial.sharing.images.clocks import STANDS, Clock
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.moments import Shift, by_clock
from theratrial.sharing.images.release import make_release
from theratrial.sharing.images.values import Asked, Released

KEY = ReleaseKey(b"0123456789abcdef0123456789abcdef", "first")
TEHRAN = ZoneInfo("Asia/Tehran")
CHANGED = datetime(2022, 3, 22, tzinfo=TEHRAN)
"""In the first hour of this day the clocks of Iran went from +03:30 to +04:30."""
MOMENTS = st.datetimes(datetime(2019, 1, 1), datetime(2023, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


def scan(number: int, day: str, *, stated: str, injected: str, clock: str = "110000", uid: str) -> Dataset:
    ds = pet_slice(number, day=day, series=uid)
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = clock
    if stated:
        ds.TimezoneOffsetFromUTC = stated
    else:
        del ds.TimezoneOffsetFromUTC
    item = ds.RadiopharmaceuticalInformationSequence[0]
    item.RadiopharmaceuticalStartDateTime, item.RadiopharmaceuticalStartTime = injected, injected[8:14]
    del item.RadiopharmaceuticalStopTime, item.RadiopharmaceuticalStopDateTime
    item.RadionuclideHalfLife, item.RadionuclideTotalDose = "282276", "200000000"
    item.RadionuclideCodeSequence[0].CodeValue = "C-168A4"
    item.RadionuclideCodeSequence[0].CodeMeaning = "^89^Zirconium"
    return ds


def released(tmp_path: Path, *given_at: datetime, trial: bool = True) -> tuple[Released, list[pydicom.FileDataset]]:
    clocks = {PATIENT_ID: Clock(TEHRAN, given_at)} if trial else {}
    made = make_release(Asked(tmp_path / "in", tmp_path / "out", KEY, clocks=clocks))
    objects = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    return made, sorted(objects, key=lambda one: one.AcquisitionDate + one.AcquisitionTime)


def written(tmp_path: Path, *objects: Dataset) -> None:
    for number, ds in enumerate(objects):
        saved(ds, tmp_path / "in" / f"{number}.dcm")


def shown(made: Released, day: str, clock: str) -> datetime:
    """A moment of the release, its days moved back."""
    at = datetime.strptime(day + clock[:6], "%Y%m%d%H%M%S")
    return at - timedelta(days=next(iter(made.people.values())).shift_days)


@pytest.mark.parametrize("stated", ["+0330", "+0000", ""])
def test_an_object_shows_the_wall_of_the_trial_whatever_offset_it_states(tmp_path: Path, stated: str) -> None:
    """23:10 and 00:40 of the next day in Tehran, also where the scanner writes UTC."""
    injected, scanned = datetime(2022, 1, 10, 23, 10, tzinfo=TEHRAN), datetime(2022, 1, 11, 0, 40, tzinfo=TEHRAN)
    zone = UTC if stated == "+0000" else TEHRAN
    begun, given_at = scanned.astimezone(zone), injected.astimezone(zone)
    suffix = "+0000" if stated == "+0000" else "+0330" if stated else ""
    said = f"{given_at:%Y%m%d%H%M%S}{suffix}"
    one = scan(0, f"{begun:%Y%m%d}", clock=f"{begun:%H%M%S}", stated=stated, injected=said, uid="1.2.826.0.1.55.2")
    written(tmp_path, one)
    made, (ds,) = released(tmp_path, injected)
    assert shown(made, ds.AcquisitionDate, ds.AcquisitionTime) == datetime(2022, 1, 11, 0, 40)
    item = ds.RadiopharmaceuticalInformationSequence[0]
    said = item.RadiopharmaceuticalStartDateTime
    assert shown(made, said[:8], said[8:14]) == datetime(2022, 1, 10, 23, 10)
    assert item.RadiopharmaceuticalStartTime == "231000"
    assert ds.get("TimezoneOffsetFromUTC", "+0000") == "+0000"
    assert said[14:] in ("", "+0000")


@pytest.mark.parametrize(("before", "after"), [("+0330", "+0430"), ("+0330", "+0330"), ("", "")])
def test_within_a_session_the_clock_is_not_changed_and_decay_is_true(tmp_path: Path, before: str, after: str) -> None:
    """Injected at 10:00 on the day before the change, scanned four and 24 h 30 min later, a day later and on day 20."""
    given_at = datetime(2022, 3, 21, 10, tzinfo=TEHRAN)
    late = "100000" if after == "+0330" else "110000"
    objects = [
        scan(0, "20220321", clock="140000", stated=before, injected=f"20220321100000{before}", uid="1.2.826.0.1.55.2"),
        scan(0, "20220323", clock=late, stated=after, injected=f"20220321100000{before}", uid="1.2.826.0.1.55.3"),
        scan(0, "20220420", clock=late, stated=after, injected=f"20220420{late}{after}", uid="1.2.826.0.1.55.4"),
    ]
    written(tmp_path, *objects)
    made, found = released(tmp_path, given_at)
    walls = [shown(made, ds.AcquisitionDate, ds.AcquisitionTime) for ds in found]
    assert walls[1] - datetime(2022, 3, 21, 10) == timedelta(hours=48), "true hours after the injection"
    assert walls[2] == datetime(2022, 4, 20, 11), "the wall's time again, 30 days later"
    assert {ds.get("TimezoneOffsetFromUTC", "+0000") for ds in found} == {"+0000"}
    for ds in found[:2]:
        said = ds.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime
        assert shown(made, said[:8], said[8:14]) == datetime(2022, 3, 21, 10)
    decays = [
        seen for one in made.report.series for seen in one.agreements if "decay from administration" in seen.quantity
    ]
    assert len(decays) == 3
    assert {seen.relative_difference for seen in decays} == {0.0}


def test_without_a_trial_a_study_is_shown_by_the_offset_of_its_injection(tmp_path: Path) -> None:
    """The clocks were changed between injection and scan: the interval is the true one."""
    injected = "20220321230000+0330"
    written(tmp_path, scan(0, "20220322", clock="030000", stated="+0430", injected=injected, uid="1.2.826.0.1.55.2"))
    made, (ds,) = released(tmp_path, trial=False)
    said = ds.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime
    begun = shown(made, ds.AcquisitionDate, ds.AcquisitionTime)
    assert begun - shown(made, said[:8], said[8:14]) == timedelta(hours=3)
    assert said.endswith("+0000")


@given(MOMENTS, st.lists(MOMENTS, max_size=4))
def test_the_clock_is_always_one_that_the_place_has_or_had_when_the_session_began(
    at: datetime, given_at: list[datetime]
) -> None:
    wall = Clock(TEHRAN, tuple(given_at)).wall(at)
    assert wall.utcoffset() == timedelta(0)
    ahead = wall - at
    assert ahead in (timedelta(hours=3, minutes=30), timedelta(hours=4, minutes=30))
    if not any(timedelta() <= at - one <= STANDS for one in given_at):
        assert ahead == at.astimezone(TEHRAN).utcoffset()


@given(MOMENTS, st.lists(st.timedeltas(timedelta(), STANDS), min_size=1, max_size=5))
def test_no_interval_within_a_session_is_changed(given_at: datetime, later: list[timedelta]) -> None:
    clock = Clock(TEHRAN, (given_at,))
    assert [clock.wall(given_at + one) - clock.wall(given_at) for one in later] == later


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.integers(-840, 840), st.sampled_from([2, 4, 6]))
def test_a_day_with_its_time_goes_to_another_clock_as_datetime_says(at: datetime, minutes: int, digits: int) -> None:
    at = at.replace(minute=at.minute if digits > 2 else 0, second=at.second if digits > 4 else 0, microsecond=0)
    ds = Dataset()
    ds.ContentDate, ds.ContentTime = f"{at:%Y%m%d}", f"{at:%H%M%S}"[:digits]
    by_clock(ds, Shift(0, 0, minutes))
    moved = at + timedelta(minutes=minutes)
    assert ds.ContentDate == f"{moved:%Y%m%d}"
    assert ds.ContentTime.ljust(6, "0") == f"{moved:%H%M%S}"


def test_a_day_alone_stays_and_a_time_alone_goes_round_the_clock() -> None:
    ds = Dataset()
    ds.AcquisitionDate, ds.RadiopharmaceuticalStartTime = "20220101", "2330"
    by_clock(ds, Shift(0, 0, 60))
    assert (ds.AcquisitionDate, ds.RadiopharmaceuticalStartTime) == ("20220101", "0030")
    assert CHANGED.date() == date(2022, 3, 22)
