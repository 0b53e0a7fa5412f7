"""What is compared and searched before a release leaves."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from theratrial.errors import InputError
from theratrial.results.values import TrialResult
from theratrial.sharing.identity import Cleaner, leaks_in
from theratrial.sharing.identity.records import WITHDRAWN
from theratrial.sharing.images.values import Person
from theratrial.trace import Quantity
from theratrial.trialfolder.records import TrialFolder


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared before anything left."""

    numbers: int
    numbers_off: int
    dates: int
    dates_off: int
    searched: int
    """Files looked through for ids, UIDs, dates and typed texts; of a PDF, its text."""
    not_searched: tuple[str, ...]
    """Files that were not: the consent form is shared as it was given."""
    leaks: tuple[str, ...]

    def must_hold(self) -> None:
        """Refuse where it does not.

        Raises
        ------
        InputError
            A number changed, a date is off, or something of a participant was found.
        """
        if self.numbers_off:
            raise InputError(f"the release is refused: {self.numbers_off} of {self.numbers} numbers changed")
        if self.dates_off:
            raise InputError(f"the release is refused: {self.dates_off} of {self.dates} dates are off their shift")
        if self.leaks:
            shown = "\n".join(f"  {one}" for one in self.leaks[:8])
            raise InputError(f"the release is refused, nothing was written: {len(self.leaks)} find(s)\n{shown}")


def numbers_compared(
    home: TrialResult, shared: TrialResult, people: Mapping[str, Person], *, cohort: bool
) -> tuple[int, int]:
    """(numbers with a trace, of these changed): every quantity of each shared participant.

    Parameters
    ----------
    cohort
        Whether the cohort's numbers are shared, and so compared, too.
    """
    by_code = {one.participant_id: one for one in shared.participants}
    pairs: list[tuple[Any, Any]] = [
        (one, by_code[people[one.participant_id].code]) for one in home.participants if one.participant_id in people
    ]
    if cohort:
        pairs.append((replace(home, participants=()), replace(shared, participants=())))
    count, off = 0, 0
    for one, other in pairs:
        before, after = list(_quantities(one)), list(_quantities(other))
        count += len(before)
        off += abs(len(before) - len(after)) + sum(a != b for a, b in zip(before, after, strict=False))
    return count, off


def _quantities(value: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, Quantity):
        yield (value.value, value.lower, value.upper, value.unit)
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from _quantities(getattr(value, one.name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _quantities(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _quantities(item)


def search(
    files: Mapping[str, bytes], folder: TrialFolder, cleaner: Cleaner, **how: Any
) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """(files searched, names of those that were not, what was found)."""
    left = tuple(sorted(name for name in files if name.startswith("consent/")))
    texts = {
        name: pdf_text(name, content) if name.endswith(".pdf") else content
        for name, content in files.items()
        if name not in left
    }
    found = [*leaks_in(texts, folder, cleaner, **how)]
    found += [
        f"{name}: speaks of a participant who withdrew the use of her data"
        for name, content in sorted(texts.items())
        if WITHDRAWN.encode() in content
    ]
    return len(texts), left, tuple(found)


def pdf_text(name: str, content: bytes) -> bytes:
    """The text of a PDF, as a reader of PDFs finds it.

    Raises
    ------
    InputError
        It cannot be read, and so not be searched.
    """
    from pypdf import PdfReader  # slow to import, and only where there are PDFs
    from pypdf.errors import PyPdfError

    try:
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).encode()
    except (PyPdfError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{name}: its text cannot be read, so it cannot be searched ({error}) -> make the release without PDFs"
        ) from error
