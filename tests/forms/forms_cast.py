"""Where and when the forms of the tests are filled."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

TEHRAN = ZoneInfo("Asia/Tehran")
NOW = datetime(2022, 6, 1, 8, 0, tzinfo=UTC)
