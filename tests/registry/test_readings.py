"""Criteria read as limits: two wordings of one demand are equal, two demands are not."""

from __future__ import annotations

import pytest

from theratrial.protocol.reader import shipped_protocol
from theratrial.registry.criteria_compared import limit_said, reading_differences
from theratrial.registry.reader import shipped_registration
from theratrial.registry.readings import protocol_readings, readings, record_readings, topics

GOOD = shipped_registration("IRCT20240110000000N1")
SEED = shipped_registration("IRCT20210612051548N3")

SAME = [
    ("Platelet count ≥ 100,000/mm³", "Platelet count $\\geq 100,000$ /mm³"),
    ("Platelet count ≥ 100,000/mm³", "platelets >= 100 x 10^9/L"),
    ("Platelet count ≥ 100,000/mm³", "PLT at least 100000 cells/µL"),
    ("Platelet count ≥ 100,000/mm³", "platelets ≥ 100 × 10⁹/L"),
    ("Platelet count ≥ 100,000/mm³", "platelets $\\geq 100 \\times 10^{9}$/L"),
    ("Platelet count ≥ 100,000/mm³", "platelets ≥ 100 K/µL"),
    ("Platelet count ≥ 100,000/mm³", "پلاکت ≥ ۱۰۰٬۰۰۰ در میلی‌متر مکعب"),
    ("Platelet count ≥ 100,000/mm³", "پلاکت حداقل ۱۰۰ هزار در میکرولیتر"),
    ("Absolute neutrophil count ≥ 1000 cells/mm³", "ANC ≥ 1.0 × 10^9/L"),
    ("Absolute neutrophil count ≥ 1000 cells/mm³", "نوتروفیل دست‌کم ۱۰۰۰ در میلی متر مکعب"),
    ("Hemoglobin ≥ 9 g/dL", "haemoglobin >= 90 g/L"),
    ("Hemoglobin ≥ 9 g/dL", "هموگلوبین ≥ ۹ گرم در دسی‌لیتر"),
    ("Hemoglobin ≥ 9 g/dL", "هموگلوبین ≥ ۹۰ گرم در لیتر"),
    ("Age ≥ 18 years", "Aged 18 years or older"),
    ("Age ≥ 18 years", "سن ≥ ۱۸ سال"),
    ("ECOG ≤ 2", "Eastern Cooperative Oncology Group Performance Status (ECOG) ≤ 2"),
    *(
        ("ECOG ≤ 2", other)
        for other in (
            "ECOG 0-2",
            "ECOG 0–2",
            "ECOG 0 to 2",
            "ECOG: 0, 1 or 2",
            "ECOG < 3",
            "ECOG PS 2 or better",
            "ECOG zero to two",
            "Eastern Cooperative Oncology Group (ECOG) performance status 0-2",
            "performance status of 2 or less",
            "وضعیت عملکردی ۰ تا ۲",
            "ECOG صفر تا دو",
            "ECOG ۰، ۱ یا ۲",
            "وضعیت عملکردی ECOG ≤ ۲",
        )
    ),
    ("ECOG ≤ 1", "ECOG 0 or 1"),
    ("ECOG ≤ 1", "ECOG ۰ یا ۱"),
    ("ANC ≥ 1500/mm³", "ANC ≥ 1.5 G/L"),
    ("ANC ≥ 1500/mm³", "ANC ≥ 1.5 x 10e9/L"),
    ("ANC ≥ 1500/mm³", "ANC at least 1,500 per mm3"),
    ("ANC ≥ 1500/mm³", "ANC ≥ 1.5 x 10^3/mcL"),
    ("ANC ≥ 1500/mm³", "نوتروفیل ≥ ۱٫۵ میلیارد در لیتر"),
    ("Platelet count ≥ 100,000/mm³", "platelets ≥ 100 Gpt/L"),
    ("Age ≥ 18 years, age ≤ 75 years", "Aged between 18 and 75 years"),
    ("Age ≥ 18 years, age ≤ 75 years", "سن ۱۸ تا ۷۵ سال"),
    ("LVEF ≥ 50%", "left ventricular ejection fraction at least 50 percent"),
    ("LVEF ≥ 50%", "کسر تخلیه ≥ ۵۰ درصد"),
    ("Inability to provide written informed consent", "ناتوانی در دادن رضایت آگاهانه"),
]

DIFFERENT = [
    ("Platelet count ≥ 100,000/mm³", "Platelet count ≥ 75,000/mm³", "other_limit"),
    ("Platelet count ≥ 100,000/mm³", "Platelet count > 100,000/mm³", "other_limit"),
    ("Hemoglobin ≥ 9 g/dL", "Hemoglobin ≥ 9 g/L", "other_limit"),
    ("هموگلوبین ≥ ۹ گرم در دسی‌لیتر", "هموگلوبین ≥ ۹ گرم در لیتر", "other_limit"),
    ("ECOG ≤ 2", "ECOG ≤ 1", "other_limit"),
    ("ECOG 0-2", "ECOG 0-1", "other_limit"),
    ("ECOG 1-2", "ECOG 0-2", "other_limit"),
    ("ANC ≥ 1.5 G/L", "ANC ≥ 1 G/L", "other_limit"),
    ("Age 18 to 75 years", "Age 18 to 70 years", "other_limit"),
    ("Age ≥ 18 years", "Age ≤ 18 years", "other_limit"),
    ("Pregnancy", "Exclusion criteria: Pregnancy", "other_side"),
    ("LVEF ≥ 50%", "Signed informed consent", "only_in_first"),
    ("Untreated brain metastases", "Metastatic disease", "only_in_second"),
]


def said(text: str) -> set[tuple]:
    return {(one.topic, one.side, one.comparator, one.value) for one in readings(text)}


@pytest.mark.parametrize(("first", "second"), SAME)
def test_two_wordings_of_one_demand_read_the_same(first, second):
    assert said(first)
    assert said(first) == said(second)


@pytest.mark.parametrize(("first", "second", "kind"), DIFFERENT)
def test_two_demands_do_not_read_the_same(first, second, kind):
    found = reading_differences(readings(first), readings(second))
    assert kind in {one.kind for one in found}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ECOG ≤ 2", "Exclusion criteria: ECOG > 2"),
        ("ECOG 0-2", "Exclusion criteria: ECOG 3 or more"),
        ("Platelets ≥ 100 G/L", "شرایط عدم ورود: پلاکت < ۱۰۰ هزار در میکرولیتر"),
    ],
)
def test_who_is_excluded_above_a_limit_is_included_up_to_it(first, second):
    assert reading_differences(readings(first), readings(second)) == ()


@pytest.mark.parametrize("named", ["ECOG performance status", "ECOG 2", "Exclusion criteria: poor ECOG"])
def test_a_number_is_never_compared_with_a_mere_name(named):
    assert reading_differences(readings("ECOG ≤ 2"), readings(named)) == ()


@pytest.mark.parametrize(
    "other", ["Karnofsky performance status ≥ 70", "ECOG within 28 days", "ECOG at 2 to 4 weeks", "ECOG ≤ 70"]
)
def test_what_is_no_grade_of_ecog_is_no_limit(other):
    assert not [one for one in readings(other) if one.topic == "ecog" and one.value is not None]


def test_a_limit_is_said_in_the_units_of_people():
    for text, en, fa in (
        ("Hemoglobin ≥ 9 g/dL", "≥ 90 g/L", "≥ 90 گرم در لیتر"),
        ("Platelets ≥ 100,000/mm³", "≥ 100 × 10⁹/L", "≥ 100 × 10⁹ در لیتر"),
        ("Age ≥ 18 years", "≥ 18 years", "≥ 18 سال"),
        ("ECOG 0-2", "≤ 2", "≤ 2"),
    ):
        (one,) = readings(text)
        assert (limit_said(one), limit_said(one, "fa")) == (en, fa)


def test_a_limit_is_read_in_its_core_unit():
    (platelets,) = readings("Platelet count ≥ 100,000/mm³")
    (haemoglobin,) = readings("Hemoglobin ≥ 9 g/dL")
    assert platelets.limit == ">= 100 e9_per_L"
    assert haemoglobin.limit == ">= 90 g_per_L"


def test_a_unit_of_another_quantity_is_named_and_not_compared():
    (platelets,) = readings("Platelet count ≥ 100 g/dL")
    assert platelets.value is None


@pytest.mark.parametrize("side", ["inclusion", "exclusion"])
def test_persian_and_english_criteria_of_one_record_demand_the_same(side):
    text = getattr(GOOD.eligibility, side)
    assert reading_differences(readings(text.en, side), readings(text.fa, side)) == ()
    assert len(readings(text.en, side)) >= 6


def test_summary_and_criteria_of_the_good_record_demand_the_same_though_worded_otherwise():
    assert reading_differences(record_readings(GOOD, summary=True), record_readings(GOOD)) == ()
    assert GOOD.summary.participants.en != GOOD.eligibility.inclusion.en


def test_limits_of_the_first_trials_record_are_those_of_its_protocol():
    ours = {one.topic: one.limit for one in record_readings(SEED) if one.limit}
    theirs = {one.topic: one.limit for one in protocol_readings(shipped_protocol("IRCT20210612051548N3")) if one.limit}
    assert ours == {
        "age": ">= 18 years",
        "ecog": "<= 2",
        "neutrophils": ">= 1 e9_per_L",
        "platelets": ">= 100 e9_per_L",
        "haemoglobin": ">= 90 g_per_L",
    }
    assert {topic: theirs.get(topic) for topic in ours} == ours


@pytest.mark.parametrize("topic", ["en", "fa"])
def test_every_topic_is_named_in_both_languages(topic):
    assert all(getattr(one, topic) for one in topics().values())
