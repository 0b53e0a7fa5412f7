"""Where electrons and alpha particles deposit: locally, but for walls, marrow and bone, by stated fractions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RED_MARROW: Final = "red_marrow"
TRABECULAR_BONE: Final = "trabecular_bone"
SKELETON: Final = "skeleton"
TOTAL_BODY: Final = "total_body"
CONTENTS_OF_WALL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "heart_wall": "heart_contents",
        "stomach_wall": "stomach_contents",
        "urinary_bladder_wall": "urinary_bladder_contents",
    }
)
TRABECULAR_BONE_G: Final[Mapping[str, float]] = MappingProxyType({"F": 800.0, "M": 1100.0})
"""ICRP 89: a fifth of the mineral bone."""
ACTIVE_SHARE_OF_MARROW_SPACE: Final = 0.58
"""Cellularity of the adult's sites of red marrow (ICRP 70: spine, ribs and sternum 0.70, pelvis 0.48, skull and
shoulder 0.38, femora and humeri 0.25), weighted with the marrow they hold. Electrons cross many fat cells (0.05 mm), so
that marrow and fat share their energy by mass."""
MARROW_SPACE_FROM_TRABECULAR_BONE: Final = 0.35
"""ICRP 30: share of a beta emitter's energy that goes from the volume of trabecular bone into the marrow space."""

_PARTS_OF_SKELETON: Final = frozenset({RED_MARROW, TRABECULAR_BONE, SKELETON})


def charged_share_per_g(target: str, source: str, masses_g: Mapping[str, float]) -> float:
    """Share of the electron energy of a source that its target absorbs, over the target's mass [1/g].

    Examples
    --------
    >>> masses = {"heart_wall": 250.0, "heart_contents": 370.0}
    >>> charged_share_per_g("heart_wall", "heart_contents", masses) == 0.5 / 370
    True
    """
    if target == TOTAL_BODY or source == TOTAL_BODY:
        return 1 / masses_g[TOTAL_BODY]
    if CONTENTS_OF_WALL.get(target) == source:
        # The surface of a uniform source has half the dose of its inside.
        return 0.5 / masses_g[source]
    if target == RED_MARROW and source == RED_MARROW:
        return ACTIVE_SHARE_OF_MARROW_SPACE / masses_g[RED_MARROW]
    if target == RED_MARROW and source == TRABECULAR_BONE:
        return MARROW_SPACE_FROM_TRABECULAR_BONE * ACTIVE_SHARE_OF_MARROW_SPACE / masses_g[RED_MARROW]
    if target == SKELETON and source in _PARTS_OF_SKELETON:
        return 1 / masses_g[SKELETON]
    if target == RED_MARROW and source == SKELETON:
        return 1 / masses_g[SKELETON]
    return 1 / masses_g[target] if target == source else 0.0


def alpha_share_per_g(target: str, source: str, masses_g: Mapping[str, float]) -> float:
    """The same for alpha particles; a wall gets nothing from its contents, as their range is under 0.1 mm."""
    if CONTENTS_OF_WALL.get(target) == source:
        return 0.0
    return charged_share_per_g(target, source, masses_g)
