"""Write docs/methods/registration_mapping.md: where each field goes in ICTRP XML and ClinicalTrials.gov JSON.

Found by trying: a record in which every field is filled is written, then once more with one field changed; what differs
is where the field goes. So the page cannot say what the writers do not do.

    python scripts/registration_mapping.py
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from theratrial.exchange.ctgov.write import ctgov_study
from theratrial.exchange.ictrp.elements import Node, trial_nodes
from theratrial.exchange.ictrp.write import ictrp_131, ictrp_2009
from theratrial.registry.codes import code_list
from theratrial.registry.fields import Field, fields, sections
from theratrial.registry.record import RegistrationRecord

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "methods" / "registration_mapping.md"
GROUPS: Final = {"sponsors": 3}
"""Members to try of groups whose members go to different places: a primary sponsor, a secondary one, a funder."""
HEAD: Final = """# Where each field of a registration record goes

Written by `scripts/registration_mapping.py`, which writes a full record with one field changed after the other and
looks what differs; a test demands that this page is what the writers do. `-` where a format has no place for a field.

* **TRDS**: item of the WHO Trial Registration Data Set 1.3.1.
* **ICTRP 2009**: element of the profile that validates against WHO's DTD (`ictrp-xml`).
* **ICTRP 1.3.1**: element of the profile with results and ethics (`ictrp-xml-131`); *values* where the field also
  stands exactly in `record_values`, because WHO's elements cannot carry it whole (the other language, the
  calendar, a member's parts). A value there goes before the element on reading; where the two disagree the import tells
  of it.
* **ClinicalTrials.gov v2**: path under `protocolSection`; `[]` is each member.

Personal fields (names, telephones, addresses of people) are written with `--contacts` only. A field that has no place
in a format is lost by an export to it, and by nothing else: YAML carries all.
"""


def filled_record() -> dict[str, Any]:
    """A record in which every field holds something."""
    tree: dict[str, Any] = {}
    for index, field in enumerate(fields()):
        for path in _paths(field):
            _put(tree, path, _value(field, index))
    for index, kind in enumerate(("primary_sponsor", "secondary_sponsor", "funder")):
        tree["sponsors"][index]["kind"] = kind
    return tree


def _paths(field: Field) -> list[str]:
    if not field.group:
        return [field.path]
    return [field.path.replace("[]", f"[{index}]", 1) for index in range(GROUPS.get(field.group, 1))]


def _value(field: Field, index: int) -> Any:
    if field.kind == "text":
        return {"en": f"Words {index}", "fa": f"واژه {index}"}
    if field.kind == "code":
        return next(iter(code_list(field.list_name)))
    day = date(2024, 1 + index % 12, 1 + index % 28)
    plain: dict[str, Any] = {"date": {"gregorian": day.isoformat()}, "day": day.isoformat(), "count": 1000 + index}
    plain |= {"percent": 10.0 + index % 80, "age": {"value": 18.0 + index}, "texts": [f"Words {index}"]}
    plain |= {"strings": [f"https://example.org/{index}"]}
    return plain.get(field.kind, f"string-{index}")


def _others(field: Field) -> list[Any]:
    """Other values of a field: of a code all, for some are written as the same word."""
    if field.kind == "code":
        return [*code_list(field.list_name)][1:]
    return [_value(field, 900)] if field.kind != "percent" else [5.0]


def _steps(path: str) -> list[str | int]:
    return [int(one) if one.isdigit() else one for one in re.findall(r"[a-z_]+[a-z0-9_]*|(?<=\[)[0-9]+(?=\])", path)]


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    here: Any = tree
    *steps, last = _steps(path)
    for step, following in pairwise([*steps, last]):
        fresh: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            while len(here) <= step:
                here.append({})
            here = here[step]
        else:
            here = here.setdefault(step, fresh)
    here[last] = value


def places(record: RegistrationRecord) -> dict[str, dict[str, list[str]]]:
    """Format -> place -> what is written there."""
    study: dict[str, list[str]] = {}
    _flat(ctgov_study(record, contacts=True)["protocolSection"], "", study)
    return {
        "2009": _elements(ictrp_2009(record, contacts=True)),
        "131": _elements(ictrp_131(record, contacts=True)),
        "ctgov": study,
    }


def _elements(content: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    waiting: list[tuple[str, Node]] = [("", next(trial_nodes(BytesIO(content))).node)]
    while waiting:
        path, node = waiting.pop(0)
        waiting += [(f"{path}{node.name}/" if path or node.key != "trial" else "", one) for one in node.children]
        if node.key == "value":
            found.setdefault("values", []).append(f"{node.attributes.get('path')}={node.text}")
        elif not node.children:
            found.setdefault(f"{path}{node.name}", []).append(node.text)
    return found


def _flat(value: Any, path: str, found: dict[str, list[str]]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flat(inner, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list):
        for inner in value:
            _flat(inner, f"{path}[]", found)
    else:
        found.setdefault(path, []).append(str(value))


def differing(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """Places where something else is written."""
    return [place for place in dict.fromkeys([*before, *after]) if before.get(place) != after.get(place)]


def rows() -> Iterator[tuple[Field, dict[str, list[str]]]]:
    """Each field with the places of each format that change with it."""
    full = filled_record()
    before = places(RegistrationRecord.model_validate(full))
    for field in fields():
        found: dict[str, list[str]] = {name: [] for name in before}
        for path in _paths(field):
            for value in _others(field):
                changed = copy.deepcopy(full)
                _put(changed, path, value)
                after = places(RegistrationRecord.model_validate(changed))
                for name, there in found.items():
                    there += [one for one in differing(before[name], after[name]) if one not in there]
        yield field, found


def page(found_rows: Iterable[tuple[Field, dict[str, list[str]]]]) -> str:
    """The page as Markdown, a table for each section of the registry's page."""
    lines = [HEAD]
    section = ""
    titles = {one.name: one.en for one in sections()}
    for field, found in found_rows:
        if field.section != section:
            section = field.section
            lines += ["", f"## {titles[section]}", ""]
            lines += ["| field | label | TRDS | ICTRP 2009 | ICTRP 1.3.1 | ClinicalTrials.gov v2 |"]
            lines += ["|---|---|---|---|---|---|"]
        cells = [_cell(found[name]) for name in ("2009", "131", "ctgov")]
        trds = str(field.trds) if field.trds else "-"
        lines.append(f"| `{field.path}` | {field.en.replace('|', '/')} | {trds} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(found: list[str]) -> str:
    return ", ".join("*values*" if one == "values" else f"`{one}`" for one in found) or "-"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(rows()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
