"""The facts of a sheet out of the plain tree of stored results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.report.leaflet.page import LeafletFacts
from theratrial.results.protection import SessionProtection
from theratrial.results.rebuild import rebuilt


def stored_facts(tree: Mapping[str, Any], participant_id: str, session: int) -> LeafletFacts:
    """What a sheet is made of, of results as `theratrial.results.plain.read_results` reads them.

    Raises
    ------
    InputError
        The results have no such participant, session, or nothing on radiation protection.
    """
    person = next((one for one in tree["participants"] if one["participant_id"] == participant_id), None)
    if person is None:
        raise InputError(f"the results have no participant {participant_id!r}")
    given = next((one for one in person["sessions"] if one["session"] == session), None)
    found = next((one for one in person.get("protection", ()) if one["session"] == session), None)
    if given is None:
        raise InputError(f"{participant_id} has no session {session}")
    if found is None:
        raise InputError(
            f"{participant_id} session {session}: the results say nothing of radiation protection -> the protocol "
            "needs the clause radiation_protection; run again"
        )
    protection = rebuilt(SessionProtection, found)
    return LeafletFacts(
        participant_id,
        protection,
        datetime.fromisoformat(given["injected_at"]),
        ZoneInfo(tree["timezone"]),
        bool(protection.trace.demonstration) or bool(tree["simulated"]),
    )
