"""An empty trial folder for one's own trial: templates with comments, tables with their headers, an explanation."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from theratrial.errors import InputError
from theratrial.protocol.clauses import DecisionStatus
from theratrial.protocol.findings import clauses
from theratrial.trialfolder.reader import FOLDER_FILE, IMAGES, PROTOCOL_FILE, RECORDS, REGISTRATION_FILE
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION, TABLES, Table
from theratrial.trialfolder.writer import write_table

README_FILE: Final = "README.md"


def make_folder(path: Path) -> tuple[str, ...]:
    """Make an empty trial folder at `path`, which must be absent or an empty folder.

    Returns
    -------
    The files written, relative to the folder.

    Raises
    ------
    InputError
        There is something at `path` already; nothing is touched.
    """
    path = Path(path)
    if path.is_symlink() or path.exists():
        if not path.is_dir():
            raise InputError(f"{path} is a file; give the name of a new or empty folder")
        if any(path.iterdir()):
            raise InputError(f"{path} is not empty and stays as it is; give the name of a new or empty folder")
    for folder in (path / RECORDS, path / IMAGES):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {
        README_FILE: _readme(),
        PROTOCOL_FILE: _template("protocol"),
        REGISTRATION_FILE: _template("registration"),
        FOLDER_FILE: f'schema_version: "{FOLDER_SCHEMA_VERSION}"\n',
    }
    for name, text in texts.items():
        (path / name).write_text(text, encoding="utf-8", newline="\n")
    for table in TABLES:
        write_table(path / RECORDS / f"{table.name}.csv", table, ())
    return (*texts, *(f"{RECORDS}/{table.name}.csv" for table in TABLES), f"{IMAGES}/")


def missing_for_run(folder: TrialFolder) -> tuple[str, ...]:
    """What a folder still lacks before a run can say anything, each with what to do; empty where it lacks nothing."""
    missing = []
    if not folder.tables["participants"]:
        missing.append(f"nobody is screened yet: fill in {RECORDS}/participants.csv and {RECORDS}/consents.csv")
    if not folder.image_files:
        missing.append(f"there are no images: put the DICOM files into {IMAGES}/, in any order and nesting")
    still_open = [path for path, clause in clauses(folder.protocol) if clause.decision.status is DecisionStatus.OPEN]
    still_open += [
        f"conflict {one.id}" for one in folder.protocol.conflicts if one.decision.status is DecisionStatus.OPEN
    ]
    if still_open:
        shown = ", ".join(still_open[:5]) + (f" and {len(still_open) - 5} more" if len(still_open) > 5 else "")
        missing.append(f"{PROTOCOL_FILE} is open in {shown}: `theratrial protocol check` lists them")
    return tuple(missing)


def _template(name: str) -> str:
    file = resources.files("theratrial.trialfolder") / "data" / f"{name}.template.yaml"
    return file.read_text(encoding="utf-8")


def _readme() -> str:
    lines = [
        "# A trial folder",
        "",
        "Fill in the files below, then:",
        "",
        "    theratrial protocol check .      # what the protocol leaves open",
        "    theratrial run . --out result    # doses, gates, responses, endpoint, report",
        "",
        "theratrial is research software, not a medical device. Use pseudonyms only: no name, no date of birth, also",
        "in the headers of the images.",
        "",
        f"- `{PROTOCOL_FILE}`: the trial as data. The template is complete and commented; every value is an example.",
        f"- `{REGISTRATION_FILE}`: the registration record; may be removed.",
        f"- `{FOLDER_FILE}`: version of this folder's format.",
        f"- `{IMAGES}/`: DICOM files in any order and nesting, regions (RTSTRUCT, SEG) among them. The PatientID is",
        "  the `participant_id` of the tables.",
        f"- `{RECORDS}/`: one CSV per table. A table without lines keeps its header; an optional one may be removed.",
        "",
        *writing_rules(),
    ]
    for table in TABLES:
        lines += ["", *table_lines(table)]
    return "\n".join(lines) + "\n"


def writing_rules() -> tuple[str, ...]:
    """How cells are written, as Markdown lines; the same in every explanation."""
    return (
        "How cells are written:",
        "",
        "- Tables are CSV in UTF-8, cells separated by commas, decimal point, no thousands separators, no units in",
        "  cells.",
        "- Dates are Gregorian, `2022-03-05`. Times are `2022-03-05T09:30`, in the protocol's time zone, or with their",
        "  offset, `2022-03-05T09:30+03:30`.",
        "- yes or no for a flag. An empty cell means missing; `NA`, `-` and the like are refused.",
        "- Identifiers are letters, digits, dot, dash and underscore.",
        "- Whatever does not fit is named with file, line and column, all at once, and nothing is read by half.",
    )


def table_lines(table: Table) -> Iterator[str]:
    """A table as a Markdown section: each column with type, need and meaning."""
    need = "required" if table.required else "optional"
    yield f"## {RECORDS}/{table.name}.csv ({need})"
    yield ""
    yield f"{table.doc} One line per {', '.join(table.key)}."
    yield ""
    yield "| column | holds | must be filled | meaning |"
    yield "|---|---|---|---|"
    for column in table.columns:
        holds = ", ".join(column.choices) if column.choices else column.type
        low, high = column.minimum, column.maximum
        if low is not None or high is not None:
            holds += f", {f'{low:g}' if low is not None else ''} to {f'{high:g}' if high is not None else ''}".rstrip()
        yield f"| `{column.name}` | {holds} | {'yes' if column.required else ''} | {column.doc} |"
