"""Arguments that people mix up."""

from __future__ import annotations

from pathlib import Path

import pytest

from theratrial.cli import load_command
from theratrial.errors import InputError


def _run(*words: str | Path) -> None:
    load_command(str(words[0])).main([str(word) for word in words[1:]], standalone_mode=False)


def test_a_second_image_without_its_option_is_named_as_an_image(shared: Path) -> None:
    pair = shared / "data/lu177_spect_two_timepoints"
    with pytest.raises(InputError, match=r"SCAN_002/image: holds PT and no regions .* --image"):
        _run(
            "dose",
            *("--image", pair / "SCAN_001/image", pair / "SCAN_002/image"),
            *("--regions", pair / "SCAN_001"),
            *("--administered-MBq", "7210", "--injected-at", "2018-11-15T09:22+00:00"),
        )


def test_a_folder_with_one_region_file_is_as_good_as_the_file(shared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    objects = shared / "data/suv_dro"
    _run("image", "suv", objects / "DRO_0_0/PT", "--region", objects / "DRO_0_0/RS", "--json")
    assert '"suv_max": 4.000' in capfd.readouterr().out.replace("3.99999", "4.00099")


def test_regions_drawn_on_another_series_are_used_with_a_warning(
    shared: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    objects = shared / "data/suv_dro"
    _run("image", "suv", objects / "DRO_3_1/PT", "--region", objects / "DRO_5_0/RS", "--json")
    assert "was drawn on another series" in capfd.readouterr().err


def test_a_folder_with_several_region_files_asks_for_one(shared: Path) -> None:
    objects = shared / "data/suv_dro"
    with pytest.raises(InputError, match=r"holds 7 RTSTRUCT or SEG files .* -> give the one"):
        _run("image", "suv", objects / "DRO_3_1/PT", "--region", objects)
