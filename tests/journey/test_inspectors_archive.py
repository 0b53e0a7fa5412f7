"""The inspector's archive of a result: what is inside, that it verifies, that every number is recomputed from it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cohorts import shared_outputs
from tests.journey.conftest import Said, copied

from theratrial.errors import InputError
from theratrial.pipeline.archived import standard_files
from theratrial.pipeline.outputs import write_outputs
from theratrial.pipeline.sdtm_package import opened_result
from theratrial.pipeline.trial import TrialRun
from theratrial.pipeline.verify_archive import archive_verification, numbers_compared
from theratrial.results.plain import read_results
from theratrial.sharing.archive import contents
from theratrial.sharing.archive.contents import ArchiveSource, archive_packed
from theratrial.sharing.archive.packing import listed, manifest_bytes, packing, zip_bytes
from theratrial.sharing.archive.verifier import faults

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `theratrial run` writes of the small trial."""
    return shared_outputs(tmp_path_factory, participants=2)


@pytest.fixture(scope="module")
def result_of_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a trial with one treated participant, where every number is computed again."""
    return shared_outputs(tmp_path_factory, participants=1)


def built(result: Path, place: Path, *, images: bool = False, participant: str = "") -> str:
    folder, values = opened_result(result)
    standards, because = standard_files(folder, values)
    source = ArchiveSource(
        folder,
        values,
        folder.path,
        result,
        participant=participant,
        standards=standards,
        without_standards_because=because,
    )
    with packing(place) as made:
        return made.finished(archive_packed(source, made, images=images, advance=lambda _what: None))


@pytest.fixture(autouse=True)
def _no_pdf(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Laying out takes long; one test does it."""
    monkeypatch.setattr(contents, "pdf_bytes", lambda _page, **_named: b"%PDF-1.7 of a test")


def files_of(place: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(place) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forged(place: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """The archive by somebody who mends manifest and seal."""
    files = files_of(place)
    change(files)
    about = json.loads(files.pop("manifest.json"))
    about["files"] = listed(files)
    place.write_bytes(zip_bytes({**files, "manifest.json": manifest_bytes(about)}))
    assert list(faults(place)) == []


def test_every_number_is_recomputed_from_an_archive_with_its_images(
    result_of_one: Path, tmp_path: Path, command: Callable[..., Said]
) -> None:
    digest = built(result_of_one, tmp_path / "a.zip", images=True)
    said = command("verify", tmp_path / "a.zip", "--manifest-sha256", digest, "--json")
    found = json.loads(said.out)
    assert (said.code, found["files_intact"], found["recomputed_in_full"]) == (0, True, True), said.out
    assert found["numbers_recomputed"] > 2000
    assert (found["not_recomputed"], found["come_out_otherwise"], found["differences"]) == ([], [], [])


@pytest.mark.long
def test_a_number_altered_with_manifest_and_seal_made_to_fit_is_found_by_recomputing(
    result_of_one: Path, tmp_path: Path, command: Callable[..., Said]
) -> None:
    digest = built(result_of_one, tmp_path / "a.zip", images=True)

    def change(files: dict[str, bytes]) -> None:
        tree = json.loads(files["results/results.json"])
        dose = tree["participants"][0]["cumulative_doses"][0]["absorbed_dose_Gy"]
        dose["upper"] *= 0.5
        files["results/results.json"] = json.dumps(tree, indent=1, ensure_ascii=False).encode()

    forged(tmp_path / "a.zip", change)
    said = command("verify", tmp_path / "a.zip")
    assert said.code == 1
    assert "absorbed_dose_Gy.upper" in said.out
    assert "NOT INTACT" in said.out
    assert "manifest.json: not the one" in command("verify", tmp_path / "a.zip", "--manifest-sha256", digest).out


def test_an_archive_without_images_is_never_called_recomputed(
    result: Path, tmp_path: Path, command: Callable[..., Said]
) -> None:
    built(result, tmp_path / "a.zip")
    said = command("verify", tmp_path / "a.zip")
    assert said.code == 1
    assert "The archive is intact" in said.out
    assert "NOT recomputed in full" in said.out
    assert "the images that they rest on are not inside" in said.out
    found = archive_verification(tmp_path / "a.zip")
    assert found.numbers is not None
    assert not found.recomputed
    stored = read_results(result / "results.json")
    assert found.numbers.total == _numbers({name: one for name, one in stored.items() if name != "inputs"})
    absorbed = [one for one in found.numbers.absent if "absorbed_dose_Gy" in one]
    assert len(absorbed) > 10, "doses rest on images"
    assert not any("laboratory" in one or "grade" in one for one in found.numbers.absent), "grades rest on records"
    assert found.numbers.equal > 500


def _numbers(tree: Any) -> int:
    """Counted another way than the program does: as the JSON parser meets them."""
    count = 0

    def one(text: str) -> None:
        nonlocal count
        count += 1

    json.loads(json.dumps(tree), parse_float=one, parse_int=one)
    return count


def test_a_record_altered_in_an_archive_without_images_comes_out(result: Path, tmp_path: Path) -> None:
    built(result, tmp_path / "a.zip")
    before = archive_verification(tmp_path / "a.zip").numbers

    def change(files: dict[str, bytes]) -> None:
        name = "trial/records/laboratory.csv"
        lines = files[name].decode().splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if ",platelets," in line or "platelets" in line)
        heads = lines[0].strip().split(",")
        cells = lines[at].strip("\n").split(",")
        cells[heads.index("value")] = "20000"  # per mm3: grade 4
        lines[at] = ",".join(cells) + "\n"
        files[name] = "".join(lines).encode()

    forged(tmp_path / "a.zip", change)
    after = archive_verification(tmp_path / "a.zip").numbers
    assert before is not None
    assert after is not None
    assert len(after.otherwise) > len(before.otherwise)


def test_an_altered_archive_is_not_computed_at_all(
    result: Path, tmp_path: Path, command: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    built(result, tmp_path / "a.zip")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.index(b"trial/records/visits.csv") + 60] ^= 1
    (tmp_path / "a.zip").write_bytes(content)
    monkeypatch.setattr("theratrial.pipeline.verify_archive.trial_run", lambda *_a, **_n: pytest.fail("computed"))
    said = command("verify", tmp_path / "a.zip")
    assert said.code == 1
    assert said.out.startswith("NOT INTACT: trial/records/visits.csv")


def test_an_archive_of_one_participant_holds_nobody_else(
    result: Path, small_trial: Path, tmp_path: Path, command: Callable[..., Said]
) -> None:
    built(result, tmp_path / "a.zip", participant="P01", images=True)
    files = files_of(tmp_path / "a.zip")
    others = {path.name for path in (small_trial / "images").iterdir()} - {"P01"}
    people = {
        line.split(",")[0] for line in (small_trial / "records" / "participants.csv").read_text().splitlines()[1:]
    }
    assert others
    for name, content in files.items():
        for other in (people | others) - {"P01"}:
            assert other not in name
            assert other.encode() not in content, (name, other)
    assert any(name.startswith("trial/images/P01/") for name in files)
    found = archive_verification(tmp_path / "a.zip")
    assert found.numbers is not None
    assert found.numbers.equal > 1000
    assert command("archive", "verify", tmp_path / "a.zip").code == 0


def test_the_same_result_gives_the_same_archive(result: Path, tmp_path: Path) -> None:
    assert built(result, tmp_path / "a.zip") == built(result, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_archive_lists_every_image_with_its_digest_and_size(
    result: Path, small_trial: Path, tmp_path: Path
) -> None:

    built(result, tmp_path / "a.zip")
    images = {one["path"]: one for one in json.loads(files_of(tmp_path / "a.zip")["images.json"])["images"]}
    there = {
        path.relative_to(small_trial).as_posix(): path for path in (small_trial / "images").rglob("*") if path.is_file()
    }
    assert images.keys() == there.keys()
    for name, path in there.items():
        content = path.read_bytes()
        expected = (hashlib.sha256(content).hexdigest(), len(content), False)
        assert (images[name]["sha256"], images[name]["bytes"], images[name]["inside"]) == expected


def test_the_standards_are_inside_and_what_is_not_is_named(result: Path, tmp_path: Path) -> None:
    built(result, tmp_path / "a.zip")
    files = files_of(tmp_path / "a.zip")
    assert {
        "sdtm/dataset-json/dm.json",
        "sdtm/xpt/dm.xpt",
        "sdtm/dataset-json/define.xml",
        "sdtm/xpt/define.xml",
    } <= files.keys()
    about = json.loads(files["manifest.json"])
    assert any("a trial folder has no ledger" in one for one in about["not_inside"])
    readme = files["README.txt"].decode()
    assert "The participants are virtual." in readme
    for line in about["not_inside"]:
        assert line in readme


def test_a_trial_folder_that_changed_since_the_run_is_not_archived(
    result: Path, small_trial: Path, small_run: TrialRun, tmp_path: Path, command: Callable[..., Said]
) -> None:
    trial = copied(small_trial, tmp_path / "trial")
    write_outputs(small_run, tmp_path / "out", trial, pdf=False)
    one = next(path for path in (trial / "images").rglob("*") if path.is_file())
    content = one.read_bytes()
    one.unlink()
    one.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    said = command("archive", "build", tmp_path / "out", tmp_path / "a.zip", "--images")
    assert said.code == 1
    assert f"{one.name} is missing or not what the result was made from" in said.err
    with (trial / "records" / "visits.csv").open("a") as file:
        file.write("\n")
    assert "changed since this run" in command("archive", "build", tmp_path / "out", tmp_path / "a.zip").err
    assert [path.name for path in tmp_path.iterdir() if "a.zip" in path.name] == []


def test_wrong_words_are_answered(result: Path, tmp_path: Path, command: Callable[..., Said]) -> None:
    assert "name ending with .zip" in command("archive", "build", result, tmp_path / "a").err
    assert "archive build RESULT OUT.zip" in command("archive", "build", tmp_path / "a.zip").err
    said = command("archive", "build", result, tmp_path / "a.zip", "--participant", "P99")
    assert "there is no participant 'P99'" in said.err
    assert "is not there" in command("archive", "verify", tmp_path / "a.zip").err
    (tmp_path / "x.zip").write_bytes(
        zip_bytes({"manifest.json": manifest_bytes({"files": {}, "ledger_is_whole": False})})
    )
    assert "no inspector's archive" in command("verify", tmp_path / "x.zip").err
    with pytest.raises(InputError, match="newer"):
        archive_verification(_of_version(tmp_path / "n.zip", 2))


def _of_version(place: Path, version: int) -> Path:
    about = {"format": contents.FORMAT, "format_version": version, "files": {}, "ledger_is_whole": False}
    place.write_bytes(zip_bytes({"manifest.json": manifest_bytes(about)}))
    return place


def test_numbers_are_matched_by_what_they_are_of_and_not_by_their_place() -> None:
    stored = {"notes": [{"id": "a", "n": 1}, {"id": "b", "n": 2}], "x": {"value": 3.0, "why": "text"}, "yes": True}
    same = numbers_compared(stored, {"notes": stored["notes"], "x": {"value": 3.0 + 1e-13}, "yes": False})
    assert (same.equal, same.absent, same.otherwise) == (3, (), ())
    less = numbers_compared(stored, {"notes": [], "x": {"value": 4.0}})
    assert (less.equal, len(less.absent), less.otherwise) == (0, 2, ("x.value",))


@pytest.mark.long
def test_the_report_inside_is_pdf_a(result: Path, tmp_path: Path) -> None:
    """The markers of PDF/A-3u are read with pypdf; a validator (veraPDF) is not at hand."""
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("weasyprint")
    line = [
        sys.executable,
        "-m",
        "theratrial",
        "archive",
        "build",
        str(result),
        str(tmp_path / "a.zip"),
        "--participant",
        "P01",
    ]
    subprocess.run(line, check=True, cwd=ROOT, env=dict(os.environ), capture_output=True)
    reader = pypdf.PdfReader(io.BytesIO(files_of(tmp_path / "a.zip")["dosimetry.pdf"]))
    told = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert "pdfaid" in told
    assert ">3<" in told or 'part="3"' in told
    assert "/OutputIntents" in reader.trailer["/Root"]
    fonts = [font.get_object() for page in reader.pages[:3] for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        below = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        descriptor = below["/FontDescriptor"].get_object()
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor), "every font is inside"
