"""What the documents name exists: links, keys of a protocol file, pages of the methods."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from theratrial.protocol.schema import BiologicalParameters, DoseRegion, DosimetryPlan, PlanarPlan

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as web views of repositories make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name) if name else page
        assert other.exists(), target
        if anchor:
            assert anchor in anchors(other), target


def test_every_key_of_the_dosimetry_stands_on_the_protocol_page() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    for model in (DosimetryPlan, DoseRegion, PlanarPlan, BiologicalParameters):
        for key in model.model_fields:
            if key not in ("id", "title"):
                assert re.search(rf"`{key}[`:]", text), f"{model.__name__}.{key}"


def test_the_protocol_page_names_no_key_of_the_dosimetry_that_is_gone() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text("utf-8").split("## Dosimetry\n")[1].split("\n## ")[0]
    keys = {key for model in (DosimetryPlan, DoseRegion) for key in model.model_fields}
    first_cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert len(first_cells) > 15
    for cell in first_cells:
        assert set(re.findall(r"`(\w+)`", cell)) <= keys, cell


def test_no_document_names_a_place_of_one_machine() -> None:
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(work|tmp|home|root)/", page.read_text("utf-8")), page
