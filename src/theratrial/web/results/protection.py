"""Radiation protection of a session as it is shown and signed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from theratrial.report.leaflet.page import LeafletFacts, last_day, leaflet_refused_because
from theratrial.results.protection import SessionProtection
from theratrial.results.rebuild import rebuilt
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import content_digest, is_valid
from theratrial.web.trials.selectors import the_trial, trial_zone

KIND: Final = "radiation_protection"
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class GivenSession:
    """Which injection it was, and when."""

    session: int
    injected_at: datetime


@dataclass(frozen=True, slots=True)
class ProtectionShown:
    """A session's radiation protection with its signatures."""

    session: GivenSession
    protection: SessionProtection
    content: dict[str, Any]
    digest: str
    key: str
    given: tuple[tuple[Signature, bool], ...]
    """(signature, whether it stands on what is shown)."""

    @property
    def signature(self) -> Signature | None:
        """The last that stands."""
        return next((one for one, stands in reversed(self.given) if stands), None)

    @property
    def signed(self) -> bool:
        """Whether a signature stands."""
        return self.signature is not None

    @property
    def leaflet_refused_because(self) -> str:
        """Why no sheet can be printed; empty where it can."""
        return leaflet_refused_because(self.protection)

    @property
    def leaves_from(self) -> Any:
        """When she may leave, at the latest; None where nothing says when."""
        found = self.protection.may_leave_from_h
        if found is None or found.upper is None or not math.isfinite(found.upper):
            return None
        return self.session.injected_at + timedelta(hours=found.upper)


def protection_key(code: str, session: int) -> str:
    """Which session a signature is of."""
    return f"{code}/{session}"


def protection_shown(stored: Mapping[str, Any], signatures: list[Signature]) -> list[ProtectionShown]:
    """The sessions of a participant's stored result that have one on protection, each with its signatures.

    Of the large rest nothing is rebuilt.
    """
    found = []
    code: str = stored["participant_id"]
    sessions = {one["session"]: rebuilt(GivenSession, one) for one in stored["sessions"]}
    for one in stored.get("protection") or ():
        protection = rebuilt(SessionProtection, one)
        session = sessions[protection.session]
        content = _content(code, protection)
        key = protection_key(code, protection.session)
        given = tuple((given, is_valid(given, content)) for given in signatures if given.key == key)
        digest = content_digest(KIND, key, content)
        found.append(ProtectionShown(session, protection, content, digest, key, given))
    return found


def _content(code: str, one: SessionProtection) -> dict[str, Any]:
    """Exactly what a physicist sees of a session and signs."""
    return {
        "participant": code,
        "session": one.session,
        "verdict": one.verdict,
        "because": one.because,
        "limit": one.limit_text,
        "kinetics": one.kinetics_text,
        "dose_rate_uSv_per_h": _rounded(one.dose_rate_at_discharge_uSv_per_h.value),
        "dose_rate_upper_uSv_per_h": _rounded(one.dose_rate_at_discharge_uSv_per_h.upper),
        "effective_half_life_h": _rounded(one.effective_half_life_h.value),
        "effective_half_life_upper_h": _rounded(one.effective_half_life_h.upper),
        "readings": len(one.rates),
        "discharged_at": one.discharged_at.isoformat() if one.discharged_at else None,
        "contraception_until": one.contraception_until.isoformat() if one.contraception_until else None,
        "restrictions": [
            {
                "person": found.person,
                "member": found.member_id,
                "kind": found.kind,
                "pattern": found.pattern,
                "constraint_mSv": _rounded(found.constraint_mSv),
                "without_mSv": _rounded(found.dose_without_mSv.value),
                "with_upper_mSv": _rounded(found.dose_with_mSv.upper),
                "last_day": _last(found, one),
            }
            for found in one.restrictions
        ],
        "remarks": list(one.remarks),
        "assumptions": list(one.trace.demonstration),
    }


def _last(found: Any, one: SessionProtection) -> str:
    """The last restricted day; ``none`` where nothing is restricted, empty where it is not settled."""
    day = last_day(found, one)
    if day is None:
        return ""
    return "none" if day.year == 1 else day.isoformat()


def _rounded(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def leaflet_facts(code: str, shown: ProtectionShown) -> LeafletFacts:
    """What the sheet is made of."""
    signature = shown.signature
    return LeafletFacts(
        code,
        shown.protection,
        shown.session.injected_at,
        trial_zone(),
        bool(shown.protection.trace.demonstration) or the_trial().simulated,
        signature.printed_name if signature else "",
        signature.signed_at if signature else None,
    )
