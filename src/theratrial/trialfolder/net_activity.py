"""From calibrator readings to the activity that was administered."""

from __future__ import annotations

import math
from datetime import datetime

from theratrial.errors import InputError, Problem, Problems
from theratrial.nuclides import Nuclide
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import Row
from theratrial.units import converted

METHOD = "pharmacy.net_administered_activity"
VERSION = "1"


def decayed_MBq(activity_MBq: float, *, measured_at: datetime, at: datetime, nuclide: Nuclide) -> float:
    """Activity [MBq] at another instant, by physical decay; also back in time.

    Raises
    ------
    InputError
        An instant carries no time zone.
    """
    if measured_at.tzinfo is None or at.tzinfo is None:
        raise InputError("activities are moved between instants that carry a time zone")
    hours = converted((at - measured_at).total_seconds(), "s", "h")
    return activity_MBq * math.exp(-nuclide.decay_constant_per_h * hours)


def net_administered_activity(row: Row, nuclide: Nuclide) -> Quantity:
    """Net activity [MBq] at the start of the injection: syringe less residual, each decay-corrected to it.

    A residual that was not measured is not zero: the value is then the syringe's, and the note says so.

    Raises
    ------
    Problems
        The residual exceeds the syringe, or the readings and the injection cannot be in that order.
    """
    injected_at: datetime = row["injected_at"]
    measured_MBq = decayed_MBq(
        row["measured_activity_MBq"], measured_at=row["measured_at"], at=injected_at, nuclide=nuclide
    )
    trace = Trace(
        METHOD,
        VERSION,
        {
            "administration": row.source,
            "half_life": nuclide.source,
        },
        author=row["administered_by"] or "not recorded",
    )
    residual = row["residual_activity_MBq"]
    if residual is None:
        note = "the residual was not measured: this is the activity of the syringe, an upper bound"
        return Quantity(measured_MBq, "MBq", trace, upper=measured_MBq, note=note)
    residual_at = row["residual_measured_at"]
    note = ""
    if residual_at is None:
        residual_at = injected_at
        note = "the time of the residual's reading is missing; taken as the time of injection"
    net_MBq = measured_MBq - decayed_MBq(residual, measured_at=residual_at, at=injected_at, nuclide=nuclide)
    if net_MBq <= 0:
        raise Problems(
            "administered activity",
            [
                Problem(
                    f"{row.file} line {row.line}",
                    "the residual is not less than the syringe's activity",
                    "check both calibrator readings and their times",
                )
            ],
        )
    return Quantity(net_MBq, "MBq", trace, note=note)
