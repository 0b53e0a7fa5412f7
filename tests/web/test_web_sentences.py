"""What the core says is said in Persian on Persian pages, whole, with its values, and the English stays reachable."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from theratrial.web.participants.models import Participant
from theratrial.web.sentences.matching import CODE, CODE_END, END, ENGLISH, said
from theratrial.web.sentences.shown import said_markup, said_plain
from theratrial.web.sentences.table import VALUE, table
from theratrial.web.trials.models import Trial

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import core_sentences  # noqa: E402

PERSIAN = re.compile("[\u0600-\u06ff]")
LEFT_ENGLISH = re.compile(r'<bdi lang="en" dir="ltr">(.*?)</bdi>', re.DOTALL)
# A citation of the protocol's file, kept as it is printed; not a sentence of the core.
CITATION = "Hall &amp; Giaccia"


def unknown(text: str) -> str:
    """A catalogue without words."""
    return text


def in_persian(text: str, *, jalali: bool = False) -> str:
    """Without the marks of direction."""
    found = said(text, jalali=jalali, words=unknown)
    assert found.left == 0, (text, found.text)
    return re.sub(f"[{CODE}{CODE_END}]", "", found.text)


@pytest.fixture
def persian() -> object:
    with translation.override("fa"):
        yield


def test_every_sentence_of_the_rooms_that_reach_a_page_has_its_persian() -> None:
    known = core_sentences.translated()
    required = core_sentences.required_sentences()
    assert len(required) > 550
    lacking = [(place, one) for one, place in required.items() if not PERSIAN.search(known.get(one, ""))]
    lacking = [
        (place, one) for place, one in lacking if VALUE.sub("", known.get(one, "")).strip() or not known.get(one)
    ]
    assert lacking == [], "add them to src/theratrial/web/sentences/fa.csv (scripts/core_sentences.py lists them)"


def test_the_persian_of_a_sentence_keeps_each_of_its_values() -> None:
    for english, persian in core_sentences.translated().items():
        assert sorted(VALUE.findall(english)) == sorted(VALUE.findall(persian)), english


def test_the_extraction_sees_values_alternatives_and_not_the_documentation(tmp_path: Path) -> None:
    module = tmp_path / "room.py"
    module.write_text(
        '"""A module that says much."""\n'
        "def said(n, unit):\n"
        '    """What it says."""\n'
        "    return f\"{n:.1f} session{'s' if n != 1 else ''} given, {unit}\", 'key', f'{n} Gy'\n"
    )
    assert list(core_sentences.sentences(module)) == ["{1} sessions given, {2}", "{1} session given, {2}"]


def test_every_template_recognises_a_sentence_made_from_it() -> None:
    for template in table().templates:
        sentence = VALUE.sub(lambda place: place[1], template.english)
        found = said(sentence, jalali=False, words=unknown)
        assert found.left == 0, (template.english, found.text)
        assert ENGLISH not in found.text


def test_a_finding_with_several_sentences_within_each_other_is_said_whole() -> None:
    text = "Platelet count decreased: 64 10^9/L is < 75.0 to 50.0, 1 day old: grade 2, allowed is grade 1 (CTCAE 5.0)"
    assert in_persian(text) == (
        "کاهش شمارش پلاکت: 64 10^9/L در محدوده از 50.0 تا کمتر از 75.0 است، 1 روز پیش: درجه 2، مجاز: درجه 1 (CTCAE 5.0)"
    )


def test_the_limit_of_normal_stands_behind_the_interval_and_not_within_it() -> None:
    shown = in_persian("Anemia: 113 g/L is < LLN to 100 (LLN 120)")
    assert shown.endswith("از 100 تا کمتر از حد پایین طبیعی (حد پایین طبیعی 120) است")


def test_a_number_and_its_unit_keep_one_direction() -> None:
    found = said("2.9 Gy so far (upper bound, 1 session)", jalali=False, words=unknown)
    assert f"{CODE}2.9 Gy{CODE_END}" in found.text


def test_a_list_of_words_stays_together_within_its_sentence() -> None:
    assert in_persian("had complete response, partial response or stable disease").endswith("داشتند")


def test_the_sum_of_doses_keeps_its_numbers_in_their_places() -> None:
    text = "11.2 Gy so far (upper bound, 2 sessions) + 4.1 Gy expected from 1500 MBq = 15.3 Gy"
    text += ", within the limit 23 Gy (A1)"
    shown = in_persian(text)
    assert re.findall(r"[\d.]+", shown) == ["11.2", "2", "4.1", "1500", "15.3", "23", "1"]
    assert "حد مجاز" in shown


def test_findings_joined_by_semicolons_are_said_one_by_one() -> None:
    text = "withdrawal on 2022-06-21; consent to treatment withdrawn on 2022-06-21"
    assert in_persian(text) == "انصراف در 2022-06-21؛ انصراف از رضایت به درمان در 2022-06-21"


def test_a_date_is_said_in_the_calendar_of_the_reader() -> None:
    assert in_persian("visit follow_up is not recorded up to 2022-06-21", jalali=True).count("1401/03/31") == 1


def test_a_text_that_no_template_made_stays_english_and_whole() -> None:
    text = "She asked by telephone, or so the nurse is sure, to come on another day"
    assert said(text, jalali=False, words=unknown).text == f"{ENGLISH}{text}{END}"


def test_an_english_page_shows_the_english(persian: object) -> None:
    with translation.override("en"):
        assert said_markup("grade 2 <b>") == "grade 2 &lt;b&gt;"
        assert said_plain("grade 2") == "grade 2"


def test_the_markup_of_a_translation_escapes_and_keeps_the_original(db: None, persian: object) -> None:
    shown = said_markup("'<script>' is not a number")
    assert "<script>" not in shown
    assert "عدد نیست" in shown
    assert "is not a number" in shown.partition(">")[0]


def test_english_that_stays_is_marked_as_english(db: None, persian: object) -> None:
    assert said_markup("camera out of order") == '<bdi lang="en" dir="ltr">camera out of order</bdi>'


def test_digits_follow_the_choice_of_the_reader_but_codes_keep_theirs(db: None, persian: object) -> None:
    reader = SimpleNamespace(persian_digits=True, calendar="jalali")
    shown = said_plain("result by NM-01", reader)
    assert "NM-01" in shown
    assert "۶۴ 10^9/L" in said_plain("Platelet count decreased: 64 10^9/L is < 75.0 to 50.0", reader)


def test_a_date_in_a_translated_sentence_keeps_its_direction_and_what_is_typed_is_escaped(persian: object) -> None:
    shown = said_markup("نسخه <2.0> از 2026-11-01 در حال استفاده است")
    assert '<bdi dir="ltr">2026-11-01</bdi>' in shown
    assert "&lt;2.0&gt;" in shown


def test_what_the_interface_translated_already_is_left_alone(db: None, persian: object) -> None:
    assert said_plain("درجه 2, grade 2") == "درجه 2, grade 2"


def left_in_english(client: Client, address: str) -> list[str]:
    """Texts of the core that a Persian page shows in English."""
    client.cookies["theratrial_language"] = "fa"
    answer = client.get(address)
    assert answer.status_code == 200, address
    return [text for text in LEFT_ENGLISH.findall(answer.content.decode()) if not text.startswith(CITATION)]


def test_persian_pages_of_the_demonstration_say_nothing_of_the_core_in_english(
    cohort: Trial, client_of: Callable[[str], Client]
) -> None:
    client = client_of("investigator1")
    left = {}
    addresses = [reverse("trials:overview"), reverse("results:gates")]
    for participant in Participant.objects.order_by("code")[:6]:
        code = participant.code
        addresses += [reverse(name, args=(code,)) for name in ("participants:eligibility", "participants:schedule")]
        addresses += [reverse("results:safety", args=(code,)), reverse("results:gate", args=(code, 1))]
    for address in addresses:
        if found := left_in_english(client, address):
            left[address] = found
    assert left == {}


def test_the_signed_words_of_a_gate_stand_on_the_persian_page_in_english(
    cohort: Trial, client_of: Callable[[str], Client]
) -> None:
    client = client_of("investigator1")
    client.cookies["theratrial_language"] = "fa"
    from theratrial.web.large_site import first_treated

    page = client.get(reverse("results:gate", args=(first_treated(), 1))).content.decode()
    signed = page.partition("data-signed-words")[2].partition("</details>")[0]
    assert "allowed is grade" in signed
    shown = page.partition('class="because"')[2].partition("</p>")[0]
    assert "حد مجاز" in re.sub(r'title="[^"]*"', "", shown)
