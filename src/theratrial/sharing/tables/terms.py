"""Short terms and names that somebody typed: what of them may be shown, the same in tables, data sets and results."""

from __future__ import annotations

import re
from typing import Final

from theratrial.protocol.schema import Protocol
from theratrial.sharing.images import words
from theratrial.sharing.images.keys import ReleaseKey

_NUMBER: Final = re.compile(r"\d{1,4}")
_EDGES: Final = " .,;:!?-"


def plain(text: str) -> bool:
    """Whether a text has nothing but words that name nobody: whoever typed it said nothing of a person.

    Examples
    --------
    >>> plain("normal"), plain("liver, stable."), plain("seen by Dr. Testname"), plain("planar_lu177_2022")
    (True, True, False, False)
    """
    whole = " ".join(text.split()).strip(_EDGES)
    return _NUMBER.fullmatch(whole) is not None or (bool(whole) and words.cleaned(whole) == whole)


def shown_term(value: str, known: frozenset[str]) -> str:
    """A typed term (an organ, a modality) as it is shown: one of the protocol's, else its words that name nobody.

    Examples
    --------
    >>> shown_term("bone_of_Fatemeh", frozenset()), shown_term("salivary_glands", frozenset({"salivary_glands"}))
    ('bone_of', 'salivary_glands')
    """
    return value if value in known else words.cleaned(value)


def shown_id(value: str, kind: str, key: ReleaseKey, known: frozenset[str]) -> str:
    """A typed id (of a lesion, a calibration) as it is shown: itself where it is plain or the protocol's, else a code.

    Examples
    --------
    >>> key = ReleaseKey(b"sixteen bytes or more")
    >>> shown_id("lesion_3", "LESION", key, frozenset())
    'lesion_3'
    >>> shown_id("planar_20220110", "CALIBRATION", key, frozenset()).startswith("CALIBRATION-")
    True
    """
    return value if value in known or plain(value) else key.label(kind, value)


def protocol_texts(protocol: Protocol) -> frozenset[str]:
    """Every text and id of the protocol: what is shared with it names nobody of the trial."""
    found: set[str] = set()
    waiting: list[object] = [protocol.model_dump(mode="json")]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
            found.update(map(str, one))
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            found.add(one)
    return frozenset(found)
