"""Persian words in the order and the shapes in which they are seen.

WeasyPrint draws the words of an SVG letter by letter, each alone and from left to right: Persian would stand in
unjoined letters the wrong way round. Unicode's presentation forms are letters that are joined already.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final

_LEFT_TO_RIGHT: Final = re.compile(
    r"[A-Za-z0-9۰-۹⁰¹²³⁴-⁹%/\[\]()+−.\-]*[A-Za-z0-9۰-۹⁰¹²³⁴-⁹](?:[^؀-ۿ‌\s]|\s(?=[A-Za-z0-9\[]))*"
)
_MIRRORED: Final = str.maketrans("()[]«»", ")(][»«")
_OVERRIDE, _END = "\u202d", "\u202c"
_NON_JOINER: Final = "\u200c"


def seen(text: str) -> str:
    """The text from left to right as it is seen; drawn so by what knows directions too.

    Examples
    --------
    >>> [f"{ord(letter):04X}" for letter in seen("حد 5")]
    ['202D', '0035', '0020', 'FEAA', 'FEA3', '202C']
    """
    runs, at = [], 0
    for found in _LEFT_TO_RIGHT.finditer(text):
        runs += [_turned(text[at : found.start()]), found[0]]
        at = found.end()
    runs.append(_turned(text[at:]))
    return f"{_OVERRIDE}{''.join(reversed(runs))}{_END}"


def _turned(text: str) -> str:
    return _joined(text)[::-1].translate(_MIRRORED)


def _joined(text: str) -> str:
    """Each letter in the shape that it has between its neighbours."""
    # The font has no joined shape of heh with hamza, which Persian may leave out.
    letters = text.replace("\u0654", "")
    forms = _forms()
    shaped = []
    at = 0
    while at < len(letters):
        pair = letters[at : at + 2]
        one = pair if pair in forms else letters[at]
        before, after = letters[at - 1] if at else "", letters[at + len(one) : at + len(one) + 1]
        own = forms.get(one, {})
        to_right = "initial" in forms.get(before, {}) and "final" in own
        to_left = "initial" in own and "final" in forms.get(after, {})
        name = ("medial" if to_left else "final") if to_right else ("initial" if to_left else "isolated")
        if one != _NON_JOINER:
            shaped.append(own.get(name, one))
        at += len(one)
    return "".join(shaped)


@cache
def _forms() -> Mapping[str, Mapping[str, str]]:
    """Letter (or lam with alef) -> its shapes, as Unicode's own table decomposes them."""
    found: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        kind, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        whole = "".join(chr(int(letter, 16)) for letter in letters)
        if kind and (len(whole) == 1 or whole.startswith("\u0644")):
            found.setdefault(whole, {}).setdefault(kind.strip("<>"), chr(code))
    return found
