"""The upper bound shown beside a dose is the one that the gate adds up, and no number where nothing bounds it."""

from __future__ import annotations

import math

import pytest

from theratrial.dosimetry import AbsorbedDose
from theratrial.dosimetry.curve import Determinacy
from theratrial.gates import session_dose
from theratrial.pipeline.cumulative_doses import cumulative_doses
from theratrial.pipeline.session_values import SessionDoses
from theratrial.protocol.reader import shipped_protocol
from theratrial.protocol.schema import Protocol
from theratrial.results.values import CumulativeDose
from theratrial.trace import Quantity, Trace

TRACE = Trace("example.made_by_hand", "1", {})


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return shipped_protocol("IRCT20210612051548N3")


def _dose(upper_Gy: float) -> AbsorbedDose:
    bounded = math.isfinite(upper_Gy)
    return AbsorbedDose(
        region="liver",
        absorbed_dose_Gy=1.0 if bounded else None,
        lower_Gy=0.5,
        upper_Gy=upper_Gy,
        no_clearance_upper_Gy=9.0,
        determinacy=Determinacy.DETERMINED if bounded else Determinacy.RISING,
        because="example",
        mass_g=1800.0,
        own_photons_at_most_fraction=0.25,
        missing=(),
        not_in_interval=(),
        trace=TRACE,
    )


def _summed(protocol: Protocol, result: object, doses: list[AbsorbedDose | None]) -> CumulativeDose:
    sessions = [SessionDoses((result,), (), {"liver": dose}, {"liver": dose}, {}, ()) for dose in doses]  # type: ignore[arg-type]
    (summed,) = cumulative_doses(protocol, "P01", sessions)
    return summed


def _judged(protocol: Protocol, example: object, doses: list[AbsorbedDose | None]) -> Quantity:
    result = example.region_dose("liver", "Liver", "organ", 900.0, 1.0, "determined")  # type: ignore[attr-defined]
    summed = _summed(protocol, result, doses)
    assert summed.judged_upper_Gy is not None
    assert summed.judged_upper_Gy.trace.method == "gates.judged_upper"
    assert summed.judged_upper_Gy.trace.inputs == summed.absorbed_dose_Gy.trace.inputs
    return summed.judged_upper_Gy


def test_it_is_the_sum_of_what_the_gate_is_given(protocol: Protocol, example: object) -> None:
    doses = [_dose(2.0), _dose(1.2)]
    told = [session_dose(d, region_id="liver", kind="organ", session=n).upper_Gy for n, d in enumerate(doses, 1)]
    judged = _judged(protocol, example, [*doses])
    assert judged.value == pytest.approx(4.0)  # (2.0 + 1.2) * 1.25
    assert judged.value == pytest.approx(sum(upper for upper in told if upper is not None))


@pytest.mark.parametrize("second", [_dose(math.inf), None])
def test_a_session_without_upper_end_leaves_no_number(
    protocol: Protocol, example: object, second: AbsorbedDose | None
) -> None:
    judged = _judged(protocol, example, [_dose(2.0), second])
    assert (judged.value, judged.upper) == (None, math.inf)
    assert "no upper bound for session 2" in judged.note
