"""`theratrial ledger` on exported files and on folders that are no site."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from theratrial.cli.ledger import app
from theratrial.errors import InputError
from theratrial.web.ledger.act import act
from theratrial.web.ledger.verification import exported_lines
from theratrial.web.people.models import Site
from theratrial.web.setup_site import SETUP


@pytest.fixture
def lines(db: None) -> list[str]:
    with act(SETUP, "test.site"):
        Site.objects.create(code="A", name="A", timezone="UTC")
        Site.objects.update(name="B")
    return list(exported_lines())


def test_A6_the_command_says_that_an_exported_ledger_is_whole(lines: list[str], tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    answer = CliRunner().invoke(app, ["verify", "--file", str(file)])
    assert answer.exit_code == 0
    assert f"{len(lines) - 1} events" in answer.output


def test_A6_the_command_names_the_first_altered_event_and_fails(lines: list[str], tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_text("\n".join([*lines[:1], lines[1].replace("test.site", "test.sight"), *lines[2:]]), encoding="utf-8")
    answer = CliRunner().invoke(app, ["verify", "--file", str(file)])
    assert answer.exit_code == 1
    assert "first: event 2" in answer.output + answer.stderr


def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["verify", "--site", str(tmp_path / "none")])
    assert isinstance(answer.exception, InputError)
    assert not (tmp_path / "none").exists()
