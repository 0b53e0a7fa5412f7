"""The leak scan: nothing of any participant's own may stand in what leaves, neither as a value nor as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from theratrial.imaging.guard import readable
from theratrial.sharing.images import elements
from theratrial.sharing.images.cleaning import REMOVED
from theratrial.sharing.images.files import bytes_beside_pixels, read_object, texts
from theratrial.sharing.images.own_strings import Search

MOST_SHOWN: Final = 20
OWN_NAMES: Final = re.compile(r"P-[A-Z2-7]{8}/study_\d+/series_\d+_[A-Za-z0-9]+/\d{5}\.dcm")
"""Names we give count studies and series from one: they are no find, though a participant may be called 01."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A find: its kind, the released file, and the element or the place in the bytes. Never the string itself."""

    kind: str
    """string, date, UID, name of a person, telephone number ..."""
    file: str
    place: str


def leaks_in_file(path: Path, shown_as: str, search: Search) -> tuple[Leak, ...]:
    """What of the strings looked for stands in a released file, its name included.

    Raises
    ------
    InputError
        If the file cannot be read: what cannot be read cannot be cleared.
    """
    with readable(path):
        return leaks_in_object(read_object(path), path.read_bytes(), shown_as, search)


def leaks_in_object(dataset: Dataset, data: bytes, shown_as: str, search: Search) -> tuple[Leak, ...]:
    """As `leaks_in_file`, of a data set and the bytes of the file it was read from."""
    found: list[Leak] = []
    for place, text, term in texts(dataset):
        found += [Leak(kind, shown_as, place) for kind in search.in_text(text, term=term)]
    for place, text, term in texts(dataset.file_meta):
        found += [Leak(kind, shown_as, f"file meta, {place}") for kind in search.in_text(text, term=term)]
    named = {leak.kind for leak in found}
    for kind, offset in search.in_bytes(bytes_beside_pixels(data, dataset)):
        if kind not in named:
            found.append(Leak(kind, shown_as, f"bytes, near {offset}" + (" (preamble)" if offset < 128 else "")))
    found += [Leak("forbidden element", shown_as, place) for place in _forbidden(dataset)]
    if data[:128] != b"\0" * 128:
        found.append(Leak("preamble", shown_as, "the first 128 bytes are not empty"))
    if not OWN_NAMES.fullmatch(shown_as):
        found += [Leak(kind, "a file of the release", "name of the file") for kind in search.in_text(shown_as)]
    return tuple(dict.fromkeys(found))


def _forbidden(dataset: Dataset) -> Iterator[str]:
    """Elements that may not be there at all, whatever they hold: by value representation and by group."""
    yield from _forbidden_below(dataset, {str(dataset.get("PatientID", "")), REMOVED, ""}, elements.safe_private())


def _forbidden_below(dataset: Dataset, names: set[str], safe: Mapping[tuple[int, int, str], str]) -> Iterator[str]:
    for tag in dataset.keys():  # noqa: SIM118 - keys, so that numbers and pixels are not decoded
        if tag.is_private:
            element = dataset[tag]
            known = (tag.group, tag.element & 0xFF, str(element.private_creator or "")) in safe
            if tag.element >= 0x1000 and not known:
                yield f"{tag}: a private element that is not on the safe list"
            continue
        if 0x6000 <= tag.group <= 0x60FF or 0x5000 <= tag.group <= 0x50FF:
            yield f"{tag}: an overlay or a curve"
        vr = elements.representation(dataset.get_item(tag))
        if vr == "PN" and {str(one) for one in elements.listed(dataset[tag].value)} - names:
            yield f"{elements.keyword(tag)}: a person's name"
        elif vr == "SQ":
            for item in dataset[tag].value or ():
                yield from _forbidden_below(item, names, safe)
