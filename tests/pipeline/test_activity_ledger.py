"""The activity ledger closes at any instant, and its arithmetic agrees with published half-lives worked by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.nuclides import nuclide
from theratrial.pipeline.activity_ledger import Batch, Draw, activity_table, balance, held_by_nuclide_MBq

REFERENCE = datetime(2022, 3, 5, 6, 0, tzinfo=UTC)
LU, GA = nuclide("Lu-177"), nuclide("Ga-68")

# Half-lives not taken from our decay data. LNE-LNHB, Table of Radionuclides (Monographie BIPM-5): 177Lu 6.647(4) d,
# 68Ga 67.71(8) min. ICRP 107, which the product uses, prints 6.647 d and 67.71 min.
LU_HALF_LIFE_D, GA_HALF_LIFE_MIN = 6.647, 67.71


def _at(**after: float) -> datetime:
    return REFERENCE + timedelta(**after)


def test_a_177Lu_batch_falls_to_half_in_6_647_days() -> None:
    batch = Batch("B", LU, 2000.0, REFERENCE)
    assert batch.activity_at(_at(days=LU_HALF_LIFE_D)) == pytest.approx(1000.0, rel=1e-6)
    # By hand: 1 d is 1/6.647 = 0.150444 half-lives; 2 ** -0.150444 = 0.900973; 2000 MBq become 1801.9 MBq.
    assert batch.activity_at(_at(days=1)) == pytest.approx(1801.9, abs=0.1)


def test_a_68Ga_batch_falls_as_a_half_life_of_67_71_minutes_says() -> None:
    batch = Batch("B", GA, 400.0, REFERENCE)
    assert batch.activity_at(_at(minutes=GA_HALF_LIFE_MIN)) == pytest.approx(200.0, rel=2e-4)
    # By hand: 30 / 67.71 = 0.443066 half-lives; 2 ** -0.443066 = 0.735570; 400 MBq become 294.2 MBq.
    assert batch.activity_at(_at(minutes=30)) == pytest.approx(294.2, abs=0.1)


def test_a_worked_book_of_68Ga() -> None:
    """400 MBq; after one half-life 120 MBq are drawn, injected one half-life later with 10 MBq residual at once."""
    hour = timedelta(minutes=GA_HALF_LIFE_MIN)
    draw = Draw("1", 120.0, REFERENCE + hour, REFERENCE + 2 * hour, 10.0, REFERENCE + 2 * hour)
    book = balance(Batch("B", GA, 400.0, REFERENCE, (draw,)), REFERENCE + 2 * hour)
    assert book is not None
    # By hand: 400 -> 200, less 120 leaves 80 -> 40. The syringe 120 -> 60 = 50 in the patient + 10 left in it.
    assert book.left_MBq == pytest.approx(40, rel=1e-3)
    assert book.draws[0].injected_MBq == pytest.approx(50, rel=1e-3)
    assert book.draws[0].residual_MBq == pytest.approx(10)
    assert book.decayed_MBq == pytest.approx(300, rel=1e-3)
    assert book.held_MBq == pytest.approx(50, rel=1e-3)
    assert book.made_MBq == 400.0


@st.composite
def _batches(draw: st.DrawFn) -> Batch:
    minutes = st.floats(-600, 3000)
    draws = []
    for number in range(draw(st.integers(0, 6))):
        measured_at, injected_at = _at(minutes=draw(minutes)), _at(minutes=draw(minutes))
        residual = draw(st.none() | st.floats(0, 500))
        residual_at = draw(st.none() | minutes)
        draws.append(
            Draw(
                str(number),
                draw(st.floats(0, 5000)),
                measured_at,
                injected_at,
                residual,
                None if residual_at is None else _at(minutes=residual_at),
            )
        )
    return Batch("B", draw(st.sampled_from([LU, GA])), draw(st.floats(0, 50_000)), REFERENCE, tuple(draws))


@st.composite
def _sound_batches(draw: st.DrawFn) -> Batch:
    """Draws that can have been: in the order of their steps, together not more than the batch."""
    made, share, draws = draw(st.floats(1, 50_000)), 1.0, []
    substance = draw(st.sampled_from([LU, GA]))
    for number in range(draw(st.integers(0, 6))):
        measured_at = _at(minutes=draw(st.floats(0, 600)))
        injected_at = measured_at + timedelta(minutes=draw(st.floats(0, 120)))
        part = draw(st.floats(0, share))
        share -= part
        activity = made * part * substance.fraction_left((measured_at - REFERENCE).total_seconds() / 3600)
        residual_at = injected_at + timedelta(minutes=draw(st.floats(0, 60)))
        left = substance.fraction_left((residual_at - measured_at).total_seconds() / 3600)
        residual = activity * left * draw(st.floats(0, 0.9))
        draws.append(Draw(str(number), activity, measured_at, injected_at, residual, residual_at))
    return Batch("B", substance, made, REFERENCE, tuple(draws))


@given(_sound_batches(), st.floats(0, 20_000))
def test_the_book_closes_to_a_billionth_of_what_was_made_at_any_instant(batch: Batch, minutes: float) -> None:
    book = balance(batch, batch.opened_at + timedelta(minutes=minutes))
    assert book is not None
    assert abs(book.difference_MBq) <= 1e-9 * book.made_MBq
    assert book.closes
    assert book.left_MBq >= -1e-9 * book.made_MBq
    assert 0 <= book.decayed_MBq <= book.made_MBq * (1 + 1e-9)


@given(_batches(), st.floats(0, 20_000))
def test_the_book_closes_even_over_readings_that_cannot_be(batch: Batch, minutes: float) -> None:
    book = balance(batch, batch.opened_at + timedelta(minutes=minutes))
    assert book is not None
    assert book.closes


def test_readings_years_apart_are_refused_with_the_dates() -> None:
    with pytest.raises(InputError, match="check the dates"):
        Batch("B", GA, 1.0, REFERENCE, (Draw("1", 1.0, _at(days=4000), _at(days=4000)),))


@given(_batches(), st.floats(0, 20_000))
def test_what_is_left_is_the_batch_less_every_syringe_decayed_to_the_instant(batch: Batch, minutes: float) -> None:
    """Against the closed form, which the walk from booking to booking does not use."""
    at = batch.opened_at + timedelta(minutes=minutes)
    book = balance(batch, at)
    assert book is not None
    constant = math.log(2) / batch.nuclide.half_life_h

    def then(activity: float, since: datetime) -> float:
        return activity * math.exp(-constant * (at - since).total_seconds() / 3600)

    drawn = [then(one.activity_MBq, one.measured_at) for one in batch.draws if one.drawn_at <= at]
    made = then(batch.activity_MBq, batch.reference_at)
    assert book.left_MBq == pytest.approx(made - math.fsum(drawn), rel=1e-9, abs=1e-9 * max(book.turnover_MBq, 1e-9))


def test_before_its_first_known_instant_a_batch_is_in_no_book() -> None:
    assert balance(Batch("B", LU, 100.0, REFERENCE), _at(seconds=-1)) is None


def test_a_reference_time_after_the_draw_opens_the_book_at_the_draw() -> None:
    draw = Draw("1", 100.0, _at(hours=-2), _at(hours=-1), 5.0, _at(hours=-1))
    book = balance(Batch("B", GA, 400.0, REFERENCE, (draw,)), _at(hours=-2))
    assert book is not None
    # By hand: 120 min are 1.77226 half-lives of 67.71 min; 2 ** 1.77226 = 3.4159; 400 MBq were 1366 MBq.
    assert book.made_MBq == pytest.approx(1366, abs=1)
    assert book.draws[0].syringe_MBq == pytest.approx(100.0)


def test_several_syringes_that_together_exceed_the_batch_are_told() -> None:
    one = [Draw(str(n), 40.0, _at(hours=1), _at(hours=2), 0.0, _at(hours=2)) for n in (1, 2, 3)]
    batch = Batch("B", LU, 100.0, REFERENCE, tuple(one))
    assert batch.drawn_share == pytest.approx(1.2, rel=0.01)
    book = balance(batch, _at(hours=3))
    assert book is not None
    assert book.left_MBq < 0
    assert any("together" in text for text in book.contradictions)


def test_a_residual_that_was_not_measured_is_not_booked_as_zero() -> None:
    book = balance(Batch("B", LU, 100.0, REFERENCE, (Draw("1", 50.0, _at(hours=1), _at(hours=2)),)), _at(hours=3))
    assert book is not None
    assert any("no residual was measured" in text for text in book.contradictions)


def test_held_is_summed_by_nuclide_without_what_is_in_patients() -> None:
    draw = Draw("1", 100.0, REFERENCE, REFERENCE, 0.0, REFERENCE)
    books = [
        balance(Batch("A", LU, 300.0, REFERENCE, (draw,)), REFERENCE),
        balance(Batch("B", LU, 50.0, REFERENCE), REFERENCE),
        balance(Batch("C", GA, 7.0, REFERENCE), REFERENCE),
    ]
    assert held_by_nuclide_MBq([one for one in books if one]) == pytest.approx({"Ga-68": 7.0, "Lu-177": 250.0})


def test_the_table_halves_over_a_half_life_of_rows() -> None:
    table = activity_table(Batch("B", GA, 100.0, REFERENCE), start=REFERENCE, minutes=15, rows=3)
    # By hand: 30 min leave 73.557 %.
    assert [at for at, _ in table] == [REFERENCE, _at(minutes=15), _at(minutes=30)]
    assert table[2][1] == pytest.approx(73.557, abs=0.02)


def test_impossible_activities_and_labels_are_refused() -> None:
    with pytest.raises(InputError, match="from 0 on"):
        Batch("B", LU, math.nan, REFERENCE)
    with pytest.raises(InputError, match="from 0 on"):
        Draw("1", -1.0, REFERENCE, REFERENCE)
    draw = Draw("1", 1.0, REFERENCE, REFERENCE)
    with pytest.raises(InputError, match="one label"):
        Batch("B", LU, 1.0, REFERENCE, (draw, draw))
    with pytest.raises(InputError, match="time zone"):
        balance(Batch("B", LU, 1.0, REFERENCE), REFERENCE.replace(tzinfo=None))


@pytest.mark.parametrize("hours", [0.0, 0.5, 40.0, 2000.0])
def test_after_the_last_booking_what_is_held_only_decays(hours: float) -> None:
    draws = (
        Draw("1", 100.0, _at(hours=1), _at(hours=2), 7.0, _at(hours=2)),
        Draw("2", 60.0, _at(hours=5), _at(hours=4)),
    )
    batch = Batch("B", LU, 300.0, REFERENCE, draws)
    assert batch.settled_at == _at(hours=4)
    settled, later = balance(batch, batch.settled_at), balance(batch, _at(hours=4 + hours))
    assert settled is not None
    assert later is not None
    assert settled.held_later_MBq(later.at) == pytest.approx(later.held_MBq, rel=1e-12)
