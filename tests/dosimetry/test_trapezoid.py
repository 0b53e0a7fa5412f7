from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theratrial.dosimetry import Determinacy, DosePlan, TimeActivityPoint
from theratrial.dosimetry.trapezoid import FirstInterval, Tail, TrapezoidIntegral, trapezoid
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.0)


def sampled(*pairs: tuple[float, float], sd: float = 0.03) -> list[TimeActivityPoint]:
    return [TimeActivityPoint(t, a, sd, 0.05) for t, a in pairs]


def integral(points, first: FirstInterval = FirstInterval.LINEAR_FROM_ZERO, tail: Tail = Tail.PHYSICAL, plan=PLAN):
    return trapezoid(points, LU, plan, administered_activity_MBq=1e3, first_interval=first, tail=tail)


def test_the_pieces_are_those_by_hand_and_agree_with_numpy() -> None:
    points = sampled((4, 60.0), (24, 100.0), (72, 70.0), (168, 20.0))
    found = integral(points)
    assert found.before_first_MBq_h == pytest.approx(4 * 60 / 2)
    assert found.between_MBq_h == pytest.approx(np.trapezoid([60, 100, 70, 20], [4, 24, 72, 168]))
    assert found.after_last_MBq_h == pytest.approx(20 * 159.528 / math.log(2))
    assert integral(points, FirstInterval.CONSTANT).before_first_MBq_h == pytest.approx(240)
    # Last two: 70 to 20 in 96 h.
    assert integral(points, tail=Tail.LAST_TWO).after_last_MBq_h == pytest.approx(20 * 96 / math.log(3.5))


def test_back_extrapolation_of_one_exponential_is_its_integral() -> None:
    rate = math.log(2) / 60
    found = integral(sampled(*((t, 100 * math.exp(-rate * t)) for t in (24, 48, 96))), FirstInterval.BACK_EXTRAPOLATED)
    assert found.before_first_MBq_h == pytest.approx(100 * (1 - math.exp(-rate * 24)) / rate)
    flat = integral(sampled((24, 50.0), (48, 50.0), (96, 30.0)), FirstInterval.BACK_EXTRAPOLATED)
    assert flat.before_first_MBq_h == pytest.approx(24 * 50)


def test_the_interval_is_that_of_a_drawn_sample() -> None:
    pairs = ((4, 60.0), (24, 100.0), (72, 70.0), (168, 20.0))
    rng = np.random.default_rng(8)
    drawn = []
    for _ in range(4000):
        factors = np.exp(0.03 * rng.standard_normal(4) + 0.05 * rng.standard_normal())
        drawn.append(integral(sampled(*((t, a * f) for (t, a), f in zip(pairs, factors, strict=True)))).total_MBq_h)
    found = integral(sampled(*pairs))
    assert found.tia.sd_MBq_h == pytest.approx(np.std(drawn), rel=0.05)


def test_states_are_those_of_the_last_two_scans() -> None:
    assert integral(sampled((4, 60.0), (24, 100.0), (72, 50.0))).tia.determinacy is Determinacy.DETERMINED
    assert integral(sampled((4, 60.0), (24, 100.0), (72, 78.0))).tia.determinacy is Determinacy.BOUNDED
    rising = integral(sampled((4, 100.0), (24, 60.0), (72, 78.0)))
    assert rising.tia.determinacy is Determinacy.RISING
    assert rising.tia.time_integrated_activity_MBq_h is None
    assert rising.tia.upper_MBq_h == math.inf
    assert rising.tia.lower_MBq_h is not None
    assert rising.tia.lower_MBq_h < rising.between_MBq_h
    strict = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.3, model_relative_sd=0.0)
    far = integral(sampled((4, 60.0), (24, 100.0), (72, 50.0)), plan=strict)
    assert far.tia.determinacy is Determinacy.EXTRAPOLATED
    assert "(physical tail), the protocol allows 30%" in far.tia.because


def test_the_assumptions_travel_with_the_value() -> None:
    tia = integral(sampled((24, 100.0), (72, 50.0)), FirstInterval.CONSTANT).tia
    assert tia.assumptions == ("first interval constant", "tail physical")
    assert tia.trace.inputs["first_interval"] == "given:constant"
    assert tia.trace.method == "dosimetry.trapezoid"


def test_one_scan_a_zero_and_a_tail_slower_than_decay_are_refused() -> None:
    with pytest.raises(InputError, match="at least two scans, got 1"):
        integral(sampled((24, 100.0)))
    with pytest.raises(InputError, match="no activity found at 48 h"):
        integral(sampled((24, 100.0), (48, 0.0)))
    with pytest.raises(InputError, match="slower than physical decay"):
        integral(sampled((24, 100.0), (48, 99.0)), tail=Tail.LAST_TWO)


def test_a_back_extrapolation_beyond_the_range_of_numbers_is_refused() -> None:
    with pytest.raises(NumericalError, match="name another first interval"):
        integral(sampled((299, 1e3), (300, 1.0)), FirstInterval.BACK_EXTRAPOLATED)


PAIRS = st.lists(
    st.tuples(st.floats(0.5, 300), st.floats(1, 1e3)), min_size=2, max_size=5, unique_by=lambda pair: round(pair[0], 1)
)


@settings(deadline=None, max_examples=50)
@given(PAIRS, st.floats(1e-2, 1e2), st.sampled_from(list(FirstInterval)), st.randoms(use_true_random=False))
def test_the_sum_is_linear_in_activity_and_blind_to_order(
    pairs: list[tuple[float, float]], factor: float, first: FirstInterval, random: Random
) -> None:
    def whole(given) -> TrapezoidIntegral:
        return integral(sampled(*given), first)

    # A back-extrapolation of two scans minutes apart runs beyond the range of numbers.
    steps = [abs(one[0] - other[0]) for one in pairs for other in pairs if one is not other]
    assume(first is not FirstInterval.BACK_EXTRAPOLATED or min(steps) > 5)
    one = whole(pairs)
    shuffled = [(t, a * factor) for t, a in pairs]
    random.shuffle(shuffled)
    other = whole(shuffled)
    assert other.total_MBq_h == pytest.approx(one.total_MBq_h * factor, rel=1e-9)
    assert other.tia.determinacy is one.tia.determinacy
