"""The page on where each field goes is what the writers do, and an edit of any such element would be noticed."""

from __future__ import annotations

import pytest
from scripts.registration_mapping import PAGE, page, rows

from theratrial.exchange.ictrp.contradicted import _fields
from theratrial.exchange.ictrp.leaves import top_of


@pytest.fixture(scope="module")
def found():
    return list(rows())


def test_the_page_says_what_the_writers_do(found):
    assert PAGE.read_text(encoding="utf-8") == page(found), "run python scripts/registration_mapping.py"


def test_every_element_that_a_field_is_written_to_is_known_where_edited_elements_are_looked_for(found):
    unknown = set()
    for field, there in found:
        top = top_of(field.path.replace("[]", "[0]"))
        for place in there["131"]:
            name = place.rpartition("/")[2].casefold()
            if place != "values" and top not in _fields().get(name, ()):
                unknown.add((field.path, place))
    assert unknown == set()


def test_what_the_dtd_of_2009_lacks_stands_in_131_alone(found):
    places = {field.path: there for field, there in found}
    for path in ("results.summary", "recruitment.actual_sample_size", "ethics[].approved_on"):
        assert places[path]["2009"] == []
        assert any(one != "values" for one in places[path]["131"])
