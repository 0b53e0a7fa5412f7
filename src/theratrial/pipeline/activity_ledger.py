"""The activity of a batch as a book: what was made is, at any instant, left, drawn, injected, residual or decayed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.activity import decayed_MBq
from theratrial.units import converted

METHOD: Final = "pharmacy.activity_ledger"
VERSION: Final = "1"
MOST_OF_BATCH: Final = 1.1
"""Syringes over batch. Two readings of one activity differ by calibrator and geometry, by less than 10 %."""

_FURTHEST_HALF_LIVES: Final = 500.0
"""Readings further apart are a date typed wrong, and their activities would overflow."""

_VIAL, _DECAYED = "vial", "decayed"


@dataclass(frozen=True, slots=True)
class Draw:
    """One syringe: its readings as they were entered.

    Parameters
    ----------
    label
        Names it in the book; unique in a batch.
    activity_MBq, measured_at
        Calibrator reading of the full syringe; it is booked out of the vial at that instant.
    injected_at
        Start of the injection.
    residual_MBq, residual_at
        Reading of the emptied syringe; None: not measured, and then nothing says how much was not injected.
    """

    label: str
    activity_MBq: float
    measured_at: datetime
    injected_at: datetime
    residual_MBq: float | None = None
    residual_at: datetime | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.activity_MBq) and self.activity_MBq >= 0):
            raise InputError(f"syringe {self.label}: an activity is a number from 0 on, got {self.activity_MBq} MBq")
        if self.residual_MBq is not None and not (math.isfinite(self.residual_MBq) and self.residual_MBq >= 0):
            raise InputError(f"syringe {self.label}: a residual is a number from 0 on, got {self.residual_MBq} MBq")

    @property
    def drawn_at(self) -> datetime:
        """When it left the vial: at its reading, or at the injection where the reading is dated later."""
        return min(self.measured_at, self.injected_at)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch and every syringe drawn from it."""

    batch_id: str
    nuclide: Nuclide
    activity_MBq: float
    reference_at: datetime
    draws: tuple[Draw, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.activity_MBq) and self.activity_MBq >= 0):
            raise InputError(f"batch {self.batch_id}: an activity is a number from 0 on, got {self.activity_MBq} MBq")
        labels = [draw.label for draw in self.draws]
        if len(set(labels)) != len(labels):
            raise InputError(f"batch {self.batch_id}: two syringes carry one label; give each its own")
        for draw in self.draws:
            for at in (draw.measured_at, draw.injected_at, draw.residual_at or draw.injected_at):
                if self._half_lives(at) > _FURTHEST_HALF_LIVES:
                    raise InputError(
                        f"batch {self.batch_id}, syringe {draw.label}: {at.date()} and the batch's reference time "
                        f"({self.reference_at.date()}) lie {self._half_lives(at):.0f} half-lives apart; check the dates"
                    )

    def _half_lives(self, at: datetime) -> float:
        hours = converted((at - self.reference_at).total_seconds(), "s", "h")
        return abs(hours) / self.nuclide.half_life_h

    @property
    def opened_at(self) -> datetime:
        """First instant of the book: the reference time, or the first draw where the reference time lies later."""
        return min([self.reference_at, *(draw.drawn_at for draw in self.draws)])

    @property
    def settled_at(self) -> datetime:
        """Last instant of a booking: from then on everything there is only decays, wherever it is."""
        return max([self.opened_at, *(draw.injected_at for draw in self.draws)])

    def activity_at(self, at: datetime) -> float:
        """Activity [MBq] that the batch would have at `at` had nothing been drawn."""
        return decayed_MBq(self.activity_MBq, measured_at=self.reference_at, at=at, nuclide=self.nuclide)

    @property
    def drawn_share(self) -> float:
        """Sum of all syringes over the batch, decay-corrected to one instant: the same number at every instant.

        Assumes that the readings are of one nuclide. Infinite where a batch of no activity was drawn from.
        """
        drawn = math.fsum(
            decayed_MBq(draw.activity_MBq, measured_at=draw.measured_at, at=self.reference_at, nuclide=self.nuclide)
            for draw in self.draws
        )
        return drawn / self.activity_MBq if self.activity_MBq else (math.inf if drawn else 0.0)


@dataclass(frozen=True, slots=True)
class DrawBalance:
    """Where the activity of one syringe is at an instant [MBq]; all of them zero before it was drawn."""

    draw: Draw
    syringe_MBq: float = 0.0
    """Full syringe, not yet injected."""
    injected_MBq: float = 0.0
    """Net, by physical decay alone: what the patient excretes is not booked."""
    residual_MBq: float = 0.0

    @property
    def drawn_MBq(self) -> float:
        """All of it, wherever it is."""
        return math.fsum((self.syringe_MBq, self.injected_MBq, self.residual_MBq))


@dataclass(frozen=True, slots=True)
class Balance:
    """The book of a batch at an instant [MBq]: `made_MBq` is the sum of all the others, to rounding."""

    batch: Batch
    at: datetime
    made_MBq: float
    """When the book was opened."""
    left_MBq: float
    """In the vial; below zero where the readings say that more was drawn than there was."""
    draws: tuple[DrawBalance, ...]
    decayed_MBq: float
    """In vial, syringes, patients and residuals together, since the book was opened."""
    turnover_MBq: float
    """What was made and everything booked from one place to another: what rounding is measured by."""
    contradictions: tuple[str, ...] = field(default=())

    @property
    def accounted_MBq(self) -> float:
        """Everything that is not `made_MBq`."""
        return math.fsum((self.left_MBq, self.decayed_MBq, *(one.drawn_MBq for one in self.draws)))

    @property
    def difference_MBq(self) -> float:
        """What the book does not account for: rounding of floating-point numbers, nothing else."""
        return self.made_MBq - self.accounted_MBq

    @property
    def closes(self) -> bool:
        """Whether the book closes to 1e-9 of its turnover."""
        return abs(self.difference_MBq) <= 1e-9 * self.turnover_MBq

    @property
    def held_MBq(self) -> float:
        """What the site has to keep: vial, full syringes, residuals; not what is in a patient."""
        return math.fsum((self.left_MBq, *(one.syringe_MBq + one.residual_MBq for one in self.draws)))

    def held_later_MBq(self, at: datetime) -> float:
        """What the site has to keep of it at a later instant; assumes that nothing is booked in between."""
        return decayed_MBq(self.held_MBq, measured_at=self.at, at=at, nuclide=self.batch.nuclide)


@dataclass(frozen=True, slots=True)
class _Move:
    at: datetime
    source: str
    target: str
    activity_MBq: float | None
    """None: everything that is there."""


def balance(batch: Batch, at: datetime) -> Balance | None:
    """The book of a batch at an instant; None before it is opened, where nothing is known and nothing is counted.

    Every compartment (vial, each syringe, each patient, each residual) is walked from one booking to the next, and
    what decays on the way is added to `decayed_MBq`: the sum is kept, not derived from what it is compared with.

    Assumes physical decay of one nuclide and that nothing leaves the vial but the syringes recorded. A residual that
    was not measured leaves the whole syringe with the patient, an upper bound, and the book says so.

    Raises
    ------
    InputError
        An instant carries no time zone.

    References
    ----------
    ``docs/methods/activity_ledger.md``.
    """
    if at.tzinfo is None:
        raise InputError("a book is balanced at an instant that carries a time zone")
    if at < batch.opened_at:
        return None
    amounts = {_VIAL: batch.activity_at(batch.opened_at), _DECAYED: 0.0}
    made_MBq = turnover_MBq = amounts[_VIAL]
    clock = batch.opened_at
    for move in _moves(batch):
        if move.at > at:
            break
        _decay(amounts, batch.nuclide, clock, move.at)
        clock = move.at
        moved = amounts.get(move.source, 0.0) if move.activity_MBq is None else move.activity_MBq
        amounts[move.source] = amounts.get(move.source, 0.0) - moved
        amounts[move.target] = amounts.get(move.target, 0.0) + moved
        turnover_MBq += abs(moved)
    _decay(amounts, batch.nuclide, clock, at)
    draws = tuple(
        DrawBalance(
            draw,
            amounts.get(f"syringe {draw.label}", 0.0),
            amounts.get(f"patient {draw.label}", 0.0),
            amounts.get(f"residual {draw.label}", 0.0),
        )
        for draw in batch.draws
    )
    return Balance(
        batch, at, made_MBq, amounts[_VIAL], draws, amounts[_DECAYED], turnover_MBq, contradictions_of(batch)
    )


def _decay(amounts: dict[str, float], nuclide: Nuclide, since: datetime, until: datetime) -> None:
    lost = []
    for name in [name for name in amounts if name != _DECAYED]:
        later = decayed_MBq(amounts[name], measured_at=since, at=until, nuclide=nuclide)
        lost.append(amounts[name] - later)
        amounts[name] = later
    amounts[_DECAYED] = math.fsum((amounts[_DECAYED], *lost))


def _moves(batch: Batch) -> list[_Move]:
    """Vial to syringe, syringe to residual and patient: in the order of time, those of one syringe in their own."""
    moves = []
    for draw in batch.draws:
        syringe = f"syringe {draw.label}"
        drawn_MBq = decayed_MBq(
            draw.activity_MBq, measured_at=draw.measured_at, at=draw.drawn_at, nuclide=batch.nuclide
        )
        moves.append(_Move(draw.drawn_at, _VIAL, syringe, drawn_MBq))
        if draw.residual_MBq is not None:
            residual_MBq = decayed_MBq(
                draw.residual_MBq,
                measured_at=draw.residual_at or draw.injected_at,
                at=draw.injected_at,
                nuclide=batch.nuclide,
            )
            moves.append(_Move(draw.injected_at, syringe, f"residual {draw.label}", residual_MBq))
        moves.append(_Move(draw.injected_at, syringe, f"patient {draw.label}", None))
    return sorted(moves, key=lambda move: move.at)  # stable: moves of one instant stay in order


def contradictions_of(batch: Batch) -> tuple[str, ...]:
    """What in the readings of a batch cannot be, or is missing, in words; the book closes all the same."""
    found = []
    for draw in batch.draws:
        if draw.measured_at > draw.injected_at:
            found.append(f"syringe {draw.label}: measured after the injection began; correct one of the two times")
        if draw.residual_MBq is None:
            found.append(f"syringe {draw.label}: no residual was measured; all of it is booked as injected")
        elif _residual_share(draw, batch.nuclide) >= 1:
            found.append(f"syringe {draw.label}: the residual is not less than the syringe; check both readings")
    if batch.drawn_share > 1:
        found.append(
            f"the syringes hold {100 * batch.drawn_share:.1f} % of the batch together; check units, times and batch"
        )
    return tuple(found)


def _residual_share(draw: Draw, nuclide: Nuclide) -> float:
    residual = decayed_MBq(
        draw.residual_MBq or 0.0,
        measured_at=draw.residual_at or draw.injected_at,
        at=draw.injected_at,
        nuclide=nuclide,
    )
    syringe = decayed_MBq(draw.activity_MBq, measured_at=draw.measured_at, at=draw.injected_at, nuclide=nuclide)
    return residual / syringe if syringe else (math.inf if residual else 0.0)


def activity_table(
    batch: Batch, *, start: datetime, minutes: int = 15, rows: int = 13
) -> tuple[tuple[datetime, float], ...]:
    """Activity [MBq] of what is left in the vial after the syringes booked until `start`, every `minutes` from it on.

    Raises
    ------
    InputError
        The step or the number of rows is not above 0.
    """
    if minutes <= 0 or rows <= 0:
        raise InputError("a table of activities has a step and a number of rows above 0")
    book = balance(batch, start)
    left_MBq = book.left_MBq if book is not None else batch.activity_at(start)
    instants = [start + timedelta(minutes=minutes * row) for row in range(rows)]
    return tuple((at, decayed_MBq(left_MBq, measured_at=start, at=at, nuclide=batch.nuclide)) for at in instants)


def held_by_nuclide_MBq(balances: Sequence[Balance]) -> dict[str, float]:
    """Nuclide -> what the site holds of it [MBq] at the instant of the balances: vials, full syringes, residuals."""
    names = sorted({one.batch.nuclide.name for one in balances})
    return {name: math.fsum(one.held_MBq for one in balances if one.batch.nuclide.name == name) for name in names}
