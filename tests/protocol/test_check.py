"""Every rule of the check: a protocol that breaks it is named by it, the shipped ones are not."""

from __future__ import annotations

import pytest

from theratrial.dosimetry.population.prior import prior_names
from theratrial.dosimetry.transport.s_value_files import shipped_s_values
from theratrial.protocol.check import Severity, Surroundings, demonstration_clauses, protocol_findings
from theratrial.reference import table
from theratrial.safety.terms import terms
from theratrial.trialfolder.tables import TABLES

SURROUNDINGS = Surroundings(
    {table.name: {column.name: column.type for column in table.columns} for table in TABLES},
    {version: frozenset(terms(version)) for version in ("5.0", "6.0")},
    {name: frozenset(shipped_s_values(name, "Lu-177").masses_g) for name in ("adult_female", "adult_male")},
    frozenset(prior_names()),
    frozenset(row.text("limit") for row in table("safety/release_criteria")),
    frozenset(row.text("constraints") for row in table("safety/dose_constraints")),
    {
        version: frozenset(row.text("term") for row in table(f"safety/ctcae_v{version.replace('.', '_')}_events"))
        for version in ("5.0", "6.0")
    },
)
ITEM = "forms.laboratory.reading.items"
PET = "imaging.pet_response.reading"

# rule -> edits of the seed that break it, and the severity it then has
BROKEN = {
    "unknown_nuclide": ([("products.ga68_trastuzumab.reading.nuclide", "Xx-1")], "error"),
    "unknown_product": ([("arms.intervention.reading.product", "lu177")], "error"),
    "session_product_not_therapy": ([("sessions.reading.product", "ga68_trastuzumab")], "error"),
    "unknown_procedure": ([("schedule.follow_up.reading.procedures.0", "blood")], "error"),
    "unknown_imaging": ([("response.reading.imaging_baseline", "pet")], "error"),
    "unknown_visit": ([("safety_gate.reading.visit", "followup")], "error"),
    "unknown_analysis_set": ([("endpoint.reading.analysis_set", "itt")], "error"),
    "unknown_clause": ([("conflicts.0.affects.0", "sesions")], "error"),
    "region_name_twice": ([("dose_regions.liver.reading.region_names", ["Liver", "SPLEEN"])], "error"),
    "organ_with_wildcard": ([("dose_regions.lungs.reading.region_names", ["lung_*"])], "error"),
    "unknown_region": ([("dose_limits.reading.limits.bladder", {"absorbed_dose_Gy": 1.0, "citation": "x"})], "error"),
    "limit_of_lesion": ([("dose_limits.reading.limits.lesions", {"absorbed_dose_Gy": 1.0, "citation": "x"})], "error"),
    "limit_not_at_risk": ([("dose_regions.liver.reading.at_risk", False)], "warning"),
    "at_risk_without_limit": ([("dose_limits.reading.limits.liver", None)], "error"),
    "unknown_timezone": ([("identity.reading.timezone", "Asia/Bushehr")], "error"),
    "impossible_age": ([("population.reading.maximum_age_years", 17.0)], "error"),
    "variable_twice": ([("variables.0.id", "sex")], "error"),
    "variable_unused": ([("eligibility.ecog.reading.condition", "age_years < 99")], "warning"),
    "unknown_table": ([("variables.0.table", "patients")], "error"),
    "unknown_column": ([("variables.0.column", "age")], "error"),
    "item_twice": ([(f"{ITEM}.1.id", "platelets_e9_per_L")], "error"),
    "item_choices": ([("forms.screening.reading.items.3.choices", [])], "error"),
    "item_range": ([(f"{ITEM}.1.minimum", 101.0)], "error"),
    "item_type": ([("forms.screening.reading.items.1.type", "number")], "error"),
    "condition": ([("analysis_sets.full.reading.condition", "treated")], "error"),
    "calculated_item": ([(f"{ITEM}.2.calculated", "neutrophils_e9_per_L * 2")], "error"),
    "item_unit": ([(f"{ITEM}.1.units", ["mmHg"])], "error"),
    "unknown_choice": ([("forms.screening.reading.items.3.choice_labels.fa.woman", "زن")], "error"),
    "edit_check_twice": ([("edit_checks.0.id", "residual_small")], "error"),
    "unknown_form": ([("edit_checks.0.form", "administrations")], "error"),
    "unknown_item": ([("edit_checks.0.items", ["residual_MBq"])], "error"),
    "name_of_item": (
        [("edit_checks.0.uses", {"weight_kg": {"form": "screening", "item": "weight_kg"}})],
        "error",
    ),
    "unknown_language": ([("forms.consent.reading.titles", {"de": "Einwilligung"})], "warning"),
    "gate_test_twice": ([("safety_gate.reading.laboratory.0.test", "platelets")], "error"),
    "gate_test_not_recorded": ([("safety_gate.reading.laboratory.0.test", "lymphocytes")], "warning"),
    "gate_test_not_gradeable": ([("safety_gate.reading.laboratory.0.test", "mood")], "error"),
    "unknown_anchor": ([("schedule.follow_up.reading.anchor", "admin")], "error"),
    "per_session_anchor": ([("schedule.follow_up.reading.anchor", "last_administration")], "error"),
    "administration_not_per_session": ([("schedule.follow_up.reading.per_session", False)], "error"),
    "impossible_window": ([("imaging.spect_24h.reading.window_h.minimum", -1.0)], "error"),
    "image_after_decay": ([(f"{PET}.window_h", {"minimum": 24.0, "maximum": 30.0})], "error"),
    "image_late_in_decay": ([(f"{PET}.window_h", {"minimum": 1.0, "maximum": 30.0})], "warning"),
    "pet_without_positrons": ([(f"{PET}.product", "lu177_trastuzumab")], "warning"),
    "timepoint_twice": ([("imaging.spect_48h.reading.timepoint", "h24")], "error"),
    "windows_overlap": ([("imaging.spect_48h.reading.window_h.minimum", 29.0)], "error"),
    "impossible_interval": ([("sessions.reading.interval_days.minimum", 0.0)], "error"),
    "gate_visit_not_per_session": ([("safety_gate.reading.visit", "screening")], "error"),
    "interval_before_gate": ([("sessions.reading.interval_days", {"minimum": 20.0, "maximum": 41.0})], "error"),
    "interval_within_gate": ([("sessions.reading.interval_days", {"minimum": 42.0, "maximum": 50.0})], "warning"),
    "session_before_gate": ([("sessions.reading.interval_days.minimum", 30.0)], "warning"),
    "response_before_gate": (
        [("schedule.response_assessment.reading.window_days", {"minimum": 28.0, "maximum": 42.0})], "warning",
    ),
    "curve_needs_two_points": (
        [("dosimetry.reading.imaging", ["spect_24h"]), ("dosimetry.reading.curve", "two_point_mono_exponential")],
        "error",
    ),
    "unknown_prior": ([("dosimetry.reading.population_prior", "trastuzumab")], "error"),
    "unknown_reference_region": ([("dose_regions.liver.reading.reference_regions", ["livre"])], "error"),
    "reference_region_twice": ([("dose_regions.spleen.reading.reference_regions", ["liver"])], "error"),
    "lesion_with_reference_region": ([("dose_regions.lesions.reading.reference_regions", ["breasts"])], "error"),
    "organ_without_reference_region": ([("dose_regions.spleen.reading.reference_regions", [])], "error"),
    "curve_needs_more_points": (
        [("dosimetry.reading.imaging", ["spect_24h"]), ("dosimetry.reading.curve", "best_supported")], "error",
    ),
    "population_without_prior": (
        [("dosimetry.reading.curve", "population"), ("dosimetry.reading.population_prior", None)], "error",
    ),
    "planar_of_other_kind": (
        [("dosimetry.reading.planar", {"imaging": ["spect_24h"], "anatomy": "pet_baseline"})], "error",
    ),
    "planar_without_ct": (
        [("dosimetry.reading.planar", {"imaging": ["whole_body_24h"], "anatomy": "spect_24h"})], "error",
    ),
    "dosimetry_of_other_product": ([("dosimetry.reading.imaging", ["spect_24h", "pet_response"])], "error"),
    "dosimetry_not_per_session": ([("imaging.spect_24h.reading.per_session", False)], "error"),
    "dosimetry_planar": ([("dosimetry.reading.imaging", ["spect_24h", "whole_body_48h"])], "warning"),
    "response_not_pet": ([("response.reading.imaging_response", "spect_48h")], "error"),
    "selection_not_pet": ([("selection_read.reading.imaging", "whole_body_24h")], "error"),
    "response_without_baseline": ([("response.reading.imaging_baseline", "pet_response")], "error"),
    "purpose_not_planned": ([(f"{PET}.purpose", ["selection"])], "warning"),
    "response_image_not_at_visit": ([("schedule.response_assessment.reading.procedures", [])], "warning"),
    "progression_counted": ([("endpoint.reading.counted_categories", ["CR", "PD"])], "warning"),
    "unknown_timepoint": ([("further_criteria.reading.heterogeneity.timepoint", "before")], "error"),
    "criteria_image_not_pet": ([("further_criteria.reading.percist_1_0.imaging_response", "spect_48h")], "error"),
    "criteria_one_image": ([("further_criteria.reading.eortc_1999.imaging_response", "pet_baseline")], "error"),
    "reference_region_not_drawn": ([("further_criteria.reading.percist_1_0.blood_pool_region", "aorta")], "warning"),
    "uptake_time_range": (
        [
            ("further_criteria.reading.percist_1_0.earliest_uptake_min", 90.0),
            ("further_criteria.reading.percist_1_0.latest_uptake_min", 60.0),
        ],
        "error",
    ),
    "toxicity_test_not_gradeable": ([("toxicity.reading.recovery.tests.1", "mood")], "error"),
    "toxicity_test_not_recorded": ([("toxicity.reading.laboratory.0.test", "lymphocytes")], "warning"),
    "toxicity_test_twice": ([("toxicity.reading.recovery.tests.1", "platelets")], "error"),
    "unknown_toxicity_term": ([("toxicity.reading.events.except_terms.0", "Hair loss")], "error"),
    "toxicity_term_twice": ([("toxicity.reading.events.except_terms.1", "alopecia")], "error"),
    "toxicity_grade_recovered": ([("toxicity.reading.recovery.maximum_grade", 4)], "error"),
    "toxicity_other_version": ([("toxicity.reading.ctcae_version", "6.0")], "warning"),
    "stopping_without_toxicity": ([("toxicity", None)], "error"),
    "stopping_minimum": ([("stopping.reading.minimum_participants", 16)], "error"),
    "stopping_rate": ([("stopping.reading.shown_rates_fraction.0", 1.1)], "error"),
    "stopping_other_size": ([("stopping.reading.participants", 14)], "warning"),
    "serious_events_twice": ([("serious_events.reading.recipients.1", "Sponsor")], "error"),
    "unknown_release_limit": ([("radiation_protection.reading.release_limit", "common_20")], "error"),
    "unknown_constraints": ([("radiation_protection.reading.constraints", "relatives")], "error"),
    "protection_without_counts": (
        [("radiation_protection.reading.kinetics", "whole_body_counts"), ("dosimetry.reading.planar", None)],
        "error",
    ),
    "protection_not_recorded": ([("forms.dose_rate", None)], "warning"),
    "contraception_twice": ([("radiation_protection.reading.contraception_months", 6.0)], "error"),
    "survival_without_toxicity": (
        [("toxicity", None), ("analysis.reading.survival.0.events", ["dose_limiting_toxicity"])], "error",
    ),
    "test_alternative": ([("analysis.reading.test.alternative_fraction", 0.3)], "error"),
    "interval_twice": ([("analysis.reading.further_intervals.0", "clopper_pearson")], "warning"),
    "open_conflict": ([("conflicts.0.decision.status", "open")], "open"),
    "open_clause": ([("sessions.reading", None), ("sessions.decision.status", "open")], "open"),
    "no_ethics_approval": ([("ethics", [])], "open"),
}  # fmt: skip
DECISIONS = {"demonstration_conflict", "demonstration_clause"}


def rules(protocol):
    return {finding.rule: finding for finding in protocol_findings(protocol, SURROUNDINGS)}


@pytest.mark.parametrize("rule", sorted(BROKEN))
def test_a_protocol_that_breaks_a_rule_is_named_by_it(rule, changed):
    edits, severity = BROKEN[rule]
    finding = rules(changed(*edits))[rule]
    assert finding.severity == severity
    assert finding.message


def test_the_shipped_protocols_break_no_rule(seed, second):
    assert set(rules(seed)) == DECISIONS
    assert rules(second) == {}


def test_a_time_to_event_of_an_unknown_analysis_set_is_named_where_it_stands(changed):
    finding = rules(changed(("analysis.reading.survival.2.analysis_set", "evaluable")))["unknown_analysis_set"]
    assert finding.path == "analysis.reading.survival[2].analysis_set"


def test_release_limits_are_judged_only_where_the_table_is_known(changed):
    broken = changed(("radiation_protection.reading.release_limit", "common_20"))
    assert "unknown_release_limit" not in {finding.rule for finding in protocol_findings(broken)}


def test_visits_anchored_in_a_circle_are_named_with_the_circle(changed):
    edits = ("schedule.follow_up.reading.anchor", "response_assessment")
    protocol = changed(edits, ("schedule.response_assessment.reading.anchor", "follow_up"))
    finding = rules(protocol)["cyclic_anchor"]
    assert (
        "follow_up <- response_assessment <- follow_up" in finding.message
        or "response_assessment <- " in finding.message
    )
    assert rules(changed(edits)).get("cyclic_anchor") is None


def test_rules_on_record_tables_and_grades_need_the_surroundings(changed):
    broken = changed(*BROKEN["unknown_column"][0], *BROKEN["gate_test_not_gradeable"][0])
    named = {finding.rule for finding in protocol_findings(broken)}
    assert not named & {"unknown_column", "gate_test_not_gradeable"}


def test_a_protocol_without_any_reading_is_still_checked(changed, seed):
    names = ("identity", "population", "sessions", "dosimetry", "dose_limits", "safety_gate", "response", "endpoint")
    paths = [*names, "selection_read", "biodistribution_read", "sharing", "schedule.follow_up", "imaging.spect_24h"]
    paths += ["products.lu177_trastuzumab", "dose_regions.liver", "forms.laboratory", "arms.intervention"]
    edits = [edit for path in paths for edit in ((f"{path}.reading", None), (f"{path}.decision.status", "open"))]
    found = protocol_findings(changed(*edits), SURROUNDINGS)
    assert sum(finding.rule == "open_clause" for finding in found) == len(paths)


def test_the_gravest_findings_come_first(changed):
    protocol = changed(*BROKEN["unknown_visit"][0], *BROKEN["open_conflict"][0], *BROKEN["progression_counted"][0])
    order = [list(Severity).index(finding.severity) for finding in protocol_findings(protocol)]
    assert order == sorted(order)
    assert order[0] == 0


def test_open_conflicts_carry_the_sentences_that_clash(changed, seed):
    finding = rules(changed(("conflicts.6.decision.status", "open")))["open_conflict"]
    assert finding.sentences == seed.conflicts[6].sentences
    assert len(finding.sentences) >= 2


def test_what_rests_on_a_demonstration_decision_is_listed_by_own_and_by_conflict(seed, second, changed):
    listed = demonstration_clauses(seed)
    assert {"sessions", "response", "eligibility.pregnancy", "variables.platelets_e9_per_L"} <= set(listed)
    assert {"imaging.pet_baseline", "dose_regions.liver", "schedule.follow_up"} <= set(listed)
    assert "ethics[0]" not in listed
    assert list(listed) == sorted(listed)
    assert demonstration_clauses(second) == ()
    decided = {"status": "decided", "by": "committee", "on": "2024-01-01", "why": "settled"}
    only = changed(*((f"conflicts.{i}.decision", decided) for i in range(len(seed.conflicts))))
    assert "eligibility.pregnancy" not in demonstration_clauses(only)
    assert "response" in demonstration_clauses(only)


def test_every_rule_has_its_line_in_the_docs_and_its_test():
    import re
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    source = "".join(
        (root / "src/theratrial/protocol" / name).read_text()
        for name in ("references.py", "timing.py", "form_rules.py")
    )
    named = set(re.findall(r'(?:error|warning|_unknown)\(\s*"(\w+)"', source)) | {
        "response_not_pet",
        "selection_not_pet",
    }
    documented = set(re.findall(r"`(\w+)`", (root / "docs/protocol.md").read_text(encoding="utf-8")))
    assert len(named) > 50
    assert named - documented == set()
    assert named - set(BROKEN) - {"cyclic_anchor"} == set()


def test_an_item_that_stands_twice_beside_a_calculated_one_is_named_and_breaks_nothing(changed) -> None:
    edits = (f"{ITEM}.1.id", "platelets_e9_per_L"), (f"{ITEM}.2.calculated", "1 + 1")
    assert "item_twice" in rules(changed(*edits))
