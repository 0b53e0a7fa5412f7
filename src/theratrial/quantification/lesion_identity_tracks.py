"""Identities of lesions over any number of scans. Method: docs/methods/lesion_identity.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from theratrial.errors import InputError
from theratrial.imaging.values import Region
from theratrial.quantification.lesion_identity import (
    DEFAULT_RULES,
    IdentityRules,
    LesionMatch,
    Outcome,
    lesion_matches,
)


@dataclass(frozen=True, slots=True)
class LesionTrack:
    """One lesion over all scans: its identity, and its name in each scan (None where it is not seen)."""

    identity: str
    names: tuple[str | None, ...]
    origin: str
    """How it began: in the first scan, new at scan n, or by a split or merger."""
    end: str
    """How it ended: "" if seen in the last scan, else gone, split, merged or ambiguous, with the scan."""


def lesion_tracks(
    scans: Sequence[Sequence[Region]], *, rules: IdentityRules = DEFAULT_RULES
) -> tuple[tuple[LesionTrack, ...], tuple[tuple[LesionMatch, ...], ...]]:
    """Identities over scans in order of time, and the matches of each neighbouring pair.

    A lesion keeps its identity only through ``same``. A split, merger or ambiguity ends the identities it touches and
    begins new ones that name where they came from; who decides otherwise renames the lesions and runs it again. A
    lesion that is gone and comes back at a later scan is new there, because a gap is not an identity.

    Parameters
    ----------
    scans
        Lesions of each scan, all on one grid after registration.
    """
    if not scans:
        raise InputError("lesion tracks need at least one scan")
    count = len(scans)
    names: dict[str, list[str | None]] = {}
    origin: dict[str, str] = {}
    end: dict[str, str] = {}
    holder: dict[str, str] = {}

    def begin(name: str, scan: int, how: str) -> None:
        identity = f"L{len(names) + 1}"
        names[identity] = [None] * count
        names[identity][scan] = name
        origin[identity], end[identity] = how, ""
        holder[name] = identity

    for region in sorted(scans[0], key=lambda r: r.name):
        begin(region.name, 0, "scan 1")
    steps = []
    for number in range(1, count):
        matches = lesion_matches(scans[number - 1], scans[number], rules=rules)
        steps.append(matches)
        before, holder = holder, {}
        for match in matches:
            if match.outcome is Outcome.SAME:
                identity = before[match.earlier[0]]
                names[identity][number] = match.later[0]
                holder[match.later[0]] = identity
                continue
            for name in match.earlier:
                end[before[name]] = f"{match.outcome} at scan {number + 1}"
            parents = ", ".join(before[name] for name in match.earlier)
            for name in match.later:
                begin(name, number, f"{match.outcome} at scan {number + 1}" + (f" of {parents}" if parents else ""))
    tracks = tuple(LesionTrack(i, tuple(names[i]), origin[i], end[i]) for i in names)
    return tracks, tuple(steps)
