"""Draws the register of traces onto the empty pages that a document keeps for it, and leads every number there."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from theratrial.report.study.register import COLUMNS, Line, Register

SCHEME: Final = "trace:"
"""Links of the printed page that become links to a line of the register."""
PAGE: Final = "register-"
"""Fragment of a page that is kept for it, before the number of the page."""

_POINTS_PER_MM: Final = 72 / 25.4
_LEFT, _TOP, _WIDTH, _GAP = (mm * _POINTS_PER_MM for mm in (18, 26, 176, 6))
_HEIGHT_PT: Final = 297 * _POINTS_PER_MM
_SIZE_PT, _LEADING_PT = 5.6, 6.7
_FONT: Final = "DejaVuSansMono.ttf"


def finisher(register: Register) -> Callable[[Any, Any], None]:
    """What WeasyPrint calls with the document and the PDF before it writes the bytes."""

    def finish(document: Any, pdf: Any) -> None:
        pages = _kept(document, pdf)
        if pages:
            font = _embedded(pdf, "".join(line.text for line in register.lines))
            for number, page in pages.items():
                _draw(pdf, page, [line for line in register.lines if line.page == number], font)
        _lead(pdf, {line.anchor: (pages[line.page], *_place(line)) for line in register.lines if line.anchor})

    return finish


def _kept(document: Any, pdf: Any) -> dict[int, Any]:
    """Number of the register's page -> page of the PDF."""
    numbers = [int(reference.split()[0]) for reference in pdf.page_references]
    return {
        int(name.removeprefix(PAGE)): pdf.objects[at]
        for laid, at in zip(document.pages, numbers, strict=True)
        for name in laid.anchors
        if name.startswith(PAGE)
    }


def _place(line: Line) -> tuple[float, float]:
    """Left end of the line's foot, in points from the lower left corner of the page."""
    column = (_WIDTH - _GAP * (COLUMNS - 1)) / COLUMNS + _GAP
    return round(_LEFT + line.column * column, 2), round(_HEIGHT_PT - _TOP - (line.row + 1) * _LEADING_PT, 2)


def _draw(pdf: Any, page: Any, lines: list[Line], font: tuple[str, dict[str, int]]) -> None:
    import pydyf  # type: ignore[import-untyped]

    name, glyphs = font
    missing = glyphs["?"]
    written = ["Q BT 0.09 0.13 0.17 rg", f"/{name} {_SIZE_PT} Tf"]
    for line in lines:
        x, y = _place(line)
        codes = "".join(f"{glyphs.get(letter, missing):04x}" for letter in line.text)
        written.append(f"1 0 0 1 {x} {y} Tm <{codes}> Tj")
    stream = pydyf.Stream([*(one.encode() for one in written), b"ET"], compress=True)
    # The page's own drawing turns the axes and does not turn them back.
    before = pydyf.Stream([b"q"])
    pdf.add_object(before)
    pdf.add_object(stream)
    page["Contents"] = pydyf.Array([before.reference, page["Contents"], stream.reference])


def _lead(pdf: Any, places: dict[str, tuple[Any, float, float]]) -> None:
    """Turn the links of the printed page into links to the lines."""
    import pydyf

    for one in pdf.objects:
        if not isinstance(one, pydyf.Dictionary) or one.get("Subtype") != "/Link" or "A" not in one:
            continue
        target = one["A"]["URI"].string if "URI" in one["A"] else ""
        if target.startswith(SCHEME):
            page, x, y = places[target.removeprefix(SCHEME)]
            del one["A"]
            one["Dest"] = pydyf.Array([page.reference, "/XYZ", x, y + 2 * _LEADING_PT, 0])


def _embedded(pdf: Any, text: str) -> tuple[str, dict[str, int]]:
    """A font of one width for every letter, with these letters in it: its name, and letter -> glyph."""
    import pydyf

    font, glyphs, advance = _subset("?" + text)
    file = pydyf.Stream([font], {"Length1": len(font)}, compress=True)
    pdf.add_object(file)
    base = "/TRACES+DejaVuSansMono"
    descriptor = pydyf.Dictionary(
        {
            "Type": "/FontDescriptor",
            "FontName": base,
            "Flags": 5,
            "FontBBox": pydyf.Array([-558, -375, 718, 1028]),
            "ItalicAngle": 0,
            "Ascent": 928,
            "Descent": -236,
            "CapHeight": 729,
            "StemV": 80,
            "FontFile2": file.reference,
        }
    )
    pdf.add_object(descriptor)
    inner = pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/CIDFontType2",
            "BaseFont": base,
            "CIDSystemInfo": pydyf.Dictionary(
                {"Registry": pydyf.String("Adobe"), "Ordering": pydyf.String("Identity"), "Supplement": 0}
            ),
            "DW": advance,
            "CIDToGIDMap": "/Identity",
            "FontDescriptor": descriptor.reference,
        }
    )
    pdf.add_object(inner)
    meaning = pydyf.Stream([_to_unicode(glyphs).encode()], compress=True)
    pdf.add_object(meaning)
    outer = pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": base,
            "Encoding": "/Identity-H",
            "DescendantFonts": pydyf.Array([inner.reference]),
            "ToUnicode": meaning.reference,
        }
    )
    pdf.add_object(outer)
    name = "traces"
    for one in pdf.objects:
        if isinstance(one, pydyf.Dictionary) and "Font" in one and "XObject" in one:
            pdf.objects[int(one["Font"].split()[0])][name] = outer.reference
    return name, glyphs


def _subset(letters: str) -> tuple[bytes, dict[str, int], int]:
    """Bytes of the font with these letters, letter -> glyph, and the width of each in thousandths of its size."""
    import matplotlib as mpl
    from fontTools import subset  # type: ignore[import-untyped]
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    font = TTFont(Path(mpl.get_data_path()) / "fonts" / "ttf" / _FONT, recalcTimestamp=False)
    known = font.getBestCmap()
    order = {name: at for at, name in enumerate(font.getGlyphOrder())}
    glyphs = {letter: order[known[ord(letter)]] for letter in sorted(set(letters)) if ord(letter) in known}
    advance = round(1000 * font["hmtx"][known[ord("0")]][0] / font["head"].unitsPerEm)
    options = subset.Options(retain_gids=True, hinting=False, layout_features=[], notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "DSIG", "FFTM"]
    cutter = subset.Subsetter(options)
    cutter.populate(text="".join(glyphs))
    cutter.subset(font)
    written = BytesIO()
    font.save(written)
    return written.getvalue(), glyphs, advance


def _to_unicode(glyphs: dict[str, int]) -> str:
    """So that words copied from the page are words."""
    rows = [f"<{glyph:04x}> <{letter.encode('utf-16-be').hex()}>" for letter, glyph in glyphs.items()]
    blocks = [rows[at : at + 100] for at in range(0, len(rows), 100)]
    mapped = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapName /Adobe-Identity-UCS def\n"
        "/CMapType 2 def\n1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
        f"{mapped}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
    )
