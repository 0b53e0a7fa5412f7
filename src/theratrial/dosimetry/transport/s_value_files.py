"""Tables of S values as passported files: those shipped, and those that ``theratrial svalues make`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from theratrial.dosimetry.transport.phantoms import PHANTOMS, transport_table
from theratrial.dosimetry.transport.values import SValue, SValueTable
from theratrial.errors import InputError, SourceError
from theratrial.nuclides import nuclide
from theratrial.reference import sealed, table_from_text
from theratrial.reference.tables import Table

_UNITS: Final[Mapping[str, str]] = {
    "phantom": "-",
    "nuclide": "-",
    "target": "-",
    "source": "-",
    "target_mass_g": "g",
    "electron_Gy_per_MBq_h": "Gy/(MBq h)",
    "photon_Gy_per_MBq_h": "Gy/(MBq h)",
    "alpha_Gy_per_MBq_h": "Gy/(MBq h)",
    "photon_relative_sd": "-",
}
_ASSUMED: Final = (
    "Electrons and positrons stop where they start, but for contents to wall, marrow and bone",
    "Photons under 10 keV stop in their source; bremsstrahlung and radioactive progeny are not included",
    "Small intestine and colon are wall and contents in one; other_soft_tissue is muscle, fat, skin and all not named",
)


def s_value_file(table: SValueTable, edition: str = "1") -> str:
    """The text of a passported CSV file that holds a table."""
    listed = ",\n ".join(_quoted(sentence) for sentence in (*_ASSUMED, *table.notes))
    passport = f"""title = "S values of {table.nuclide} in the {table.phantom.replace("_", " ")} phantom of theratrial"
edition = {_quoted(edition)}
source = {_quoted(table.source)}
licence = "Apache-2.0, ours; decay data (C) 2008 A. Endo and K.F. Eckerman, not contained"
how_entered = "theratrial svalues make --nuclide {table.nuclide} --phantom {table.phantom}, options as in source"
how_checked = "tests/reference/test_organ_s_values.py; see docs/methods/s_values.md"
decisions = [
 {listed},
]
sha256 = ""
[units]
""" + "".join(f'{column} = "{unit}"\n' for column, unit in _UNITS.items())
    lines = [",".join(_UNITS)]
    for (target, source), value in sorted(table.values.items()):
        numbers = (
            f"{table.masses_g[target]:g}",
            f"{value.electron_Gy_per_MBq_h:.6g}",
            f"{value.photon_Gy_per_MBq_h:.6g}",
            f"{value.alpha_Gy_per_MBq_h:.6g}",
            f"{value.photon_relative_sd:.3g}",
        )
        lines.append(",".join((table.phantom, table.nuclide, target, source, *numbers)))
    header = "".join(f"#: {line}".rstrip() + "\n" for line in passport.splitlines())
    return sealed(header + "\n".join(lines) + "\n")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def s_values_from_text(text: str, name: str) -> SValueTable:
    """The table of a file that `s_value_file` made.

    Raises
    ------
    SourceError
        If the file was changed, or holds more than one phantom and nuclide, or gives a region two masses.
    """
    return _s_values(table_from_text(text, name))


def _s_values(rows: Table) -> SValueTable:
    kinds = {(row.text("phantom"), row.text("nuclide")) for row in rows}
    if len(kinds) != 1:
        raise SourceError(f"table {rows.name} holds S values of {len(kinds)} phantoms and nuclides, one is allowed")
    phantom, of = next(iter(kinds))
    if phantom not in PHANTOMS:
        raise SourceError(f"table {rows.name} is of phantom {phantom!r}; known are {', '.join(PHANTOMS)}")
    masses: dict[str, float] = {}
    values: dict[tuple[str, str], SValue] = {}
    for row in rows:
        target, mass = row.text("target"), row.number("target_mass_g")
        if masses.setdefault(target, mass) != mass:
            raise SourceError(f"table {rows.name} line {row.line}: {target} weighs {mass} g and {masses[target]} g")
        values[target, row.text("source")] = SValue(
            electron_Gy_per_MBq_h=row.number("electron_Gy_per_MBq_h"),
            photon_Gy_per_MBq_h=row.number("photon_Gy_per_MBq_h"),
            alpha_Gy_per_MBq_h=row.number("alpha_Gy_per_MBq_h"),
            photon_relative_sd=row.number("photon_relative_sd"),
        )
    return SValueTable(
        phantom=phantom,
        sex=PHANTOMS[phantom],
        nuclide=of,
        masses_g=masses,
        values=values,
        source=rows.trace_key,
        notes=rows.passport.decisions,
    )


def table_stem(phantom: str, nuclide_name: str) -> str:
    """Name of a shipped table.

    Examples
    --------
    >>> table_stem("adult_female", "Lu-177")
    's_lu_177_adult_female'
    """
    return f"s_{nuclide_name.lower().replace('-', '_')}_{phantom}"


def shipped_s_values(phantom: str, nuclide_name: str) -> SValueTable:
    """A shipped table of S values.

    Raises
    ------
    InputError
        If the phantom is unknown.
    SourceError
        If no table is shipped for the nuclide (``theratrial svalues make`` makes one), or its body was changed.

    Examples
    --------
    >>> table = shipped_s_values("adult_female", "Lu-177")
    >>> liver = table.value("liver", "liver")
    >>> round(liver.electron_Gy_per_MBq_h * 1400 * 1000, 1)
    85.3
    """
    if phantom not in PHANTOMS:
        raise InputError(f"no phantom {phantom!r}; there are {', '.join(PHANTOMS)}")
    name = nuclide(nuclide_name).name
    try:
        rows = transport_table(table_stem(phantom, name))
    except SourceError as error:
        raise SourceError(
            f"no S values of {name} for the {phantom} are shipped ({error}); `theratrial svalues make --nuclide {name} "
            f"--phantom {phantom}` makes them"
        ) from None
    return _s_values(rows)
