"""Doses of a session as they are shown and signed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from theratrial.pipeline.gate_inputs import gate_inputs
from theratrial.results.values import ParticipantResult, RegionDoseResult, SessionResult
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import content_digest, is_valid

KIND: Final = "dosimetry"
STATES: Final = {
    "determined": gettext_lazy("determined"),
    "bounded": gettext_lazy("bounded: clearance cannot be told from physical decay, which bounds the dose"),
    "rising": gettext_lazy("rising: takes up activity still; nothing bounds it"),
    "extrapolated": gettext_lazy("extrapolated: most of it lies after the last scan; physical decay bounds it"),
    "single_point": gettext_lazy("single point: rests on assumed kinetics"),
    "undetermined": gettext_lazy("undetermined"),
}
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class SessionShown:
    """A session's doses with their signatures."""

    session: SessionResult
    content: dict[str, Any]
    digest: str
    key: str
    given: tuple[tuple[Signature, bool, tuple[str, ...]], ...]
    """(signature, whether it stands on these doses, what differs)."""

    @property
    def signed(self) -> bool:
        """Whether a signature stands."""
        return any(stands for _signature, stands, _changed in self.given)

    @property
    def has_lesions(self) -> bool:
        """Whether any lesion was measured."""
        return any(one.kind == "lesion" for one in self.session.doses)


def dosimetry_key(code: str, session: int) -> str:
    """Which doses a signature is of."""
    return f"{code}/{session}"


def session_content(one: ParticipantResult, session: SessionResult, for_gate: Mapping[str, Any]) -> dict[str, Any]:
    """Exactly what a physicist sees of a session and signs."""
    judged = {dose.region_id: dose for dose in gate_inputs(for_gate).doses if dose.session == session.session}
    lines = [_line(dose, judged.get(dose.region_name) or judged.get(dose.region_id)) for dose in session.doses]
    return {
        "participant": one.participant_id,
        "session": session.session,
        "injected_at": session.injected_at.isoformat(),
        "administered_activity_MBq": _rounded(session.administered_activity_MBq.value),
        "doses": lines,
    }


def _line(dose: RegionDoseResult, judged: Any) -> dict[str, Any]:
    quantity = dose.absorbed_dose_Gy
    volumes = [point.volume_mL.value for point in dose.points if point.volume_mL.value is not None]
    upper_Gy = None if judged is None or not judged.bounded else judged.upper_Gy
    return {
        "region": dose.region_name,
        "region_id": dose.region_id,
        "title": dose.title if dose.kind == "organ" else dose.region_name.replace("_", " "),
        "kind": dose.kind,
        "at_risk": dose.at_risk,
        "absorbed_dose_Gy": _rounded(quantity.value),
        "lower_Gy": _rounded(quantity.lower),
        "upper_Gy": _rounded(quantity.upper),
        "gate_upper_Gy": _rounded(upper_Gy),
        "determinacy": dose.determinacy,
        "reason": dose.determinacy_reason,
        "effective_half_life_h": _rounded(dose.effective_half_life_h.value),
        "points": len(dose.points),
        "volume_mL": _rounded(sum(volumes) / len(volumes)) if volumes else None,
        "method": f"{quantity.trace.method} {quantity.trace.version}",
        "note": quantity.note,
        "missing_parts": list(dose.missing_parts),
        "assumptions": list(quantity.trace.demonstration),
    }


def _rounded(value: float | None) -> float | None:
    """To more digits than anybody reads: the last bits of another processor are no change of a dose."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def session_shown(
    one: ParticipantResult, session: SessionResult, for_gate: Mapping[str, Any], signatures: list[Signature]
) -> SessionShown:
    """A session with its signatures, each against these doses."""
    content = session_content(one, session, for_gate)
    key = dosimetry_key(one.participant_id, session.session)
    given = tuple(
        (signature, is_valid(signature, content), changes(signature.content, content))
        for signature in signatures
        if signature.key == key
    )
    return SessionShown(session, content, content_digest(KIND, key, content), key, given)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Which doses differ between two contents, in words."""
    first = {one["region"]: one for one in before.get("doses", ())}
    second = {one["region"]: one for one in after.get("doses", ())}
    said = []
    if before.get("administered_activity_MBq") != after.get("administered_activity_MBq"):
        said.append(_("administered activity"))
    for region in dict.fromkeys([*first, *second]):
        old, new = first.get(region), second.get(region)
        if old != new:
            was = old["absorbed_dose_Gy"] if old else None
            now = new["absorbed_dose_Gy"] if new else None
            said.append(
                _("%(region)s: signed %(was)s Gy, now %(now)s Gy")
                % {"region": region, "was": _shown(was), "now": _shown(now)}
            )
    return tuple(said)


def _shown(value: float | None) -> str:
    return _("undetermined") if value is None else f"{value:.3g}"
