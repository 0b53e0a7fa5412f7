"""`theratrial grade`: one value or a file, one version or both; every mistake by name."""

import csv
import io
import json

import pytest
import typer
from typer.testing import CliRunner

from theratrial.cli.grade import grade
from theratrial.errors import InputError
from theratrial.safety.sample_tables import COLUMNS, samples_from_csv
from theratrial.safety.sample_tables import test_called as name_of_test

RUNNER = CliRunner()
APP = typer.Typer()
APP.command()(grade)

FILE = """subject,date,test,value,unit,lower_limit,upper_limit,baseline,symptomatic
P-01,2024-03-01,Plt,20,10^9/L,150,400,,
P-01,2024-03-01,creatinine,1.8,mg/dL,0.6,1.2,1.0,
P-02,2024-03-01,sodium,127,mmol/L,135,145,,yes

P-02,2024-03-01,LVEF,,%,,,60,
"""


def run(*arguments):
    return RUNNER.invoke(APP, list(arguments))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "laboratory.csv"
    path.write_text(FILE, encoding="utf-8")
    return str(path)


def test_one_value_is_graded_under_the_version_asked_for():
    found = run("--ctcae", "5", "--test", "platelets", "--value", "49", "--unit", "10^9/L")
    assert found.exit_code == 0
    assert found.stdout == "CTCAE 5.0  grade 3  Platelet count decreased: 49 10^9/L is < 50.0\n"
    assert "laboratory value alone" in found.stderr


def test_without_a_version_both_are_said_side_by_side():
    said = run("--test", "ANC", "--value", "1.0", "--unit", "10^9/L").stdout.splitlines()
    assert [line[:18] for line in said] == ["CTCAE 5.0  grade 2", "CTCAE 6.0  grade 1"]


def test_a_grade_that_a_limit_leaves_open_is_said_with_what_is_needed():
    said = run("--ctcae", "5", "--test", "creatinine", "--value", "61", "--unit", "umol/L", "--uln", "40").stdout
    assert "open, grade 2 to 3" in said
    assert "needed: the patient's baseline" in said


def test_json_holds_the_grade_with_its_text_table_and_what_a_clinician_adds():
    arguments = ("--test", "K", "--value", "6.5", "--unit", "mmol/L", "--lln", "3.5", "--uln", "5", "--json")
    found = json.loads(run(*arguments, "--ctcae", "6").stdout)
    high = next(one for one in found["grades"] if one["term"] == "Hyperkalemia")
    assert (high["grade"], high["ctcae"], high["lab_only"]) == (3, "6.0", True)
    assert "hospitalization indicated" in high["clinician"]
    assert high["printed"] == ">6.0 - 7.0 mmol/L; hospitalization indicated"
    assert high["trace"]["inputs"]["table"].startswith("table:safety/ctcae_v6_0_terms")


def test_facts_are_flags():
    arguments = (
        "--ctcae",
        "5",
        "--test",
        "sodium",
        "--value",
        "127",
        "--unit",
        "mmol/L",
        "--lln",
        "135",
        "--uln",
        "145",
    )
    assert "grade 3  Hyponatremia" in run(*arguments, "--symptomatic").stdout
    assert "grade 2  Hyponatremia" in run(*arguments, "--asymptomatic").stdout


def test_a_file_is_graded_line_by_line_in_each_form(file):
    rows = list(csv.DictReader(io.StringIO(run(file, "--csv").stdout)))
    known = {(row["line"], row["ctcae"], row["term"]): row["grade"] for row in rows}
    assert known["2", "5.0", "Platelet count decreased"] == "4"
    assert known["2", "6.0", "Thrombocytopenia"] == "3"
    assert known["3", "5.0", "Creatinine increased"] == "2"
    assert known["3", "6.0", "Creatinine increased"] == "1"
    assert known["4", "5.0", "Hyponatremia"] == "3"
    assert known["6", "5.0", "Ejection fraction decreased"] == ""
    as_json = json.loads(run(file, "--json").stdout)["grades"]
    assert [one["grade"] for one in as_json] == [int(row["grade"]) if row["grade"] else None for row in rows]
    assert "Thrombocytopenia: 20 10^9/L is < 50.0" in run(file).stdout


def test_a_subject_that_a_spreadsheet_would_compute_leaves_as_text(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("subject,test,value,unit\n=1+1,platelets,9,10^9/L\n")
    assert run(str(path), "--csv", "--ctcae", "6").stdout.splitlines()[1].startswith("2,'=1+1,,platelets,6.0")


def test_what_the_other_version_grades_otherwise_is_shown_for_a_file(file):
    said = run(file, "--differences").stdout
    assert "2 grades of 4 values differ between version 5.0 and 6.0, in 1 of 2 subjects." in said
    found = json.loads(run(file, "--differences", "--json").stdout)
    assert [(one["line"], one["ctcae_5.0"], one["ctcae_6.0"]) for one in found["grades"]] == [
        (2, "grade 4", "grade 3"),
        (3, "grade 2", "grade 1"),
    ]
    assert found["worst_grades"][0] == {
        "subject": "P-01", "test": "platelets", "direction": "down", "ctcae_5.0": 4, "ctcae_6.0": 3
    }  # fmt: skip
    assert "on a file" in str(run("--differences", "--test", "K", "--value", "4", "--unit", "mmol/L").exception)


def test_every_bad_line_of_a_file_is_named_and_none_is_graded(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text('test,value,unit,fasting\nplatelets,"49,5",10^9/L,\ntroponin,1,ng/L,\nglucose,9,mmol/L,maybe\n')
    found = run(str(path))
    assert isinstance(found.exception, InputError)
    said = str(found.exception)
    assert "line 2: value '49,5'" in said
    assert "line 3: test 'troponin' is not known" in said
    assert "line 4: fasting is yes, no or empty" in said
    assert not found.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns missing: test, value, unit"),
        ("test,value\nplatelets,4\n", "columns missing: unit"),
        ("test,value,unit,unit\nplatelets,4,x,y\n", "given twice: 'unit'"),
        ("test;value;unit\nplatelets;4;x\n", "separated by commas"),
        ("test,value,unit,ULN\nplatelets,4,x,5\n", "'ULN'.*upper_limit"),
        ("test,value,unit\nplatelets,4\n", "line 2: 2 cells for 3 columns"),
        ("test,value,unit\nplatelets,<10,10^9/L\n", "line 2: value '<10' is not a number"),
        ("test,value,unit\nplatelets,nan,10^9/L\n", "line 2: value 'nan' is not a number"),
        ("test,value,unit\n\n", "no laboratory value"),
        ('test,value,unit\nplatelets,"4,10^9/L\n', "line 3 is not CSV|line 2 is not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_is_allowed(text, said):
    with pytest.raises(InputError, match=said):
        samples_from_csv(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--test", "platelets", "--value", "49"), "--unit"),
        (("--ctcae", "4", "--test", "platelets", "--value", "49", "--unit", "10^9/L"), "5 or 6, got '4'"),
        (("absent.csv",), "no file absent.csv"),
        (("--test", "platlets", "--value", "49", "--unit", "10^9/L"), "did you mean 'platelets'"),
    ],
)
def test_a_mistake_is_refused_by_name(arguments, said):
    found = run(*arguments)
    assert isinstance(found.exception, InputError)
    assert said in str(found.exception)


def test_a_file_and_a_value_at_once_are_refused(file):
    assert "not both" in str(run(file, "--uln", "40").exception)


def test_the_help_names_every_column_of_a_file():
    said = " ".join(run("--help").stdout.replace("│", " ").split())
    assert all(column in said for column in COLUMNS)
    assert name_of_test("white cells") == "white_cells"


@pytest.mark.parametrize("name", ["leucocytes", "Leukocytes", "WBC", "white blood cells"])
def test_white_cells_go_by_every_name_and_are_never_taken_for_lymphocytes(name):
    """2.5 x 10^9/L is grade 2 of white cells (< 3.0) and no grade of lymphocytes."""
    shown = run("--ctcae", "5", "--test", name, "--value", "2.5", "--unit", "G/L", "--lln", "4", "--json")
    assert {(one["test"], one["term"]): one["grade"] for one in json.loads(shown.stdout)["grades"]} == {
        ("white_cells", "White blood cell decreased"): 2,
        ("white_cells", "Leukocytosis"): 0,
    }


def test_no_blood_count_is_guessed_for_another():
    with pytest.raises(InputError) as refused:
        name_of_test("leucocyte_count")
    assert "did you mean" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        ("--test", "platelets", "--value", "nan", "--unit", "10^9/L"),
        ("--test", "platelets", "--value", "-3", "--unit", "10^9/L"),
        ("--test", "platelets", "--value", "49", "--unit", "mg/dL"),
        ("--test", "ALT", "--value", "49", "--unit", "U/L", "--lln", "40", "--uln", "7"),
    ],
)
def test_a_value_that_is_refused_ends_with_a_code_that_a_script_can_see(given):
    for how in ((), ("--json",), ("--csv",)):
        found = run(*given, *how)
        assert found.exit_code == 1
        assert found.stdout
        assert "what a clinician adds" not in found.output
    open_grade = run("--test", "creatinine", "--value", "90", "--unit", "umol/L")
    assert open_grade.exit_code == 0


def test_a_value_inside_a_printed_range_says_what_else_its_grade_asks():
    """Ejection fraction of 45 % from 50 %: version 6.0 grades it with a cardiac finding only."""
    given = ("--ctcae", "6", "--test", "LVEF", "--value", "45", "--unit", "%", "--baseline", "50")
    said = run(*given, "--no-cardiac-finding").stdout
    assert "it also asks whether global longitudinal strain fell" in " ".join(said.split())


def test_values_that_repeat_are_graded_once_and_every_line_keeps_its_own_answer(tmp_path):
    path = tmp_path / "many.csv"
    values = [(line, 20 + 40 * (line % 3)) for line in range(60)]
    path.write_text("subject,test,value,unit\n" + "".join(f"P{line},plt,{value},10^9/L\n" for line, value in values))
    grades = json.loads(run(str(path), "--ctcae", "5", "--json").stdout)["grades"]
    assert [(one["subject"], one["grade"]) for one in grades] == [
        (f"P{line}", {20: 4, 60: 2, 100: None}[value]) for line, value in values
    ]
