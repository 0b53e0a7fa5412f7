"""`theratrial events`: a term, what fits, a folder with its clocks; and what it refuses."""

import json

import pytest
from typer.testing import CliRunner

from theratrial.cli.events import app
from theratrial.protocol.reader import shipped_protocol_bytes

RECORDS = {
    "participants": "participant_id,site_id,screened_on,sex\nP1,site_01,2022-02-01,female\n",
    "consents": "participant_id,form_version,language,signed_at,obtained_by,withdrawn_at,withdrawal_kind\n"
    "P1,1.0,fa,2022-02-01T09:00,NU-01,,\n",
    "adverse_events": "participant_id,term,ctcae_version,grade,started_on,ended_on,serious,related,outcome,"
    "seriousness\n"
    "P1,Nausea,5.0,4,2022-03-02,,no,related,,\n"
    "P1,Febrile neutropenia,5.0,3,2022-03-10,2022-03-14,yes,related,recovered,is life-threatening\n",
    "serious_reports": "participant_id,term,started_on,report,became_aware_at,sent_at,recipient,expected,narrative,"
    "reported_by\nP1,Febrile neutropenia,2022-03-10,initial,2022-03-11T09:00,2022-03-13T09:00,sponsor,yes,,ONC-01\n",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "records").mkdir()
    (tmp_path / "protocol.yaml").write_bytes(shipped_protocol_bytes("IRCT20210612051548N3"))
    for name, text in RECORDS.items():
        (tmp_path / f"records/{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_term_is_told_with_the_text_of_each_grade():
    told = json.loads(run("term", "NAUSEA", "--json").stdout)
    assert told["term"] == "Nausea"
    assert list(told["grades"]) == ["1", "2", "3"]
    assert told["problems"] == []


def test_a_name_that_is_no_term_ends_with_one_and_what_fits():
    answer = run("term", "low platelets", "--ctcae", "6", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["fitting"] == ["Thrombocytopenia"]


def test_a_folder_is_told_with_its_odd_events_and_clocks(folder):
    answer = run("check", folder, "--json")
    told = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert told["events"][0]["problems"] == ["CTCAE 5.0 has no grade 4 for Nausea; its grades are 1, 2 and 3"]
    reports = told["serious"][0]["reports"]
    assert [(one["recipient"], one["state"]) for one in reports] == [
        ("sponsor", "late"),
        ("ethics committee", "overdue"),
    ]
    assert reports[0]["because"] == "sent 48 h after becoming aware, 24 h late"


def test_a_dictionary_codes_what_it_has_and_names_what_it_lacks(folder):
    (folder.parent / "own.csv").write_text("term,code,name\nNausea,X1,Nausea\n", encoding="utf-8")
    told = json.loads(run("check", folder, "--dictionary", folder.parent / "own.csv", "--json").stdout)
    assert told["events"][0]["code"] == "X1"
    assert told["events"][1]["problems"] == ["not in the dictionary that was given"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("term", "nausea", "--ctcae", "4"), "--ctcae is 5 or 6"),
        (("check", "/nowhere/at/all"), "nowhere"),
    ],
)
def test_what_cannot_be_read_is_refused(words, said):
    answer = run(*words)
    assert answer.exit_code != 0
    assert said in str(answer.exception) + answer.output


def test_a_dictionary_that_is_not_there_is_refused_by_name(folder):
    assert "there is no file" in str(run("check", folder, "--dictionary", folder / "none.csv").exception)
