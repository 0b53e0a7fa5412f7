"""`theratrial registry export`: the seed's text in, page, PDF and sheet out."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from theratrial.cli.registry import app
from theratrial.registry.people import public_record
from theratrial.registry.reader import read_registration, shipped_registration

SEED, GOOD = "IRCT20210612051548N3", "IRCT20240110000000N1"
RUNNER = CliRunner()


def run(*arguments: str):
    return RUNNER.invoke(app, list(arguments))


def test_the_seeds_text_goes_in_and_its_page_gives_the_same_record(shared, tmp_path):
    page, record = tmp_path / "page.html", tmp_path / "record.yaml"
    done = run("export", str(shared / "seed" / f"{SEED}.txt"), "--to", "irct-html", "--contacts", "--out", str(page))
    assert done.exit_code == 0, done.output
    assert "everything found its place" in run("import", str(page), "--out", str(record)).stdout
    assert read_registration(record) == shipped_registration(SEED)


@pytest.mark.parametrize("address", ["someone@example.org", "+98 77 1234567", "+۹۸ ۷۷ ۱۲۳۴۵۶۷"])
def test_an_address_in_the_words_of_a_field_is_told_beside_the_export(address, tmp_path):
    """The contact fields stay out; words are never altered, so somebody has to look at them."""
    record = tmp_path / "record.yaml"
    text = run("export", SEED, "--to", "yaml", "--contacts").stdout
    record.write_text(text.replace("Patients are selected", f"Ask {address}. Patients are selected"), encoding="utf-8")
    told = run("export", str(record), "--to", "yaml")
    assert address in told.stdout
    assert "Settings and conduct" in told.stderr
    assert "Settings and conduct" not in run("export", str(record), "--to", "yaml", "--contacts").stderr
    assert run("export", SEED, "--to", "yaml").stderr == ""


@pytest.mark.parametrize("language", ["en", "fa", "both"])
def test_a_page_is_in_the_language_asked_for(language):
    page = run("export", GOOD, "--to", "irct-html", "--language", language).stdout
    assert f'<html lang="{"fa" if language == "fa" else "en"}"' in page
    assert ("Study aim" in page, "هدف از مطالعه" in page) == (language != "fa", language != "en")


def test_a_sheet_marks_what_differs_from_the_earlier_record(tmp_path):
    earlier = tmp_path / "earlier.yaml"
    text = run("export", GOOD, "--to", "yaml", "--contacts").stdout
    earlier.write_text(text.replace("target_sample_size: 24", "target_sample_size: 20"), encoding="utf-8")
    sheet = run("export", GOOD, "--to", "sheet-html", "--earlier", str(earlier)).stdout
    assert sheet.count('class="mark changed"') == 1
    assert "<del" in sheet


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "ictrp-xml", "--language", "fa"), "leave --language out"),
        (("--to", "sheet-html", "--language", "both"), "--language en or fa"),
        (("--to", "irct-html", "--earlier", SEED), "--earlier is for sheet-html"),
    ],
)
def test_an_option_without_effect_is_refused(arguments, said):
    done = run("export", GOOD, *arguments)
    assert done.exit_code == 1
    assert said in str(done.exception)


@pytest.mark.long
def test_a_pdf_gives_its_record_back(tmp_path):
    pytest.importorskip("weasyprint", exc_type=(ImportError, OSError))
    small, pdf, record = tmp_path / "small.yaml", tmp_path / "record.pdf", tmp_path / "record.yaml"
    small.write_text("public_title: {en: A title, fa: عنوان}\n", encoding="utf-8")
    assert run("export", str(small), "--to", "irct-pdf", "--out", str(pdf)).exit_code == 0
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert run("import", str(pdf), "--out", str(record)).exit_code == 0
    assert read_registration(record) == public_record(read_registration(small))


@pytest.mark.parametrize("to", ["irct-html", "sheet-html"])
def test_a_page_loads_no_more_of_the_house_than_it_needs(to, tmp_path):
    # The limit is half a second with start-up: any of these would take a good part of it.
    heavy = ("numpy", "jinja2", "matplotlib", "django", "weasyprint", "rich")
    code = (
        "import sys; from theratrial.cli.registry import app; "
        "app(['export', sys.argv[1], '--to', sys.argv[2], '--out', sys.argv[3]], standalone_mode=False); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    arguments = [sys.executable, "-c", code, GOOD, to, str(tmp_path / "page.html")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
