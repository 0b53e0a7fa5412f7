"""The many spellings of one nuclide, read to one name: symbol, hyphen, mass number, m (``Lu-177``, ``Tc-99m``)."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from theratrial.errors import SourceError
from theratrial.reference import table

_TEXT: Final = (
    "H Hydrogen He Helium Li Lithium Be Beryllium B Boron C Carbon N Nitrogen O Oxygen F Fluorine Ne Neon Na Sodium "
    "Mg Magnesium Al Aluminium Si Silicon P Phosphorus S Sulfur Cl Chlorine Ar Argon K Potassium Ca Calcium "
    "Sc Scandium Ti Titanium V Vanadium Cr Chromium Mn Manganese Fe Iron Co Cobalt Ni Nickel Cu Copper Zn Zinc "
    "Ga Gallium Ge Germanium As Arsenic Se Selenium Br Bromine Kr Krypton Rb Rubidium Sr Strontium Y Yttrium "
    "Zr Zirconium Nb Niobium Mo Molybdenum Tc Technetium Ru Ruthenium Rh Rhodium Pd Palladium Ag Silver Cd Cadmium "
    "In Indium Sn Tin Sb Antimony Te Tellurium I Iodine Xe Xenon Cs Caesium Ba Barium La Lanthanum Ce Cerium "
    "Pr Praseodymium Nd Neodymium Pm Promethium Sm Samarium Eu Europium Gd Gadolinium Tb Terbium Dy Dysprosium "
    "Ho Holmium Er Erbium Tm Thulium Yb Ytterbium Lu Lutetium Hf Hafnium Ta Tantalum W Tungsten Re Rhenium Os Osmium "
    "Ir Iridium Pt Platinum Au Gold Hg Mercury Tl Thallium Pb Lead Bi Bismuth Po Polonium At Astatine Rn Radon "
    "Fr Francium Ra Radium Ac Actinium Th Thorium Pa Protactinium U Uranium Np Neptunium Pu Plutonium Am Americium "
    "Cm Curium Bk Berkelium Cf Californium Es Einsteinium Fm Fermium"
)
_ELEMENTS: Final = _TEXT.split()

_PAIRS: Final = tuple(zip(_ELEMENTS[::2], _ELEMENTS[1::2], strict=True))
_SYMBOLS: Final = {word.lower(): symbol for symbol, name in _PAIRS for word in (symbol, name)}
_SYMBOLS.update({"aluminum": "Al", "sulphur": "S", "cesium": "Cs", "lutecium": "Lu"})

_MASS_FIRST: Final = re.compile(r"(\d{1,3})([mn]\d?)?[-\s]([A-Za-z]+)")
_MASS_GLUED: Final = re.compile(r"(\d{1,3})([A-Za-z]+)")
_ELEMENT_FIRST: Final = re.compile(r"([A-Za-z]+)[-\s]?(\d{1,3})([mn]\d?)?")
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹ᵐ‐‑–−", "0123456789m----")


@cache
def _codes() -> dict[str, str]:
    return {key: row.text("nuclide") for key, row in table("nuclides/dicom_codes").by("value").items()}


def _parts(text: str) -> tuple[str, str, str] | None:
    """Element, mass number and state as written, or None."""
    if match := _MASS_FIRST.fullmatch(text):
        return match[3], match[1], match[2] or ""
    if match := _ELEMENT_FIRST.fullmatch(text):
        return match[1], match[2], match[3] or ""
    if match := _MASS_GLUED.fullmatch(text):
        # 99Mo is molybdenum, 99mTc a state of technetium: the m (or n) belongs to the element wherever that makes one.
        mass, letters = match.groups()
        if letters.lower() not in _SYMBOLS and letters[0] in "mn":
            return letters[1:], mass, letters[0]
        return letters, mass, ""
    return None


def nuclide_name(spelling: str) -> str:
    """The one name of a nuclide written in any usual way, or as a DICOM code value.

    Accepted: ``Lu-177``, ``Lu177``, ``lu 177``, ``177Lu``, ``177-Lu``, ``¹⁷⁷Lu``, ``Lutetium-177``, ``^177^Lutetium``,
    ``99mTc``, and code values of DICOM CID 18 and 4020 (``447553000``, ``C-131A3``).

    Raises
    ------
    SourceError
        If the text names no nuclide.

    Examples
    --------
    >>> nuclide_name("177Lu"), nuclide_name("^177^Lutetium"), nuclide_name("tc99m")
    ('Lu-177', 'Lu-177', 'Tc-99m')
    """
    text = re.sub(r"^\^(\d+m?)\^", r"\1-", spelling.strip().translate(_SUPERSCRIPTS))
    if (parts := _parts(text)) is not None:
        element, mass, state = parts
        if (symbol := _SYMBOLS.get(element.lower())) is not None and int(mass) > 0:
            return f"{symbol}-{int(mass)}{state}"
    elif (code := _codes().get(text)) is not None:
        return code
    raise SourceError(
        f"{spelling!r} names no nuclide; write it as Lu-177 (symbol, hyphen, mass number, m if metastable)"
    )
