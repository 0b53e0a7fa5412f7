"""Arrays of numbers, some only known to lie in a range; rounded and compared as `criteria` does one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.safety.criteria import End

_DIGITS: Final = 9
_NEAR_HALF: Final = 1e-3
_TEN_TO: Final = 10.0 ** np.arange(22.0)
"""As far as floats hold powers of ten exactly."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Span:
    """Ranges of numbers; both arrays are one where every number is known."""

    low: Floats
    high: Floats


@dataclass(slots=True)
class Rounding:
    """Rounds spans to the digits that are compared, each once, and keeps which numbers floats cannot round."""

    doubtful: Bools
    _known: dict[tuple[int, float, float], tuple[Span, Span]] = field(default_factory=dict)
    """(identity of a span, times, minus) -> the span, kept so that its identity stays its own, and the rounded one."""

    def array(self, numbers: Floats) -> Floats:
        """Numbers at nine significant digits."""
        return reported_array(numbers, self.doubtful)

    def span(self, span: Span, times: float = 1.0, minus: float = 0.0) -> Span:
        """``times * span - minus`` at nine significant digits."""
        key = (id(span), times, minus)
        if key not in self._known:
            low = self.array(span.low * times - minus)
            high = low if span.high is span.low else self.array(span.high * times - minus)
            self._known[key] = span, Span(low, high)
        return self._known[key][1]

    def end(self, end: End, spans: Mapping[str, Span]) -> Span:
        """Where the end of a criterion lies."""
        if end.limit is None:
            number = np.full(1, float(end.number or 0))
            return Span(number, number)
        return self.span(spans[end.limit], float(end.times), float(end.minus))


def span_of(known: Floats, low: Floats, high: Floats) -> Span:
    missing = np.isnan(known)
    if not missing.any():
        return Span(known, known)
    return Span(np.where(missing, low, known), np.where(missing, high, known))


def compared(end: End, value: Span, bound: Span) -> tuple[Bools, Bools]:
    """Where a comparison surely holds, and where it may."""
    upper, lower = (value, bound) if end.upwards else (bound, value)
    if end.inclusive:
        return upper.low >= lower.high, upper.high >= lower.low
    return upper.low > lower.high, upper.high > lower.low


def narrowed(span: Span, end: End, bound: Span) -> Span:
    """The range cut to where a condition of the baseline holds; numbers that are known stay."""
    if span.high is span.low:
        return span
    known = span.low == span.high
    if end.upwards:
        return Span(np.where(known, span.low, np.maximum(span.low, bound.low)), span.high)
    return Span(span.low, np.where(known, span.high, np.minimum(span.high, bound.high)))


def reported_array(numbers: Floats, doubtful: Bools) -> Floats:
    """Numbers rounded to nine significant digits; `doubtful` is set where a float cannot tell which way to round."""
    size = np.abs(numbers)
    regular = (size > 0) & np.isfinite(size)
    size = np.where(regular, size, 1.0)
    exponent = np.floor(np.log10(size)).astype(np.intp)
    scale = _TEN_TO[np.clip(_DIGITS - 1 - exponent, 0, len(_TEN_TO) - 1)]
    digits = size * scale
    rounded = np.rint(digits)
    # No work for floats: what has not nine digits (too large or small, the logarithm rounded up) or lies near a half.
    odd = (rounded >= 10.0**_DIGITS) | (rounded < 10.0 ** (_DIGITS - 1)) | (np.abs(digits - rounded) > 0.5 - _NEAR_HALF)
    doubtful |= odd & regular
    return np.where(regular, np.copysign(rounded / scale, numbers), numbers)
