"""What a trial as a whole is in SDTM's words: its arm, its country."""

from __future__ import annotations

from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.protocol.schema import Protocol

_COUNTRIES: Final = {
    "Asia/Tehran": "IRN",
    "Europe/Berlin": "DEU",
    "Europe/Paris": "FRA",
    "Europe/Amsterdam": "NLD",
    "Europe/Rome": "ITA",
    "Europe/Madrid": "ESP",
    "Europe/London": "GBR",
    "Europe/Vienna": "AUT",
    "Europe/Zurich": "CHE",
    "Europe/Stockholm": "SWE",
    "Europe/Istanbul": "TUR",
    "Asia/Tokyo": "JPN",
    "Asia/Seoul": "KOR",
    "Asia/Kolkata": "IND",
    "Asia/Shanghai": "CHN",
    "America/New_York": "USA",
    "America/Chicago": "USA",
    "America/Los_Angeles": "USA",
    "America/Toronto": "CAN",
    "America/Sao_Paulo": "BRA",
    "Australia/Sydney": "AUS",
}
"""Country (ISO 3166-1 alpha-3) of the trial's time zone, for zones that lie in one country."""


def country_of(context: SdtmContext) -> str:
    """The country in which the trial is done: that of its time zone.

    Raises
    ------
    InputError
        The zone is not among those known: DM must name a country, and none is guessed.
    """
    found = _COUNTRIES.get(context.result.timezone)
    if found is None:
        known = ", ".join(sorted(_COUNTRIES))
        raise InputError(f"no country is known for the time zone {context.result.timezone!r}; known are {known}")
    return found


def arm_of(protocol: Protocol) -> tuple[str, str]:
    """ARMCD and ARM of a trial with one arm.

    Raises
    ------
    InputError
        The protocol has several arms: who is in which is not recorded, so no arm can be named.
    """
    arms = [clause.reading for clause in protocol.arms.values() if clause.reading is not None]
    if len(arms) != 1:
        raise InputError(f"the protocol has {len(arms)} arms; SDTM is written for trials with one")
    code = "".join(mark for mark in arms[0].id.upper() if mark.isalnum())[:20]
    return code, ascii_text(arms[0].title)
