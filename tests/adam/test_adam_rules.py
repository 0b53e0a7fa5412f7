"""Rules of ADaMIG 1.3 that CDISC's engine does not check here, written from the guide; each over every data set."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pytest
from adam_example import Made

from theratrial.exchange.adam.adsl import adsl
from theratrial.exchange.adam.context import AdamContext
from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.datasets.xpt import MAXIMUM_LABEL, problems

BASIC = ("ADRS", "ADTR", "ADLB", "ADTTE", "ADDOS")
BELOW = (*BASIC, "ADAE")
POPULATIONS = ("ENRLFL", "SAFFL", "FASFL", "PPROTFL", "RSPEVFL", "DOSEVFL")


def test_every_data_set_of_the_plan_is_there(made: Made) -> None:
    assert list(made.analysis) == ["ADSL", "ADRS", "ADTR", "ADLB", "ADAE", "ADTTE", "ADDOS"]
    assert all(one.rows for one in made.analysis.values())


def test_names_and_labels_fit_a_transport_file_and_are_unique(made: Made) -> None:
    for one in made.analysis.values():
        assert problems(one) == []
        names = [variable.name for variable in one.variables]
        labels = [variable.label for variable in one.variables]
        assert len(set(names)) == len(names)
        assert len(set(labels)) == len(labels), f"{one.name}: {sorted(labels)}"
        assert max(map(len, labels)) <= MAXIMUM_LABEL


def test_a_variable_has_one_label_and_type_in_all_data_sets(made: Made) -> None:
    # ADaMIG 3.1.1: variables of one name have the same attributes, so that data sets can be put together.
    seen: dict[str, set[tuple[str, bool]]] = defaultdict(set)
    for one in made.analysis.values():
        for variable in one.variables:
            seen[variable.name].add((variable.label, variable.is_numeric or variable.numeric_date))
    assert {name: kinds for name, kinds in seen.items() if len(kinds) > 1} == {}


def test_adsl_has_one_record_for_each_subject_of_dm_and_what_the_guide_requires(made: Made) -> None:
    one = made.analysis["ADSL"]
    assert sorted(one.values("USUBJID")) == sorted(made.tabulated["DM"].values("USUBJID"))  # type: ignore[type-var]
    # Required in ADSL by ADaMIG 1.3, table 3.2: race too, though nobody records it in this trial.
    for name in ("STUDYID", "USUBJID", "SUBJID", "SITEID", "AGE", "AGEU", "SEX", "RACE", "ARM", "TRT01P", "TRTSDT"):
        assert one.has(name), name
    assert set(one.values("RACE")) == {None}


def test_population_flags_are_y_or_n_and_never_empty(made: Made) -> None:
    one = made.analysis["ADSL"]
    for name in POPULATIONS:
        assert set(one.values(name)) <= {"Y", "N"}, name
    assert set(one.values("SAFFL")) == {"Y", "N"}  # the cohort has treated participants and a screen failure


def test_flags_of_records_are_y_or_empty(made: Made) -> None:
    checked = 0
    for one in made.analysis.values():
        for variable in one.variables:
            if variable.name.endswith("FL") and variable.name not in POPULATIONS:
                assert set(one.values(variable.name)) <= {"Y", None}, f"{one.name}.{variable.name}"
                checked += 1
    assert checked > 12


@pytest.mark.parametrize("name", BASIC)
def test_one_parameter_code_has_one_parameter_and_one_category(made: Made, name: str) -> None:
    one = made.analysis[name]
    pairs = {(row["PARAMCD"], row["PARAM"], row["PARCAT1"]) for row in one.records()}
    for at in (0, 1):
        assert len({pair[at] for pair in pairs}) == len(pairs)
    for code, title, _ in pairs:
        assert isinstance(code, str)
        assert isinstance(title, str)
        assert code.isalnum()
        assert code[0].isalpha()
        assert len(code) <= 8
        assert len(title) <= 200


@pytest.mark.parametrize("name", BELOW)
def test_what_is_said_of_the_subject_is_what_adsl_says(made: Made, name: str) -> None:
    subjects = {row["USUBJID"]: row for row in made.analysis["ADSL"].records()}
    renamed = {"TRTP": "TRT01P", "TRTA": "TRT01A"}
    one = made.analysis[name]
    shared = [v.name for v in one.variables if v.origin is not None and v.origin.predecessor.startswith("ADSL.")]
    assert len(shared) >= 6
    for row in one.records():
        hers = subjects[row["USUBJID"]]
        assert {key: row[key] for key in shared} == {key: hers[renamed.get(key, key)] for key in shared}


@pytest.mark.parametrize("name", BELOW)
def test_the_relative_day_counts_from_the_first_treatment_and_is_never_zero(made: Made, name: str) -> None:
    one = made.analysis[name]
    days = {"ADT": "ADY", "ASTDT": "ASTDY", "AENDT": "AENDY"}
    pairs = [(on, day) for on, day in days.items() if one.has(on) and one.has(day)]
    assert pairs or name == "ADTR"
    for row in one.records():
        for on, day in pairs:
            if row[on] is None or row["TRTSDT"] is None:
                assert row[day] is None
                continue
            gap = (date.fromisoformat(str(row[on])) - date.fromisoformat(str(row["TRTSDT"]))).days
            assert row[day] == (gap + 1 if gap >= 0 else gap) != 0


def test_avalc_and_aval_of_a_parameter_are_one_to_one(made: Made) -> None:
    both = 0
    for name in BASIC:
        one = made.analysis[name]
        if not one.has("AVALC"):
            continue
        pairs = {
            (row["PARAMCD"], row["AVAL"], row["AVALC"])
            for row in one.records()
            if row["AVAL"] is not None and row["AVALC"] is not None
        }
        both += len(pairs)
        assert len({(code, value) for code, value, _ in pairs}) == len(pairs)
        assert len({(code, said) for code, _, said in pairs}) == len(pairs)
    assert both > 5


def test_sequence_numbers_tell_the_records_of_a_subject_apart(made: Made) -> None:
    for name in BELOW:
        numbers: dict[object, list[object]] = defaultdict(list)
        for row in made.analysis[name].records():
            numbers[row["USUBJID"]].append(row["ASEQ"])
        assert all(sorted(hers) == list(range(1, len(hers) + 1)) for hers in numbers.values())  # type: ignore[type-var]


def test_every_derived_variable_says_how_it_is_made(made: Made) -> None:
    for one in made.analysis.values():
        for variable in one.variables:
            assert variable.origin is not None, f"{one.name}.{variable.name}"
            if variable.origin.kind == "Derived":
                assert variable.method is not None, f"{one.name}.{variable.name}"
                assert len(variable.method.description) > 20


def test_predecessors_exist(made: Made) -> None:
    every: dict[str, Dataset] = made.tabulated | made.analysis
    for one in made.analysis.values():
        for variable in one.variables:
            if variable.origin is not None and variable.origin.predecessor:
                source, _, name = variable.origin.predecessor.partition(".")
                # A variable of DM that nobody fills (a reason for no arm) is left out of both.
                assert every[source].has(name), variable.origin.predecessor


def test_a_place_never_names_the_participant(made: Made) -> None:
    ids = {one.participant_id for one in made.result.participants}
    for name in BELOW:
        for place in made.analysis[name].values("SRCREF"):
            assert not any(one in str(place) for one in ids), place


def test_without_sdtm_nothing_can_be_made(made: Made) -> None:
    from theratrial.errors import InputError

    with pytest.raises(InputError, match="DM has no record"):
        adsl(AdamContext(made.folder, made.result, ()))
