"""Where the physicist's pages stand."""

from __future__ import annotations

import re
from typing import Final

from theratrial.results.values import TrialResult

FOLDER: Final = "dosimetry"
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def page_names(result: TrialResult) -> dict[str, str]:
    """Participant -> file name of the page in `FOLDER`, for everybody with a session.

    An identifier that is no safe file name, or that differs from another by case alone, is named by its position.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for index, one in enumerate(result.participants, 1):
        if not one.sessions:
            continue
        name = one.participant_id
        if not _SAFE.fullmatch(name) or name.casefold() in taken:
            name = f"participant-{index:03d}"
        taken.add(name.casefold())
        found[one.participant_id] = f"{name}.html"
    return found


def page_links(result: TrialResult) -> dict[str, str]:
    """Participant -> page, relative to the trial report."""
    return {participant: f"{FOLDER}/{name}" for participant, name in page_names(result).items()}
