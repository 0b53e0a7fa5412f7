"""Filling a form: units, skip logic, calculated items, edit checks, what is missing."""

from __future__ import annotations

import pytest
from forms_cast import NOW, TEHRAN

from theratrial.errors import InputError
from theratrial.forms import Answer, form_definition, row_digest, row_key, submission
from theratrial.forms.submission import FUTURE_DATE

ADMINISTRATION = {
    "product_id": "lu177_trastuzumab",
    "session": "1",
    "batch_id": "B-1",
    "prescribed_activity_MBq": "2000",
    "measured_activity_MBq": "2010",
    "measured_at": "2022-03-05 09:00",
    "residual_activity_MBq": "12",
    "residual_measured_at": "2022-03-05 10:00",
    "injected_at": "2022-03-05 09:30",
    "route": "intravenous",
    "pregnancy_test": "negative",
    "weight_kg": "64",
    "administered_by": "N-1",
}
EVENT = {
    "term": "Fatigue",
    "ctcae_version": "5.0",
    "grade": "1",
    "started_on": "2022-03-06",
    "serious": "no",
    "related": "related",
}
READ = {
    "read_at": "2022-02-01 10:00",
    "reader": "R-1",
    "reader_role": "nuclear_medicine_physician",
    "lesions_total": "4",
    "lesions_positive": "3",
    "result": "positive",
}
BATCH = {
    "batch_id": "B-1",
    "product_id": "lu177_trastuzumab",
    "activity_MBq": "8000",
    "reference_at": "2022-03-05 08:00",
    "expires_at": "2022-03-06 08:00",
    "antibody_mass_mg": "40",
    "radiochemical_purity_percent": "98",
    "released": "yes",
    "released_at": "2022-03-05 08:30",
    "released_by": "N-2",
}
LABORATORY = {
    "collected_at": "2022-03-05 08:00",
    "neutrophils_e9_per_L": "4",
    "platelets_e9_per_L": "250",
    "haemoglobin_g_per_L": "120",
    "white_cells_e9_per_L": "7",
}
CONSENT = {"form_version": "1.2", "language": "fa", "signed_at": "2022-02-01 10:00", "obtained_by": "C-1"}
THERAPY = {
    "agent": "trastuzumab",
    "category": "trastuzumab",
    "first_given_on": "2020-01-01",
    "last_given_on": "2021-01-01",
}
EXAMINATION = {
    "visit_id": "follow_up",
    "session": "1",
    "examined_on": "2022-04-20",
    "examiner": "O-1",
    "examiner_role": "oncologist",
    "toxicity": "none",
}
LESION = {
    "timepoint": "response",
    "lesion_id": "L1",
    "reader": "R-1",
    "read_at": "2022-05-20 10:00",
    "site": "liver",
    "role": "target",
    "status": "resolved",
}
ELIGIBILITY = {
    "ecog": "1",
    "pregnant": "no",
    "trastuzumab_contraindication": "no",
    "active_infection": "no",
    "psychiatric_or_social_obstacle": "no",
    "assessed_on": "2022-02-02",
}
TUMOUR = {
    "measured_on": "2022-02-03",
    "lesion_id": "L1",
    "reader": "R-1",
    "organ": "liver",
    "role": "target",
    "nodal": "no",
    "status": "measured",
    "length_mm": "23.5",
}
UPTAKE = {
    "timepoint": "baseline",
    "lesion_id": "L1",
    "reader": "R-1",
    "read_at": "2022-02-04 10:00",
    "known_from": "ct",
    "uptake_class": "none",
}
REPORT = {
    "term": "Epistaxis",
    "started_on": "2022-03-28",
    "report": "initial",
    "became_aware_at": "2022-03-28 14:00",
    "sent_at": "2022-03-29 14:00",
    "recipient": "sponsor",
    "reported_by": "NM-1",
}
PREGNANCY = {
    "became_aware_at": "2022-03-28 14:00",
    "whose": "participant",
    "sent_at": "2022-03-28 15:00",
    "recipient": "sponsor",
    "reported_by": "NM-1",
}
HOUSEHOLD = {"member_id": "1", "kind": "adult", "shares_bed": "yes", "stated_on": "2022-02-01"}
DOSE_RATE = {
    "session": "1",
    "measured_at": "2022-03-05 10:00",
    "distance_m": "1",
    "dose_rate_uSv_per_h": "6.7",
    "background_uSv_per_h": "0.1",
}
DISCHARGE = {"session": "1", "discharged_at": "2022-03-05 14:00", "decided_by": "PH-1", "leaflet_language": "fa"}
CONTACT = {"seen_on": "2022-05-20", "status": "alive", "disease": "not_progressed"}
LATER = {"agent": "capecitabine", "started_on": "2022-05-21", "category": "chemotherapy"}
SOUND = {
    "administration": ADMINISTRATION,
    "adverse_event": EVENT,
    "selection_read": READ,
    "batch": BATCH,
    "laboratory": LABORATORY,
    "consent": CONSENT,
    "prior_therapy": THERAPY,
    "examination": EXAMINATION,
    "lesion_reading": LESION,
    "eligibility": ELIGIBILITY,
    "tumour_measurement": TUMOUR,
    "lesion_class": UPTAKE,
    "serious_report": REPORT,
    "pregnancy": PREGNANCY,
    "household": HOUSEHOLD,
    "dose_rate": DOSE_RATE,
    "discharge": DISCHARGE,
    "contact": CONTACT,
    "later_therapy": LATER,
}
OTHERS = {
    "administration": {"consent_signed_at": NOW.replace(month=2), "screening_weight_kg": 66.0},
    "adverse_event": {"screened_on": NOW.replace(month=2).date()},
    "examination": {"screened_on": NOW.replace(month=2).date()},
    "eligibility": {"screened_on": NOW.replace(month=2).date()},
    "tumour_measurement": {"screened_on": NOW.replace(month=2).date()},
    "serious_report": {"screened_on": NOW.replace(month=2).date()},
    "dose_rate": {"first_injected_at": NOW.replace(month=3, day=5, hour=6)},
    "discharge": {"first_injected_at": NOW.replace(month=3, day=5, hour=6)},
    "contact": {"screened_on": NOW.replace(month=2).date()},
    "later_therapy": {"screened_on": NOW.replace(month=2).date()},
}
BROKEN = {
    "residual_below_measured": ("administration", {"residual_activity_MBq": "2100"}),
    "residual_small": ("administration", {"residual_activity_MBq": "410"}),
    "measured_before_injection": ("administration", {"measured_at": "2022-03-05 09:31"}),
    "measured_shortly_before_injection": ("administration", {"measured_at": "2022-03-05 03:29"}),
    "residual_after_injection": ("administration", {"residual_measured_at": "2022-03-05 09:29"}),
    "injected_after_consent": (
        "administration",
        {
            "injected_at": "2022-01-05 09:30",
            "measured_at": "2022-01-05 09:00",
            "residual_measured_at": "2022-01-05 10:00",
        },
    ),
    "weight_near_screening": ("administration", {"weight_kg": "59"}),
    "no_injection_in_pregnancy": ("administration", {"pregnancy_test": "positive"}),
    "withdrawn_after_signature": ("consent", {"withdrawn_at": "2022-01-31 10:00", "withdrawal_kind": "all"}),
    "last_dose_after_first": ("prior_therapy", {"last_given_on": "2019-12-31"}),
    "positive_lesions_among_known": ("selection_read", {"lesions_positive": "5"}),
    "positive_read_has_lesions": ("selection_read", {"lesions_positive": "0"}),
    "expires_after_reference": ("batch", {"expires_at": "2022-03-05 07:59", "released_at": ""}),
    "released_before_expiry": ("batch", {"released_at": "2022-03-06 08:01"}),
    "event_ends_after_start": ("adverse_event", {"ended_on": "2022-03-05"}),
    "grave_event_serious": ("adverse_event", {"grade": "4"}),
    "fatal_is_grade_5": ("adverse_event", {"outcome": "fatal", "grade": "3"}),
    "grade_5_is_fatal": (
        "adverse_event",
        {"grade": "5", "serious": "yes", "outcome": "not_recovered", "seriousness": "is life-threatening"},
    ),
    "serious_event_says_why": ("adverse_event", {"serious": "yes"}),
    "recovered_has_ended": ("adverse_event", {"outcome": "recovered", "ended_on": ""}),
    "event_after_screening": ("adverse_event", {"started_on": "2022-01-31"}),
    "examined_after_screening": ("examination", {"examined_on": "2022-02-01"}),
    "neutrophils_among_white_cells": ("laboratory", {"neutrophils_e9_per_L": "7.1"}),
    "new_lesion_not_at_baseline": ("lesion_reading", {"timepoint": "baseline", "role": "new", "status": "present"}),
    "baseline_lesion_not_resolved": ("lesion_reading", {"timepoint": "baseline"}),
    "assessed_near_screening": ("eligibility", {"assessed_on": "2022-03-02"}),
    "target_not_progressed": ("tumour_measurement", {"status": "progressed", "length_mm": ""}),
    "target_not_merely_present": ("tumour_measurement", {"status": "present", "length_mm": ""}),
    "only_a_target_is_merged": (
        "tumour_measurement",
        {"role": "non_target", "status": "merged", "length_mm": "", "merged_into": "L2"},
    ),
    "new_lesion_is_seen": ("tumour_measurement", {"role": "new", "status": "absent", "length_mm": ""}),
    "measured_after_screening": ("tumour_measurement", {"measured_on": "2022-01-03"}),
    "tracer_alone_has_uptake": ("lesion_class", {"known_from": "tracer"}),
    "report_sent_after_awareness": ("serious_report", {"sent_at": "2022-03-28 13:59"}),
    "report_sent_in_time": ("serious_report", {"sent_at": "2022-03-29 14:01"}),
    "reported_event_after_screening": ("serious_report", {"started_on": "2022-01-31"}),
    "pregnancy_sent_after_awareness": ("pregnancy", {"sent_at": "2022-03-28 13:59"}),
    "dose_rate_after_injection": ("dose_rate", {"measured_at": "2022-03-05 09:00"}),
    "background_below_dose_rate": ("dose_rate", {"background_uSv_per_h": "6.8"}),
    "discharged_after_injection": ("discharge", {"discharged_at": "2022-03-05 09:00"}),
    "contact_after_screening": ("contact", {"seen_on": "2022-01-31"}),
    "disease_of_the_living": ("contact", {"status": "dead"}),
    "later_therapy_after_screening": ("later_therapy", {"started_on": "2022-01-31"}),
}


def codes(issues):
    return {issue.code for issue in issues}


@pytest.mark.parametrize("form", sorted(SOUND))
def test_sound_answers_raise_nothing(filled, form):
    found = filled(form, OTHERS.get(form), **SOUND[form])
    assert (found.problems, found.incomplete, found.queries) == ((), (), ())


def test_a_merged_target_names_the_other_and_has_no_length(filled):
    merged = SOUND["tumour_measurement"] | {"status": "merged", "length_mm": ""}
    found = filled("tumour_measurement", OTHERS["tumour_measurement"], **merged, merged_into="L2")
    assert (found.problems, found.incomplete, found.queries) == ((), (), ())
    found = filled("tumour_measurement", OTHERS["tumour_measurement"], **merged)
    assert [issue.item for issue in found.incomplete] == ["merged_into"]


def test_every_edit_check_of_the_protocol_has_a_case_here(seed):
    assert {check.id for check in seed.edit_checks} == set(BROKEN)


@pytest.mark.parametrize("check", sorted(BROKEN))
def test_answers_against_an_edit_check_are_named_by_it_alone(filled, seed, check):
    form, answers = BROKEN[check]
    found = filled(form, OTHERS.get(form), **(SOUND[form] | answers))
    severity = next(one.severity for one in seed.edit_checks if one.id == check)
    assert check in codes(found.problems if severity == "error" else found.queries)
    assert found.may_be_saved is (severity == "query")
    if check != "residual_below_measured":  # whose residual is no small one either
        assert codes((*found.problems, *found.queries)) == {check}


def test_a_check_that_lacks_a_value_has_not_passed_and_says_what_it_lacks(filled):
    found = filled("administration", {}, **ADMINISTRATION)
    lacking = {one.check: one.missing for one in found.undetermined}
    assert lacking == {
        "injected_after_consent": ("consent_signed_at",),
        "weight_near_screening": ("screening_weight_kg",),
    }
    assert found.queries == ()


def test_the_message_of_a_check_is_in_the_language_of_the_form(filled):
    found = filled("selection_read", words="fa", **(READ | {"lesions_positive": "5"}))
    assert found.problems[0].message.startswith("شمار ضایعه‌های دارای برداشت")
    assert found.problems[0].also == ("lesions_total",)


def test_a_value_is_kept_in_the_unit_of_the_report_where_the_table_keeps_units(filled):
    found = filled(
        "laboratory",
        **(LABORATORY | {"neutrophils_e9_per_L": ("۱۲۰۰", "cells/mm3"), "neutrophils_lower_e9_per_L": "۱۸۰۰"}),
    )
    row = found.rows[0]
    assert (row.cells["value"], row.cells["lower_limit"], row.cells["unit"]) == ("1200", "1800", "cells/mm3")
    assert found.values["neutrophils_e9_per_L"] == 1.2
    assert found.values["neutrophils_lower_e9_per_L"] == 1.8
    assert (row.entered["value"].text, row.entered["value"].unit) == ("۱۲۰۰", "cells/mm3")


def test_a_value_is_converted_where_the_unit_stands_in_the_columns_name(filled):
    found = filled("administration", **(ADMINISTRATION | {"measured_activity_MBq": ("54.3", "mCi")}))
    assert found.rows[0].cells["measured_activity_MBq"] == "2009.1"
    assert found.rows[0].entered["measured_activity_MBq"].unit == "mCi"


def test_creatinine_and_bilirubin_in_mg_per_dL_are_converted_by_their_own_molar_mass(filled):
    found = filled(
        "laboratory",
        **(LABORATORY | {"creatinine_umol_per_L": ("1.0", "mg/dL"), "bilirubin_umol_per_L": ("1.0", "mg/dL")}),
    )
    # Conversion factors of the AMA Manual of Style, 11th ed., table 17.5-2: 88.4 and 17.104.
    assert found.values["creatinine_umol_per_L"] == pytest.approx(88.4, rel=1e-3)
    assert found.values["bilirubin_umol_per_L"] == pytest.approx(17.104, rel=1e-3)
    assert found.is_complete


@pytest.mark.parametrize("unit", ["mg/dL", "GBq", "furlong"])
def test_a_unit_of_another_quantity_is_refused_with_those_allowed(filled, unit):
    found = filled("laboratory", **(LABORATORY | {"haemoglobin_g_per_L": ("12", unit)}))
    assert [issue.item for issue in found.problems] == ["haemoglobin_g_per_L"]
    assert "g/L, g/dL" in found.problems[0].message


def test_a_limit_in_another_unit_than_its_result_is_refused(filled):
    answers = {"haemoglobin_g_per_L": ("12", "g/dL"), "haemoglobin_lower_g_per_L": ("120", "g/L")}
    found = filled("laboratory", **(LABORATORY | answers))
    assert [(issue.item, issue.code) for issue in found.problems] == [("haemoglobin_lower_g_per_L", "unreadable")]


def test_a_limit_without_result_leaves_the_form_incomplete(filled):
    found = filled("laboratory", **(LABORATORY | {"albumin_lower_g_per_L": "35"}))
    assert [issue.item for issue in found.incomplete] == ["albumin_g_per_L"]
    assert found.may_be_saved
    assert not found.is_complete


def test_a_value_probably_in_another_unit_is_refused_as_the_trial_folder_does(filled):
    found = filled("laboratory", **(LABORATORY | {"haemoglobin_g_per_L": "12"}))
    assert [issue.item for issue in found.problems] == ["haemoglobin_g_per_L"]
    assert "probably another unit" in found.problems[0].message


@pytest.mark.parametrize(("weight", "fault"), [("19.9", True), ("20", False), ("350", False), ("350.1", True)])
def test_the_range_of_an_item_includes_its_ends(filled, weight, fault):
    found = filled("administration", **(ADMINISTRATION | {"weight_kg": weight}))
    assert bool(found.problems) is fault


def test_the_range_is_judged_in_the_unit_of_the_item(filled):
    found = filled("screening", height_cm=("1.7", "m"), weight_kg="68")
    assert found.values["height_cm"] == 170.0
    assert filled("screening", height_cm=("17", "m")).problems


def test_a_hidden_answer_is_dropped_and_the_result_says_so(filled):
    found = filled("administration", **(ADMINISTRATION | {"timepoint": "baseline"}))
    assert found.hidden == ("timepoint",)
    assert [(one.item, one.text) for one in found.dropped] == [("timepoint", "baseline")]
    assert "timepoint" not in found.rows[0].cells
    assert "timepoint" not in found.values


def test_a_hidden_answer_that_cannot_be_read_is_no_problem(filled):
    found = filled("administration", **(ADMINISTRATION | {"timepoint": "???"}))
    assert found.problems == ()
    assert found.dropped[0].text == "???"


def test_an_item_whose_condition_is_not_known_is_shown_and_not_demanded(filled):
    found = filled("administration", batch_id="B-1")
    assert found.hidden == ()
    assert not {"session", "timepoint"} & {issue.item for issue in found.incomplete}
    demanded = filled("administration", product_id="lu177_trastuzumab")
    assert "session" in {issue.item for issue in demanded.incomplete}


def test_an_incomplete_form_may_be_saved_and_names_every_missing_item(filled):
    found = filled("adverse_event", term="Fatigue")
    assert found.may_be_saved
    assert not found.is_complete
    named = [issue.item for issue in found.incomplete]
    assert sorted(named) == ["ctcae_version", "grade", "related", "serious", "started_on"]


def test_half_of_a_pair_is_missing_and_not_wrong(filled):
    found = filled("consent", **(CONSENT | {"withdrawn_at": "2022-03-01 10:00"}))
    assert found.problems == ()
    assert [issue.item for issue in found.incomplete] == ["withdrawal_kind"]


def test_an_empty_form_has_no_rows(filled):
    found = filled("laboratory", neutrophils_e9_per_L="  ")
    assert found.rows == ()
    assert {"collected_at", "neutrophils_e9_per_L"} <= {issue.item for issue in found.incomplete}


def test_zero_is_an_answer_and_not_missing(filled):
    found = filled("selection_read", **(READ | {"lesions_total": "0", "lesions_positive": "0", "result": "negative"}))
    assert found.is_complete
    assert found.values["lesions_positive"] == 0


def test_calculated_items_are_computed_and_never_typed(filled):
    found = filled("screening", height_cm="160", weight_kg="64", body_mass_index_kg_per_m2="99")
    assert [(one.item, one.text) for one in found.calculated] == [("body_mass_index_kg_per_m2", "25")]
    assert all("body_mass_index_kg_per_m2" not in row.cells for row in found.rows)
    event = filled("adverse_event", **(EVENT | {"ended_on": "1400/12/15"}))
    assert event.values["duration_days"] == 1
    assert filled("batch", **BATCH).values["specific_activity_MBq_per_mg"] == 200


def test_a_calculated_item_without_its_values_names_them_and_a_division_by_zero_is_no_number(filled):
    assert filled("screening", weight_kg="64").calculated[0].missing == ("height_cm",)
    nothing = filled("selection_read", **(READ | {"lesions_total": "0", "lesions_positive": "0", "result": "negative"}))
    assert nothing.calculated[0].value is None
    assert nothing.calculated[0].reasons == ("division by zero",)


def test_a_moment_that_has_not_come_raises_a_query_unless_it_may_lie_ahead(filled):
    found = filled("adverse_event", **(EVENT | {"started_on": "2022-06-02"}))
    assert [(issue.item, issue.code) for issue in found.queries] == [("started_on", FUTURE_DATE)]
    assert filled("adverse_event", **(EVENT | {"started_on": "2022-06-01"})).queries == ()
    batch = filled("batch", **(BATCH | {"expires_at": "2023-03-06 08:00"}))
    assert batch.queries == ()


def test_the_day_of_now_is_the_day_at_the_trial(seed):
    definition = form_definition(seed, "adverse_event")
    answers = {item: Answer(text) for item, text in (EVENT | {"started_on": "2022-06-02"}).items()}
    late = NOW.replace(hour=21)  # half past one on the second of June in Tehran
    assert submission(definition, answers, zone=TEHRAN, now=late).queries == ()


def test_an_item_of_another_form_is_refused(filled):
    with pytest.raises(InputError, match="no item 'grade'"):
        filled("screening", grade="1")


def test_an_unknown_batch_is_named_where_the_batches_are_known(seed):
    definition = form_definition(seed, "administration")
    answers = {item: Answer(text) for item, text in ADMINISTRATION.items()}
    found = submission(definition, answers, zone=TEHRAN, now=NOW, ids={"batches": ("B-2", "B-10")})
    assert [issue.item for issue in found.problems] == ["batch_id"]
    assert submission(definition, answers, zone=TEHRAN, now=NOW, ids={"batches": ("B-1",)}).problems == ()


def test_a_second_line_with_the_key_of_another_is_refused_however_it_was_written(seed):
    definition = form_definition(seed, "laboratory")
    answers = {item: Answer(text) for item, text in LABORATORY.items()}
    stored = {"participant_id": "P-001", "test": "platelets", "collected_at": "2022-03-05T04:30Z"}
    taken = {row_key(definition.table, stored, TEHRAN)}
    found = submission(definition, answers, zone=TEHRAN, now=NOW, participant_id="P-001", taken=taken)
    assert [(issue.item, issue.code) for issue in found.problems] == [("collected_at", "repeated")]


def test_the_digest_of_a_row_tells_values_apart_and_not_their_writing(seed):
    table = form_definition(seed, "laboratory").table
    row = {
        "participant_id": "P-1",
        "test": "platelets",
        "collected_at": "2022-03-05T08:00",
        "value": "250",
        "unit": "10^9/L",
    }
    same = row | {"collected_at": "2022-03-05T04:30:00Z", "value": "250.0"}
    assert row_digest(table, row, TEHRAN) == row_digest(table, same, TEHRAN)
    assert row_digest(table, row | {"value": "251"}, TEHRAN) != row_digest(table, row, TEHRAN)


def test_an_older_value_of_the_same_name_never_stands_in_for_an_empty_item(filled):
    answers = {item: text for item, text in LABORATORY.items() if item != "neutrophils_e9_per_L"}
    found = filled("laboratory", {"neutrophils_e9_per_L": 99.0}, **answers)
    assert [one.missing for one in found.undetermined] == [("neutrophils_e9_per_L",)]
    assert found.queries == ()


def test_a_wrong_value_is_named_while_the_form_is_still_incomplete(filled):
    found = filled("laboratory", haemoglobin_g_per_L="12")
    assert "collected_at" in {issue.item for issue in found.incomplete}
    assert [issue.item for issue in found.problems] == ["haemoglobin_g_per_L"]


def test_labels_and_choices_are_in_the_language_of_the_form(seed):
    definition = form_definition(seed, "screening", "fa")
    assert definition.field("weight_kg").label == "وزن"
    assert [choice.label for choice in definition.field("sex").choices] == ["زن", "مرد", "سایر"]
