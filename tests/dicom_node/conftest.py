"""A site made once, copied for each test, with a node that is stopped however the test ends."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.dicom_node.dicom_node_site import RunningNode, site_made


@pytest.fixture(scope="session")
def made_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dicom") / "site"
    site_made(folder)
    return folder


@pytest.fixture
def site_folder(made_site: Path, tmp_path: Path) -> Path:
    """A site of the test's own."""
    return Path(shutil.copytree(made_site, tmp_path / "site"))


@pytest.fixture
def node_of() -> Iterator[Callable[..., RunningNode]]:
    """Starts nodes."""
    started: list[RunningNode] = []

    def start(site: Path, **settings: object) -> RunningNode:
        started.append(RunningNode(site, **settings))
        return started[-1]

    yield start
    for one in started:
        one.stopped()


@pytest.fixture
def node(site_folder: Path, node_of: Callable[..., RunningNode]) -> RunningNode:
    """A node as it is usually started."""
    return node_of(site_folder)


@pytest.fixture(scope="session")
def dcmtk_there() -> None:
    """Skips loudly without dcmtk, the peer that nobody here wrote."""
    if shutil.which("storescu") is None:
        pytest.skip("dcmtk is not installed (Debian: apt install dcmtk)")
