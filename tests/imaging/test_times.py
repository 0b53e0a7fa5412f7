"""Time that passed between two moments, whatever their zones and clocks did."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from theratrial.imaging.times import seconds_between

BERLIN = ZoneInfo("Europe/Berlin")
TEHRAN = ZoneInfo("Asia/Tehran")


@pytest.mark.parametrize(
    ("earlier", "later", "hours"),
    [
        (datetime(2025, 3, 30, 1, 30, tzinfo=BERLIN), datetime(2025, 3, 30, 3, 30, tzinfo=BERLIN), 1),
        (datetime(2025, 10, 26, 1, 30, tzinfo=BERLIN), datetime(2025, 10, 26, 3, 30, tzinfo=BERLIN), 3),
        (datetime(2022, 3, 21, 10, tzinfo=TEHRAN), datetime(2022, 3, 23, 10, tzinfo=TEHRAN), 47),
        (datetime(2022, 3, 21, 10, tzinfo=TEHRAN), datetime(2022, 3, 23, 10), 48),
        (datetime(2022, 3, 21, 10), datetime(2022, 3, 23, 10), 48),
        (datetime(2022, 3, 21, 6, 30, tzinfo=UTC), datetime(2022, 3, 21, 10, tzinfo=TEHRAN), 0),
        (
            datetime(2022, 3, 21, 10, tzinfo=timezone(timedelta(hours=3.5))),
            datetime(2022, 3, 22, 11, tzinfo=TEHRAN),
            24,
        ),
    ],
)
def test_a_change_of_the_clocks_between_two_moments_is_counted(earlier, later, hours):
    assert seconds_between(later, earlier) == hours * 3600
    assert seconds_between(earlier, later) == -hours * 3600
