"""A simulated cohort against its own truth: one row for every region, session and route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from theratrial.protocol.schema import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """One number of a run beside what is true of it; an end that is not stated is None."""

    participant_id: str
    session: int
    region: str
    kind: str
    volume_mL: float
    """True volume of the region; of a region of several parts, of all of them."""
    route: str
    imaging_id: str
    """Empty for what is no single scan."""
    true: float
    got: float | None
    lower: float | None
    upper: float | None
    determinacy: str
    stated: bool
    """Whether the route gives a value at all and flags nothing that forbids its use."""

    @property
    def error(self) -> float:
        """Relative error of the value."""
        assert self.got is not None
        return self.got / self.true - 1

    @property
    def holds(self) -> bool:
        """Whether the stated interval holds the truth."""
        assert self.lower is not None
        assert self.upper is not None
        return self.lower <= self.true <= self.upper


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def _parts(protocol: Protocol) -> dict[str, tuple[str, ...]]:
    """Organ of the protocol -> regions drawn for it."""
    return {
        name: clause.reading.region_names
        for name, clause in protocol.dose_regions.items()
        if clause.reading is not None and clause.reading.kind == "organ"
    }


def cohort_rows(result: Mapping[str, Any], truth: Mapping[str, Any], protocol: Protocol) -> list[Row]:
    """Every compared number of a run.

    Parameters
    ----------
    result
        ``results.json`` as values (`theratrial.results.plain.plain`).
    truth
        ``truth.json`` of the same cohort.

    Routes
    ------
    ``spect``: local deposition (electrons alone, as the truth counts) of the time-integrated activity that is reported.
    ``tia``: the reported time-integrated activity. ``points_alone``: the same by the exponential through the points.
    ``planar`` and ``hybrid``: their time-integrated activity. ``spect_activity``, ``planar_activity`` and
    ``hybrid_activity``: the activity at one scan.
    """
    parts = _parts(protocol)
    rows: list[Row] = []
    for person in result["participants"]:
        known = truth["participants"][person["participant_id"]]
        for session, true in zip(person["sessions"], known["sessions"], strict=True):
            for dose in session["doses"]:
                names = parts.get(dose["region_id"], (dose["region_name"],))
                of = [true["regions"][name] for name in names]
                volume_mL = sum(known["regions"][name]["volume_mL"] for name in names)
                masses_g = [known["regions"][name]["mass_g"] for name in names]
                energies = (one["electron_absorbed_dose_Gy"] * g for one, g in zip(of, masses_g, strict=True))
                true_Gy = sum(energies) / sum(masses_g)
                common = (person["participant_id"], session["session"], dose["region_name"], dose["kind"], volume_mL)
                rows += [Row(*common, *one) for one in _routes(dose, of, true_Gy)]
    return rows


def _routes(dose: Mapping[str, Any], of: list[Mapping[str, Any]], true_Gy: float) -> Iterator[tuple[Any, ...]]:
    true_tia = sum(one["time_integrated_activity_MBq_h"] for one in of)
    details, state = dose["details"], dose["determinacy"]
    tia = dose["time_integrated_activity_MBq_h"]
    for engine in details["engines"]:
        if engine["engine"] == "local_deposition":
            got = _number(engine["absorbed_dose_Gy"]["value"])
            reported = dose["absorbed_dose_Gy"]
            scale = None if not reported["value"] else (got or 0.0) / reported["value"]
            ends = [
                None if scale is None or reported[end] is None else float(reported[end]) * scale
                for end in ("lower", "upper")
            ]
            yield ("spect", "", true_Gy, got, *ends, state, True)
    yield ("tia", "", true_tia, *_ends(tia), state, tia["value"] is not None)
    for other in details["alternatives"]:
        yield (
            f"alternative {other['curve_method']}",
            "",
            true_tia,
            *_ends(other["time_integrated_activity_MBq_h"]),
            state,
            not other["flag"],
        )
    for point in dose["points"]:
        at = sum(one["activity_MBq"][point["imaging_id"]] for one in of)
        yield ("spect_activity", point["imaging_id"], at, *_ends(point["activity_MBq"]), state, True)
    for route in details["routes"]:
        whole = route["time_integrated_activity_MBq_h"]
        yield (route["route"], "", true_tia, *_ends(whole), route["determinacy"], whole["value"] is not None)
        for point in route["points"]:
            if point["imaging_id"] in of[0]["activity_MBq"]:
                at = sum(one["activity_MBq"][point["imaging_id"]] for one in of)
                yield (
                    f"{route['route']}_activity",
                    point["imaging_id"],
                    at,
                    *_ends(point["activity_MBq"]),
                    route["determinacy"],
                    point["activity_MBq"]["value"] is not None,
                )


def _ends(quantity: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    return _number(quantity["value"]), _number(quantity["lower"]), _number(quantity["upper"])
