"""A centre's own dictionary: read, applied, and refused where it cannot be relied on."""

import pytest

from theratrial.errors import InputError
from theratrial.safety.adverse.dictionary import Dictionary, dictionary_from_csv

GOOD = "term,code,name,class,dictionary\nNausea,X1,Nausea,Stomach,Made up 1\nDry mouth,X2,Dry mouth,Stomach,Made up 1\n"


def test_a_term_is_coded_however_it_is_written_and_others_are_named():
    read = dictionary_from_csv("\ufeff" + GOOD.replace("\n", "\r\n"))
    assert read.coded(" dry  MOUTH ").code == "X2"
    assert read.coded("Fever") is None
    assert read.uncoded(("Nausea", "Fever", "Fever")) == ("Fever",)


def test_without_a_dictionary_nothing_is_coded():
    assert Dictionary().coded("Nausea") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line is empty"),
        ("term,code\nNausea,X1\n", "must name term, code, name"),
        ("term,code,name,colour\nNausea,X1,Nausea,red\n", "must name"),
        ("term,code,code,name\nNausea,X1,X1,Nausea\n", "must name"),
        ("term,code,name\n", "no entries"),
        ("term,code,name\nNausea,X1\n", "2 cells for 3 columns"),
        ("term,code,name\nNausea,,Nausea\n", "code is empty"),
        ("term,code,name\nNausea,X1,Nausea\nNAUSEA,X9,Nausea\n", "has code X9, an earlier line X1"),
        ('term,code,name\n"Nausea,X1,Nausea\n', "not CSV"),
    ],
)
def test_a_dictionary_that_is_not_sound_is_refused_by_name(text, said):
    with pytest.raises(InputError, match=said):
        dictionary_from_csv(text)
