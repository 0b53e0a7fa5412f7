"""How registries word phases, ages and outcomes in an ICTRP file."""

from __future__ import annotations

import re
from typing import Any, Final

from theratrial.exchange.ictrp.draft import coded, said
from theratrial.registry.codes import code_list

_MONTHS: Final = ("jan", "feb", "mar", "apr")
_ROMAN: Final = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_AGE: Final = re.compile(
    r"([0-9]{1,4}(?:\.[0-9]+)?)\s*(years?|months?|weeks?|days?|[ymwd])?(?: old)?\.?", re.IGNORECASE
)
_UNITS: Final = {"y": "years", "m": "months", "w": "weeks", "d": "days"}
_OUTCOME: Final = re.compile(
    r"(?P<description>.*?)(?:\.? *Timepoint: (?P<timepoint>.*?))?(?:\.? *Method of measurement: (?P<method>.*?))?\.?",
    re.DOTALL,
)


def phase(words: str) -> tuple[Any, str]:
    """The phase, and what was repaired: a spreadsheet takes ``2-3`` for the second of March.

    Examples
    --------
    >>> phase("2020-03-02")[0]
    {'code': '2_3'}
    """
    plain = " ".join(words.split()).casefold()
    if pair := _pair_in_a_date(plain):
        return {"code": f"{pair[0]}_{pair[1]}"}, f"'{words}' was read as {pair[0]}-{pair[1]}: a spreadsheet made a date"
    found = coded("phase", words)
    if "code" in found:
        return found, ""
    text = re.sub(r"\(phase ([iv]+)\):\s*no", "", plain)
    text = " ".join(re.findall(r"\(phase [iv]+\):\s*yes", text)) if "human pharmacology" in text else text
    numbers = sorted({_ROMAN.get(one) or int(one) for one in re.findall(r"\b(?:phase *)?([0-4]|i{1,3}|iv)\b", text)})
    code = "_".join(str(one) for one in numbers)
    if re.fullmatch(r"(?:[\s/,\-–():]|phases?|yes|and|[0-4]|i{1,3}|iv)*", text) and code in code_list("phase"):
        return {"code": code, "text": said(words)}, ""
    if plain in ("not applicable", "na", "n/a"):
        return {"code": "not_applicable", "text": said(words)}, ""
    return found, ""


def _pair_in_a_date(plain: str) -> tuple[int, int] | None:
    if match := re.fullmatch(r"[12][0-9]{3}-([0-9]{2})-([0-9]{2})(?:[ t]00:00:00(?:\.0+)?)?", plain):
        pair = sorted((int(match[1]), int(match[2])))
    elif match := re.fullmatch(r"0?([1-4])-([a-z]{3})(?:-[0-9]{2,4})?|([a-z]{3})-0?([1-4])", plain):
        month = match[2] or match[3]
        if month not in _MONTHS:
            return None
        pair = sorted((int(match[1] or match[4]), _MONTHS.index(month) + 1))
    else:
        return None
    return (pair[0], pair[1]) if (pair[0], pair[1]) in ((1, 2), (2, 3)) else None


def age(words: str) -> dict[str, Any]:
    """A limit of age; words that are none are kept as words."""
    match = _AGE.fullmatch(words.strip())
    if match is None:
        return {"text": said(words)} if words.strip() else {}
    value, unit = float(match[1]), _UNITS[(match[2] or "y")[0].casefold()]
    kept = {} if words.strip() == f"{value:g} {unit}" else {"text": said(words)}
    return {"value": value, "unit": unit} | kept


def sex(words: str) -> Any:
    """The sex; EUCTR says ``Female: yes`` and ``Male: no``."""
    plain = words.casefold()
    if "female:" in plain:
        female, male = (re.search(rf"(?<![a-z]){one}:\s*(yes|no)", plain) for one in ("female", "male"))
        yes = (bool(female and female[1] == "yes"), bool(male and male[1] == "yes"))
        code = {(True, True): "both", (True, False): "female", (False, True): "male"}.get(yes, "")
        return {"code": code, "text": said(words)}
    return coded("sex", words)


def outcome(words: str) -> dict[str, Any]:
    """``Description. Timepoint: ... Method of measurement: ...``, as IRCT joins the three."""
    if "Timepoint: " not in words and "Method of measurement: " not in words:
        return {"description": said(words)}
    match = _OUTCOME.fullmatch(words)
    parts = match.groupdict() if match else {"description": words}
    return {name: said(part.strip()) for name, part in parts.items() if part and part.strip()}


_DESIGN: Final = (
    ("Randomization", "randomization"),
    ("Blinding", "blinding"),
    ("Placebo", "placebo"),
    ("Assignment", "assignment"),
    ("Purpose", "purpose"),
)


def design_words(design: Any) -> str:
    """The design in one sentence: its own, else ``Randomization: ..., Blinding: ...`` as IRCT's."""
    if design.description:
        return str(design.description)
    parts = []
    for label, name in _DESIGN:
        value = getattr(design, name)
        words = code_list(name)[value.code].en if value.code else str(value.text)
        if words:
            parts.append(f"{label}: {words}")
    return ", ".join(parts) + "." if parts else ""


def design(words: str) -> dict[str, Any]:
    """The codes of a sentence that is wholly of IRCT's form; of any other, the sentence."""
    labels = "|".join(label for label, _ in _DESIGN)
    pieces = re.split(rf",? *(?:^|(?<=[ ,]))({labels}): ", words.strip().removesuffix("."))
    if pieces[0].strip() or len(pieces) < 3:
        return {"description": said(words)}
    names = dict(_DESIGN)
    found = {names[label]: coded(names[label], value) for label, value in zip(pieces[1::2], pieces[2::2], strict=True)}
    whole = len(found) * 2 == len(pieces) - 1 and all("code" in one for one in found.values())
    return found if whole else {"description": said(words)}
