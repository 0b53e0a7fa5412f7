"""The interface speaks Persian wherever it speaks English."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import polib
import pytest
from django.utils import translation

from theratrial.protocol.reader import shipped_protocol
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.trialfolder.tables import TABLES
from theratrial.web.capture import table_words
from theratrial.web.people.label_words import LABELS, TASKS
from theratrial.web.people.permissions import matrix

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "src" / "theratrial" / "web" / "locale" / "fa" / "LC_MESSAGES" / "django.po"
PLACEHOLDERS = re.compile(r"%\([a-zA-Z_]+\)[sd]|%[sd]|\{[^}]*\}")


@pytest.fixture(scope="module")
def entries() -> list[polib.POEntry]:
    return [entry for entry in polib.pofile(str(CATALOGUE)) if not entry.obsolete]


def test_every_sentence_of_the_catalogue_is_translated(entries: list[polib.POEntry]) -> None:
    assert [entry.msgid for entry in entries if not entry.translated()] == []


def test_every_sentence_marked_in_the_templates_is_in_the_catalogue(entries: list[polib.POEntry]) -> None:
    known = {entry.msgid.replace("%%", "%") for entry in entries} | {entry.msgid for entry in entries}
    marked = set()
    for file in (ROOT / "src" / "theratrial" / "web").rglob("*.html"):
        marked |= set(re.findall(r"""\{% translate "([^"]+)" """, file.read_text(encoding="utf-8")))
        marked |= set(re.findall(r"""\{% translate '([^']+)' """, file.read_text(encoding="utf-8")))
    assert len(marked) > 300
    assert sorted(marked - known) == [], "run make translations"


def test_placeholders_of_translations_are_those_of_the_sentence(entries: list[polib.POEntry]) -> None:
    for entry in entries:
        wanted = {frozenset(PLACEHOLDERS.findall(text)) for text in (entry.msgid, entry.msgid_plural) if text}
        for text in [entry.msgstr] if not entry.msgid_plural else list(entry.msgstr_plural.values()):
            assert frozenset(PLACEHOLDERS.findall(text)) in wanted, entry.msgid


def test_the_compiled_catalogue_is_that_of_the_sentences(entries: list[polib.POEntry]) -> None:
    compiled = {
        (one.msgid, one.msgctxt): one.msgstr or one.msgstr_plural
        for one in polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    }
    assert {(e.msgid, e.msgctxt): e.msgstr or e.msgstr_plural for e in entries if e.translated()} == compiled


def test_django_finds_the_persian_words() -> None:
    with translation.override("fa"):
        assert translation.gettext("Sign out") == "خروج"


def test_every_role_right_and_task_is_written_out_for_translation() -> None:
    known = matrix()
    labels = {one.label for one in (*known.permissions.values(), *known.roles.values())}
    assert labels == set(LABELS)
    assert {one.task for one in known.permissions.values() if one.task} == set(TASKS)
    with translation.override("fa"):
        assert [one for one in (*LABELS, *TASKS.values()) if translation.gettext(one) == one] == []


def test_words_of_tables_and_columns_are_those_of_the_folder_and_have_persian() -> None:
    docs = {table.doc.rstrip(".") for table in TABLES}
    forms = [clause.reading for clause in shipped_protocol(SEED_PROTOCOL).forms.values() if clause.reading is not None]
    filled = Counter((form.table, item.column or item.id) for form in forms for item in form.items)
    unfilled = {column.name for table in TABLES for column in table.columns if filled[table.name, column.name] != 1}
    assert set(table_words.TABLES) <= docs
    # What no item of a form names, or several do, has a short word to head a column with.
    assert unfilled - set(table_words.COLUMNS) == set()
    assert set(table_words.COLUMNS) <= {column.name for table in TABLES for column in table.columns}
    with translation.override("fa"):
        every = (*table_words.TABLES, *table_words.COLUMNS.values())
        assert [one for one in every if translation.gettext(one) == one] == []


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["1400/13/45", "abc", "22-03-05"])
def test_a_day_that_is_none_is_refused_in_the_language_of_who_typed_it(typed: str) -> None:
    """The core's sentence stood in English behind the Persian name of the field."""
    from theratrial.errors import InputError
    from theratrial.web.people.typed import day_typed

    with translation.override("fa"), pytest.raises(InputError) as refused:
        day_typed(typed, "روز")
    # Between the marks of direction stands what was typed; nothing else is in Latin letters.
    said = re.sub("\u2066.*?\u2069", "", str(refused.value))
    assert not re.search("[A-Za-z]", said), said
    assert "؛" in said
