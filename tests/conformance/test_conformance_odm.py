"""ODM by the conformance tool: CDISC's schema, every OID defined once, every reference led somewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.exchange import odm_examples

from theratrial.exchange.odm.folder import folder_moment, folder_told, layout_of
from theratrial.exchange.odm.snapshot import About, snapshot_odm
from theratrial.exchange.odm.snapshot_20 import snapshot_20_odm
from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.simulation.cohort import SEED_PROTOCOL, cohort_records
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.writer import write_table

Conformance = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    """The records of a virtual cohort as a trial folder without images."""
    from theratrial.web.trials.selectors import parsed

    place = tmp_path_factory.mktemp("odm") / "trial"
    (place / "records").mkdir(parents=True)
    content = shipped_protocol_bytes(SEED_PROTOCOL)
    (place / "protocol.yaml").write_bytes(content)
    (place / "folder.yaml").write_text('schema_version: "1.2"\nsimulated: true\n', encoding="utf-8")
    lines = cohort_records(parsed(content), participants=2, seed=2)
    for table in TABLES:
        write_table(place / "records" / f"{table.name}.csv", table, lines[table.name])
    return read_folder(place)


def test_every_kind_of_change_conforms(conformance: Conformance, tmp_path: Path) -> None:
    file = tmp_path / "transactional.xml"
    file.write_bytes(odm_examples.file())
    report = conformance("odm", file)
    assert (report["standard"], report["rules"]["run"]) == ("ODM 1.3.2", 3)


@pytest.mark.parametrize("version", ["1.3.2", "2.0"])
def test_the_snapshot_of_a_folder_conforms(
    conformance: Conformance, folder: TrialFolder, tmp_path: Path, version: str
) -> None:
    layout = layout_of(folder)
    about = About(layout.oid, folder_moment(folder), "0.7", simulated=True)
    write = snapshot_odm if version == "1.3.2" else snapshot_20_odm
    file = tmp_path / "snapshot.xml"
    file.write_bytes(write(folder_told(folder, layout), {layout.oid: layout}, about))
    report = conformance("odm", file)
    assert (report["standard"], report["rules"]["run"]) == (f"ODM {version}", 3)


def test_a_reference_that_leads_nowhere_is_found(conformance: Conformance, tmp_path: Path) -> None:
    """So that the two tests above can fail."""
    file = tmp_path / "broken.xml"
    file.write_bytes(odm_examples.file().replace(b'FormOID="F.laboratory" FormRep', b'FormOID="F.none" FormRep'))
    report = conformance("odm", file, accept_failures=True)
    assert [one["rule"] for one in report["failures"]] == ["ODM-REF"]


def test_every_coded_value_of_the_cohort_is_in_its_code_list(folder: TrialFolder) -> None:
    layout = layout_of(folder)
    codes = {item.oid: item.codes for group in layout.groups.values() for item in group.items if item.codes}
    checked = 0
    for told in (one for listed in folder_told(folder, layout) for one in listed):
        for item in told.items:
            if item.oid in codes:
                allowed = {value for value, _words in layout.code_lists[codes[item.oid]].values}
                assert item.value in allowed, item
                checked += 1
    assert checked > 500


def test_every_cell_of_the_folder_stands_in_the_snapshot_once(folder: TrialFolder) -> None:
    """Counted from the tables themselves."""
    cells = sum(value is not None for rows in folder.tables.values() for row in rows for value in row.values.values())
    told = [one for listed in folder_told(folder, layout_of(folder)) for one in listed]
    assert sum(not item.oid.startswith("I.record.") for one in told for item in one.items) == cells
    last = max(row.moment for rows in folder.tables.values() for row in rows if isinstance(row.moment, datetime))
    assert folder_moment(folder) >= last.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")
