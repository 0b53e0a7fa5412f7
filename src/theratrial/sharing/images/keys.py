"""What stands in the place of an identity: codes, UIDs and one date shift per participant, all from one secret.

Everything is a keyed hash (HMAC-SHA-256) of the original under the secret and the name of the release: who has the
secret gets the same codes again, who has not cannot tell from a code what it stood for, nor link two releases by codes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from theratrial.errors import InputError

SHORTEST_SECRET: Final = 16
_LEAST_SHIFT_DAYS: Final = 366
"""A year at least: no shifted date may be near the day it stands for."""
_MOST_SHIFT_DAYS: Final = 3650
_MOST_TRIES: Final = 10_000
STANDARD_ROOT: Final = "1.2.840.10008."
"""UIDs of the standard itself (object classes, transfer syntaxes) name nobody."""


@dataclass(frozen=True, slots=True)
class ReleaseKey:
    """The secret of one release.

    Parameters
    ----------
    secret
        At least 16 random bytes, kept apart from the release.
    release
        Name of the release; another name gives other codes for the same people.
    """

    secret: bytes
    release: str = "release"

    def __post_init__(self) -> None:
        if len(self.secret) < SHORTEST_SECRET:
            raise InputError(
                f"the secret of a release has {len(self.secret)} bytes; at least {SHORTEST_SECRET} random ones are "
                "needed -> make a new key file"
            )

    def _digest(self, kind: str, value: str) -> bytes:
        inner = hmac.new(self.secret, f"theratrial release {self.release}".encode(), hashlib.sha256).digest()
        return hmac.new(inner, f"{kind}\0{value}".encode("utf-8", "surrogateescape"), hashlib.sha256).digest()

    def participant_code(self, participant: str) -> str:
        """Code of a participant: ``P-`` and eight letters or digits."""
        return "P-" + base64.b32encode(self._digest("participant", participant))[:8].decode("ascii")

    def uid(self, original: str) -> str:
        """The UID that stands for `original`, under 2.25 (DICOM PS3.5 B.2); UIDs of the standard stay.

        Examples
        --------
        >>> ReleaseKey(b"sixteen bytes or more").uid("1.2.840.10008.1.2.1")
        '1.2.840.10008.1.2.1'
        """
        if not original or original.startswith(STANDARD_ROOT):
            return original
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', original)[:16], version=5).int}"

    def label(self, kind: str, original: str, letters: int = 6) -> str:
        """A short stand-in that is the same for the same original: ``STATION-4FQ7ZK``."""
        return f"{kind}-{base64.b32encode(self._digest(kind, original))[:letters].decode('ascii')}"

    def shift_days(self, participant: str, dates: Collection[date]) -> int:
        """Days by which all dates of a participant move back: 366 to 3650, the same for all of them.

        No shifted date of the participant is itself a date of the participant: otherwise the leak scan could not tell
        an original from a shifted one.

        Raises
        ------
        InputError
            If no such shift exists (dates on thousands of days).
        """
        days = set(dates)
        span = _MOST_SHIFT_DAYS - _LEAST_SHIFT_DAYS + 1
        for turn in range(_MOST_TRIES):
            number = int.from_bytes(self._digest("shift", f"{participant}\0{turn}")[:8], "big")
            shift = _LEAST_SHIFT_DAYS + number % span
            back = timedelta(days=shift)
            if not any(day.toordinal() > shift and day - back in days for day in days):
                return -shift
        raise InputError("no date shift was found that keeps shifted dates apart from the original ones")
