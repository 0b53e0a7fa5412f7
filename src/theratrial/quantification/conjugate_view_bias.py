"""What others found when they measured the same patients by planar scans and in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from theratrial.reference import table

TABLE: Final = "quantification/planar_bias"
_LUNGS: Final = ("lung", "lung_left", "lung_right", "lungs")


@dataclass(frozen=True, slots=True)
class PlanarBias:
    """One published comparison: planar over reference, both as absorbed dose per administered activity.

    `planar_mGy_per_MBq` and `reference_mGy_per_MBq` are None where only their ratio is known.
    """

    region: str
    radiopharmaceutical: str
    patients: int
    reference_route: str
    ratio: float
    planar_mGy_per_MBq: float | None
    reference_mGy_per_MBq: float | None
    citation: str
    source: str
    """For a `Trace`."""


def published_planar_bias(region: str) -> tuple[PlanarBias, ...]:
    """Published comparisons for a region, then those for organs in general; for display beside our own routes only.

    They are no correction: how planar and hybrid differ depends on background, overlap and scatter as each group took
    them, and the two sources do not even agree in direction.

    Examples
    --------
    >>> [(b.region, b.ratio) for b in published_planar_bias("lung_left")]
    [('lungs', 2.344), ('organs', 0.4)]
    """
    wanted = "lungs" if region.casefold() in _LUNGS else region.casefold()
    shipped = table(TABLE)
    found = []
    for key in (wanted, "organs"):
        for row in shipped:
            if row.text("region") != key:
                continue
            planar, reference = (row.number(c) if row.text(c) else None for c in ("planar", "reference"))
            found.append(
                PlanarBias(
                    key,
                    row.text("radiopharmaceutical"),
                    int(row.number("patients")),
                    row.text("reference_route"),
                    row.number("ratio"),
                    planar,
                    reference,
                    row.text("citation"),
                    f"{shipped.trace_key}#{row.text('id')}",
                )
            )
    return tuple(found)
