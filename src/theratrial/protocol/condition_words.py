"""A condition in words: labels for names, words for signs, so that people need not read the expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from theratrial.protocol.schema import Variable

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>\"[^\"\\]*\"|'[^'\\]*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|"
    r"(?P<sign>&&|\|\||==|!=|>=|<=|[<>!()]))"
)
_SIGNS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "&&": "and", "||": "or", "==": "is", "!=": "is not", ">=": "at least", "<=": "at most", ">": "more than",
        "<": "less than", "true": "yes", "false": "no", "(": "(", ")": ")",
    },
    "fa": {
        "&&": "و", "||": "یا", "==": "برابر با", "!=": "جز", ">=": "دست‌کم", "<=": "حداکثر", ">": "بیش از",
        "<": "کمتر از", "true": "بله", "false": "خیر", "(": "(", ")": ")",
    },
}  # fmt: skip
_COMPARISONS: Final = ("==", "!=", ">=", "<=", ">", "<")


def condition_words(
    condition: str,
    variables: Mapping[str, Variable],
    language: str = "en",
    *,
    value: Callable[[Variable, str], str] | None = None,
) -> str:
    """The condition as people say it; the condition itself where it holds more than comparisons of single values.

    Parameters
    ----------
    variables
        By id.
    value
        Says a stored word of a variable (``positive``) as people do; default: as it is stored.

    Examples
    --------
    >>> from theratrial.protocol.reader import shipped_protocol
    >>> known = {one.id: one for one in shipped_protocol("IRCT20210612051548N3").variables}
    >>> condition_words("platelets_e9_per_L >= 100.0 && !pregnant", known)
    'Platelet count at least 100 10^9/L and Pregnant: no'
    """
    tokens = _tokens(condition)
    signs = _SIGNS.get(language)
    if tokens is None or signs is None:
        return condition
    said: list[str] = []
    at = 0
    while at < len(tokens):
        phrase = _phrase(tokens[at:], variables, language, value)
        if phrase is not None:
            words, used = phrase
            said.append(words)
            at += used
        elif tokens[at] in signs and tokens[at] not in _COMPARISONS:
            said.append(signs[tokens[at]])
            at += 1
        else:
            return condition
    return " ".join(said).replace("( ", "(").replace(" )", ")")


def _tokens(condition: str) -> list[str] | None:
    found, at, whole = [], 0, condition.rstrip()
    while at < len(whole):
        match = _TOKEN.match(whole, at)
        if match is None:
            return None
        found.append(match.group(0).strip())
        at = match.end()
    return found


def _phrase(
    tokens: list[str],
    variables: Mapping[str, Variable],
    language: str,
    value: Callable[[Variable, str], str] | None,
) -> tuple[str, int] | None:
    """A comparison, or a flag alone, at the beginning of the tokens: its words and how many tokens it takes."""
    signs = _SIGNS[language]
    negated = tokens[0] == "!"
    name = tokens[1] if negated and len(tokens) > 1 else tokens[0]
    variable = variables.get(name)
    if variable is None:
        return None
    label = variable.labels.get(language, variable.label)
    used = 2 if negated else 1
    if len(tokens) <= used or tokens[used] not in _COMPARISONS:
        if variable.type != "flag":
            return None
        return f"{label}: {signs['false' if negated else 'true']}", used
    if negated or len(tokens) < used + 2:
        return None
    sign, other = tokens[used], tokens[used + 1]
    worded = _operand(other, variable, language, value)
    return None if worded is None else (f"{label} {signs[sign]} {worded}", used + 2)


def _operand(token: str, variable: Variable, language: str, value: Callable[[Variable, str], str] | None) -> str | None:
    if token[0] in "\"'":
        stored = token[1:-1]
        return value(variable, stored) if value else stored
    if token in ("true", "false"):
        return _SIGNS[language][token]
    if token[0].isdigit():
        return f"{float(token):g} {variable.unit}".strip()
    return None
