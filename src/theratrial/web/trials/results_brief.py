"""The little that the overview needs of the large computed results; read once per computation and process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from theratrial.web.results.models import ParticipantResultRow, TrialResultRow


@dataclass(frozen=True, slots=True)
class OrganDose:
    """A cumulative organ dose against its limit; `upper_Gy` None: no upper bound, which is never below the limit."""

    region: str
    title: str
    upper_Gy: float | None
    limit_Gy: float


@dataclass(frozen=True, slots=True)
class Brief:
    """One participant's response and organ doses."""

    category: str
    doses: tuple[OrganDose, ...]


def latest_computation() -> TrialResultRow | None:
    """The cohort's latest result without its content."""
    return (
        TrialResultRow.objects.filter(computation__state="done")
        .select_related("computation")
        .defer("content")
        .order_by("-computation__finished_at")
        .first()
    )


@lru_cache(maxsize=4)
def briefs_of(computation: UUID) -> Mapping[str, Brief]:
    """Code -> brief; a finished computation never changes, so its brief is kept."""
    rows = ParticipantResultRow.objects.filter(computation=computation).select_related("participant")
    return {row.participant.code: _brief(row.content) for row in rows.iterator(chunk_size=50)}


def _brief(content: Mapping[str, Any]) -> Brief:
    response = content.get("response") or {}
    doses = tuple(
        OrganDose(one["region_id"], one["title"], _upper(one.get("judged_upper_Gy")), one["limit_Gy"])
        for one in content.get("cumulative_doses", ())
        if one.get("kind") == "organ" and one.get("limit_Gy")
    )
    return Brief(response.get("category") or "", doses)


def _upper(quantity: Mapping[str, Any] | None) -> float | None:
    value = (quantity or {}).get("value")
    return float(value) if isinstance(value, int | float) else None


@lru_cache(maxsize=4)
def endpoint_of(computation: UUID) -> Mapping[str, Any]:
    """The endpoint of a computation as plain values."""
    content = TrialResultRow.objects.values_list("content", flat=True).get(computation=computation)
    return dict(content.get("endpoint") or {})
