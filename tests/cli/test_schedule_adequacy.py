"""`theratrial schedule adequacy`: what it says of the shipped protocol, of another one, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from theratrial.cli.schedule import app
from theratrial.errors import InputError
from theratrial.pipeline.adequacy import protocol_schedule
from theratrial.protocol.reader import read_protocol, shipped_protocol

SEED = "IRCT20210612051548N3"
SECOND = Path(__file__).parents[1] / "fixtures" / "protocols" / "second.yaml"
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def adequacy(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["adequacy", *arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def of_the_seed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    figure = tmp_path_factory.mktemp("figure") / "adequacy.png"
    result = adequacy(SEED, "--patients", "60", "--figure", str(figure))
    assert result.exit_code == 0
    return " ".join(result.stdout.split()), figure


@pytest.mark.long
def test_it_says_in_words_what_two_early_scans_cannot_see(of_the_seed: tuple[str, Path]) -> None:
    text, _ = of_the_seed
    for said in (
        "What 24 h + 48 h cannot see",
        "still take up more than they lose at 48 h",
        "get no upper end",
        "The time that would help most",
        "A scan added at",
        "Is the course above the limit?",
        "Prior trastuzumab_igg",
        "assumed, as no clause states them",
    ):
        assert said in text, said


@pytest.mark.long
def test_the_figure_is_an_image_of_some_content(of_the_seed: tuple[str, Path]) -> None:
    content = of_the_seed[1].read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 40_000


@pytest.mark.long
def test_the_numbers_of_the_seed_are_those_of_an_antibody() -> None:
    values = json.loads(adequacy(SEED, "--patients", "300", "--json").stdout)
    regions = {one["region"]["id"]: one for one in values["planned"]}
    lesions, heart = regions["lesions"], regions["heart"]
    assert 0.75 < lesions["still_rising_fraction"] < 0.95
    assert lesions["after_last_median_fraction"] > 0.8
    assert lesions["classical"]["bounded_fraction"] < 0.4
    assert heart["still_rising_fraction"] < 0.05
    assert heart["classical"]["bias_percent"] < -3  # the two phases of blood, which one exponential misses
    assert all(0.9 <= one["posterior"]["covered_fraction"] <= 0.98 for one in regions.values())
    assert 120 <= values["best_added"]["hour"] <= 288
    better = {one["region"]["id"]: one for one in values["with_best_added"]}
    for name, one in regions.items():
        assert better[name]["posterior"]["interval_ratio"] < one["posterior"]["interval_ratio"]


def test_another_protocol_of_another_nuclide_is_judged_from_its_data_alone() -> None:
    result = adequacy(str(SECOND), "--patients", "50", "--json")
    assert result.exit_code == 0
    values = json.loads(result.stdout)
    assert values["nuclide"] == "I-131"
    assert values["scans_h"] == [24.0, 96.0]
    assert values["prior"].startswith("unspecific")
    assert {one["region"]["id"] for one in values["planned"]} == {"kidneys", "salivary_glands", "tumours"}
    assert any("'other', kept wide" in text for text in values["assumptions"])
    limits = {one["region"]["id"]: one["region"]["limit_Gy"] for one in values["planned"]}
    assert limits == {"kidneys": 18.0, "salivary_glands": 25.0, "tumours": None}


def test_a_protocol_that_names_prior_and_region_is_taken_at_its_word(tmp_path: Path) -> None:
    text = SECOND.read_text("utf-8")
    text = text.replace(
        "    repeatability_percent: 6\n", "    repeatability_percent: 6\n    population_prior: trastuzumab_igg\n"
    )
    text = text.replace("id: salivary_glands, title", "id: salivary_glands, prior_region: spleen, title")
    path = tmp_path / "protocol.yaml"
    path.write_text(text, "utf-8")
    schedule, because, _, _ = protocol_schedule(read_protocol(path))
    assert schedule.prior.name == "trastuzumab_igg"
    assert because == "named by the protocol"
    assert {one.id: one.prior_region for one in schedule.regions}["salivary_glands"] == "spleen"
    masses = {one.id: one.mass_g for one in schedule.regions}
    assert masses == {"kidneys": 310.0, "salivary_glands": 85.0, "tumours": None}  # ICRP 89, adult male


def test_a_trial_folder_is_found_by_its_protocol(tmp_path: Path) -> None:
    (tmp_path / "protocol.yaml").write_bytes(SECOND.read_bytes())
    one = json.loads(adequacy(str(tmp_path), "--patients", "50", "--json").stdout)
    assert one["trial_id"] == "TEST-I131-PSMA-02"


def test_the_schedule_is_what_the_protocol_says() -> None:
    schedule, _, scans, _ = protocol_schedule(shipped_protocol(SEED))
    assert schedule.hours == (24.0, 48.0)
    assert len(scans) == 2
    assert schedule.sessions == 3
    assert schedule.organ_noise.repeatability == pytest.approx(0.05)
    assert {one.id: one.limit_Gy for one in schedule.regions if one.limit_Gy} == {
        "kidneys": 23.0,
        "liver": 30.0,
        "heart": 40.0,
        "lungs": 17.5,
        "red_marrow": 2.5,
    }


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("no_such_protocol",), "no protocol of that name is shipped"),
        ((SEED, "--patients", "3"), "50 to 20000"),
        ((SEED, "--seed", "-1"), "0 or above"),
        ((SEED, "--figure", "a.gif"), "must end in"),
        ((SEED, "--figure", "no/such/folder/a.png"), "does not exist"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(arguments: tuple[str, ...], word: str) -> None:
    with pytest.raises(InputError, match=word):
        adequacy(*arguments)
