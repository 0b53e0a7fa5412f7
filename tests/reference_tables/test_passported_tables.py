from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import SourceError
from theratrial.reference import body_sha256, sealed, table, table_from_text

BODY = "organ,mass_g\nliver,1400\nspleen,130\n"
PASSPORT = """#: title = "Masses"
#: edition = "2002"
#: source = "a print"
#: licence = "public domain"
#: how_entered = "by hand, twice"
#: how_checked = "compared"
#: decisions = ["spleen as printed"]
#: sha256 = ""
#: [units]
#: organ = "-"
#: mass_g = "g"
"""
GOOD = sealed(PASSPORT + BODY)


def test_a_sealed_table_is_read_with_its_passport_and_numbers() -> None:
    masses = table_from_text(GOOD, "test/masses")
    assert masses.by("organ")["spleen"].number("mass_g") == 130.0
    assert masses.passport.units["mass_g"] == "g"
    assert masses.passport.decisions == ("spleen as printed",)
    assert masses.trace_key == "table:test/masses@2002"


def test_the_seal_is_the_sha256_of_the_body_alone() -> None:
    assert body_sha256(GOOD) == hashlib.sha256(BODY.encode()).hexdigest()


def test_line_ends_and_byte_order_mark_do_not_change_the_table() -> None:
    assert table_from_text("\ufeff" + GOOD.replace("\n", "\r\n"), "t").rows[0].text("mass_g") == "1400"


@given(st.integers(0, len(BODY) - 1), st.characters(codec="ascii", exclude_categories=["Cc", "Cs"]))
def test_any_changed_character_of_the_body_is_noticed(position: int, character: str) -> None:
    start = len(GOOD) - len(BODY)
    changed = GOOD[: start + position] + character + GOOD[start + position + 1 :]
    if changed != GOOD:
        with pytest.raises(SourceError):
            table_from_text(changed, "t")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (BODY, "no passport"),
        ("", "no passport"),
        (GOOD.replace("liver,1400", "liver,1500"), "body hashes to"),
        (GOOD.replace('#: licence = "public domain"\n', ""), "lacks licence"),
        (GOOD.replace('"public domain"', '"  "'), "leaves licence empty"),
        (GOOD.replace("#: title", "#: tiitle"), "tiitle"),
        (GOOD.replace('"Masses"', '"Masses'), "not TOML"),
        (GOOD.replace('#: organ = "-"\n', ""), "differ in organ"),
        (sealed(PASSPORT + "organ,mass_g\nliver\n"), "line 13: 1 cells for 2"),
        (sealed(PASSPORT + "organ,organ\nliver,1\n"), "name each column once"),
        (sealed(PASSPORT + "organ,mass_g\n"), "no rows"),
        (sealed(PASSPORT + 'organ,mass_g\n"liver,1\n'), "not CSV"),
    ],
)
def test_a_table_that_is_not_what_it_says_is_refused(text: str, word: str) -> None:
    with pytest.raises(SourceError, match=word):
        table_from_text(text, "t")


@pytest.mark.parametrize("cell", ["", "nan", "inf", "1,4", "n/a"])
def test_a_cell_that_is_no_number_is_not_zero(cell: str) -> None:
    quoted = f'"{cell}"'
    with pytest.raises(SourceError, match="not a number"):
        table_from_text(sealed(PASSPORT + f"organ,mass_g\nliver,{quoted}\n"), "t").rows[0].number("mass_g")


def test_a_key_that_stands_twice_is_refused() -> None:
    twice = table_from_text(sealed(PASSPORT + "organ,mass_g\nliver,1\nliver,2\n"), "t")
    with pytest.raises(SourceError, match="lines 13 and 14"):
        twice.by("organ")


@pytest.mark.parametrize("name", ["nuclides/none", "no_room/none", "nuclides", "../nuclides/x", "nuclides/../x"])
def test_a_table_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(SourceError, match=r"no table|named room/name"):
        table(name)
