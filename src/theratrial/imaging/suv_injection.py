"""What was injected, when: from the trial's administration record, else from the header."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from theratrial.errors import InputError, SourceError
from theratrial.imaging.suv_tags import Tags
from theratrial.imaging.times import date_from_da, seconds_between, time_from_tm
from theratrial.nuclides import nuclide

_BQ_PER_MBQ: Final = 1e6
_LONGEST_HALF_LIVES: Final = 20.0
"""Beyond this a scan sees nothing: the dates do not belong together (a shifted date, a wrong year)."""
_NEEDS_A_DATE_S: Final = 24 * 3600.0
_CLOCKS_DIFFER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Administration:
    """The trial's own record of one administration.

    Parameters
    ----------
    activity_MBq
        Net activity given (calibrator reading less residual), at `at`.
    at
        Moment to which the activity belongs, with time zone.
    weight_kg
        Body weight on that day; None leaves the header's.
    """

    activity_MBq: float
    at: datetime
    weight_kg: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.activity_MBq) and self.activity_MBq > 0):
            raise InputError(f"administered activity is {self.activity_MBq} MBq, a positive number is needed")
        if self.at.tzinfo is None:
            raise InputError("the time of an administration carries its time zone")
        if self.weight_kg is not None and not 0.3 <= self.weight_kg <= 500:
            raise InputError(f"body weight is {self.weight_kg} kg, which is no weight of a person")


@dataclass(frozen=True, slots=True)
class Tracer:
    """The nuclide as the header has it."""

    nuclide: str
    """Name, as Ga-68; "" where the header does not say."""
    half_life_s: float

    @property
    def decay_per_s(self) -> float:
        """Decay constant [1/s]."""
        return math.log(2) / self.half_life_s


def tracer(tags: Tags, warnings: list[str]) -> Tracer:
    """Nuclide and half-life [s]: the header's half-life (which the scanner corrected with), else that of the nuclide.

    Raises
    ------
    InputError
        If neither is known, there are several tracers, or the half-life is not that of the nuclide.
    """
    if len(tags.tracers) > 1:
        raise InputError(
            f"RadiopharmaceuticalInformationSequence has {len(tags.tracers)} items; one injection is supported"
        )
    named = _named_nuclides(tags)
    stored_s = tags.number("RadionuclideHalfLife", tags.tracers[0]) if tags.tracers else None
    if not stored_s:
        if not named:
            raise InputError(
                "RadionuclideHalfLife (0018,1075) and RadionuclideCodeSequence are absent: decay is not known"
            )
        if len({name for name, _ in named.values()}) > 1:
            raise InputError(f"RadionuclideHalfLife is absent and the nuclide contradicts itself: {_listed(named)}")
        name, known_s = next(iter(named.values()))
        warnings.append(f"RadionuclideHalfLife is absent; {known_s:.6g} s of {name} (ICRP 107) is used")
        return Tracer(name, known_s)
    if stored_s < 0:
        raise InputError(f"RadionuclideHalfLife is {stored_s} s")
    agreeing = {where: name for where, (name, known_s) in named.items() if abs(stored_s / known_s - 1) <= 0.02}
    if named and not agreeing:
        raise InputError(
            f"RadionuclideHalfLife is {stored_s:g} s but the header names {_listed(named)}; one of them is wrong"
        )
    if len(agreeing) < len(named):
        warnings.append(
            f"the header names the nuclide twice, differently: {_listed(named)}; "
            f"the stored half-life of {stored_s:g} s is that of {next(iter(agreeing.values()))}"
        )
    return Tracer(next(iter(agreeing.values()), ""), stored_s)


def _named_nuclides(tags: Tags) -> dict[str, tuple[str, float]]:
    """Element that names the nuclide -> (name, half-life [s])."""
    if not tags.tracers:
        return {}
    item = tags.tracers[0]
    codes = item.get("RadionuclideCodeSequence") or []
    places = [("CodeValue", codes[0]), ("CodeMeaning", codes[0])] if codes else []
    found = {keyword: _nuclide(tags.text(keyword, where)) for keyword, where in places}
    return {keyword: value for keyword, value in found.items() if value is not None}


def _listed(named: dict[str, tuple[str, float]]) -> str:
    return ", ".join(f"{name} ({known_s:.6g} s, {where})" for where, (name, known_s) in named.items())


def _nuclide(spelling: str) -> tuple[str, float] | None:
    if not spelling:
        return None
    try:
        found = nuclide(spelling)
    except SourceError:
        return None
    return found.name, found.half_life_h * 3600.0


def header_dose_Bq(tags: Tags, warnings: list[str]) -> float | None:
    """RadionuclideTotalDose [Bq]; values of the MBq cluster are taken as MBq; None where absent or 0.

    PET defines Bq, NM defines MBq for this element, and files mix them; the two clusters (about 4e8 and 4e2) are far
    enough apart to judge by value.

    Raises
    ------
    InputError
        If the value lies in neither cluster.
    """
    stored = tags.number("RadionuclideTotalDose", tags.tracers[0]) if tags.tracers else None
    if not stored:
        return None
    if 1e6 <= stored <= 1e11:
        return stored
    if 30 <= stored <= 3e4:
        warnings.append(f"RadionuclideTotalDose {stored:g} can only be MBq; {stored * _BQ_PER_MBQ:g} Bq is used")
        return stored * _BQ_PER_MBQ
    raise InputError(
        f"RadionuclideTotalDose is {stored:g}: neither Bq (1e6 to 1e11) nor MBq (30 to 3e4); "
        "give the administration record"
    )


def header_administered_at(
    tags: Tags, scan_at: datetime | None, half_life_s: float, warnings: list[str], *, assume_day: bool = False
) -> datetime | None:
    """When the header says the activity was given; None where it does not.

    RadiopharmaceuticalStartDateTime first. RadiopharmaceuticalStartTime has no date: it is put on the day of the scan,
    or the day before where that would be after the scan.

    Parameters
    ----------
    scan_at
        Reference time or start of the scan.
    assume_day
        Whether a long-lived tracer's time of day may be put on the day of the scan all the same.

    Raises
    ------
    InputError
        If the moment is after the scan, absurdly long before it, or the day cannot be known.
    """
    item = tags.tracers[0] if tags.tracers else None
    dated = tags.moment_from_dt("RadiopharmaceuticalStartDateTime", item) if item is not None else None
    clock = time_from_tm(tags.text("RadiopharmaceuticalStartTime", item)) if item is not None else None
    if dated is None:
        dated = tags.private_moment(0x0009, 0x103B, "GE administration datetime") if clock is None else None
    if dated is not None:
        if clock is not None:
            apart = abs((datetime.combine(dated.date(), clock) - dated.replace(tzinfo=None)).total_seconds())
            apart = min(apart, 86400.0 - apart)
            if apart > _CLOCKS_DIFFER_S:
                warnings.append(
                    f"RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are {apart:.0f} s apart "
                    f"(SUV effect {_effect_percent(apart, half_life_s):.2f} %); the DateTime is used"
                )
        _check_elapsed(dated, scan_at, half_life_s)
        return dated
    if clock is None:
        return None
    day = scan_at.date() if scan_at is not None else date_from_da(tags.text("SeriesDate"))
    if day is None or scan_at is None:
        return None
    if half_life_s > _NEEDS_A_DATE_S and not assume_day:
        raise InputError(
            "RadiopharmaceuticalStartTime has no date, and this tracer is scanned on several days; "
            "give the administration record"
        )
    guess = datetime.combine(day, clock, scan_at.tzinfo)
    if guess > scan_at:
        guess -= timedelta(days=1)
        elapsed = seconds_between(scan_at, guess)
        if elapsed > 12 * 3600.0:
            raise InputError(
                f"RadiopharmaceuticalStartTime {clock} is after the scan ({scan_at:%H:%M:%S}); on the day before it "
                f"would be {elapsed / 3600:.1f} h before it; give the administration record"
            )
        warnings.append("RadiopharmaceuticalStartTime is later in the day than the scan: taken as the day before")
    return guess


def _check_elapsed(at: datetime, scan_at: datetime | None, half_life_s: float) -> None:
    if scan_at is None:
        return
    elapsed = seconds_between(scan_at, at)
    if elapsed < 0:
        raise InputError(
            f"the administration ({at.isoformat(sep=' ')}) is after the scan ({scan_at.isoformat(sep=' ')}); "
            "give the administration record"
        )
    if elapsed > _LONGEST_HALF_LIVES * half_life_s:
        raise InputError(
            f"the administration ({at.isoformat(sep=' ')}) is {elapsed / half_life_s:.0f} half-lives before the scan "
            f"({scan_at.isoformat(sep=' ')}): the dates do not belong together (were they shifted?)"
        )


def _effect_percent(seconds: float, half_life_s: float) -> float:
    """Change of SUV [percent] by an error of the elapsed time."""
    return (math.exp2(seconds / half_life_s) - 1.0) * 100.0
