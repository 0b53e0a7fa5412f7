"""The computed half of what the gate is told, kept beside the results so that a gate can be judged again later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from theratrial.gates import LimitProbability, SessionDose


@dataclass(frozen=True, slots=True)
class GateInputs:
    """Doses and probabilities of one participant.

    Parameters
    ----------
    doses
        Of every region and session that was computed, as the gate takes them.
    probabilities
        Session -> probability of exceeding each limit after it.
    """

    doses: tuple[SessionDose, ...] = ()
    probabilities: Mapping[int, tuple[LimitProbability, ...]] = field(default_factory=dict)

    def doses_up_to(self, session: int) -> tuple[SessionDose, ...]:
        """The doses of the sessions up to this one."""
        return tuple(dose for dose in self.doses if dose.session <= session)

    @property
    def sessions(self) -> frozenset[int]:
        """Sessions of which there is any dose."""
        return frozenset(dose.session for dose in self.doses)


def gate_inputs(tree: Mapping[str, Any]) -> GateInputs:
    """`GateInputs` from what `theratrial.results.plain.plain` made of it."""
    return GateInputs(
        tuple(
            SessionDose(
                one["region_id"],
                one["kind"],
                one["session"],
                _bound(one["lower_Gy"]),
                _bound(one["upper_Gy"]),
                one["why"],
                one["value"],
            )
            for one in tree["doses"]
        ),
        {
            int(session): tuple(
                LimitProbability(one["region_id"], one["so_far"], one["with_next_session"]) for one in found
            )
            for session, found in tree["probabilities"].items()
        },
    )


def _bound(value: float | str | None) -> float | None:
    return math.inf if value == "inf" else None if value is None else float(value)
