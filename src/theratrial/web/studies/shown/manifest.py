"""Headers and addresses -> the JSON that the volume viewer loads."""

from __future__ import annotations

from typing import Any

Addressed = tuple[dict[str, Any], str]
"""Header of a `Shown`, and the address its content is served at."""


def volume_manifest(
    *,
    emission: Addressed | None = None,
    anatomy: Addressed | None = None,
    regions: Addressed | None = None,
    mip: Addressed | None = None,
) -> dict[str, Any]:
    """What the volume viewer loads; at least one of emission and anatomy."""
    given = {"emission": emission, "anatomy": anatomy, "regions": regions, "mip": mip}
    return {role: {**pair[0], "url": pair[1]} for role, pair in given.items() if pair is not None}


__all__ = ["Addressed", "volume_manifest"]
