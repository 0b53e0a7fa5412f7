"""The report of a release: JSON for machines, one page for people. Holds nothing that is not in the release itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any, Final

from theratrial.sharing.images.comparison import TOLERANCE
from theratrial.sharing.images.profile import METHOD_CODES
from theratrial.sharing.images.values import Report, Withheld

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "td,th{border-bottom:1px solid #ddd;padding:.25rem .6rem;text-align:left;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#a40000;font-weight:600}.good{color:#006b2e}"
    "img{max-width:16rem;border:1px solid #999}"
)


def report_values(report: Report) -> dict[str, Any]:
    """The report as plain values, with what it found first."""
    return {
        "release": report.release,
        "faults": list(report.faults),
        "method_codes": [{"scheme": "DCM", "value": v, "meaning": m} for v, m in METHOD_CODES],
        "tolerance_relative": TOLERANCE,
        **{key: value for key, value in asdict(report).items() if key != "release"},
    }


def write_report(report: Report, folder: Path) -> None:
    """Write ``report.json`` and ``report.html`` into the release."""
    text = json.dumps(report_values(report), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.html").write_text(report_page(report), encoding="utf-8")


def report_page(report: Report) -> str:
    """The report as one page."""
    held = sum(one.holds for one in report.series)
    pixels = sum(one.pixels_identical for one in report.series)
    with_pixels = sum(one.with_pixels for one in report.series)
    facts = [
        ("participants", report.participants),
        ("objects", report.objects),
        ("series whose numbers are unchanged", f"{held} of {len(report.series)}"),
        ("objects whose stored pixels are the same bytes", f"{pixels} of {with_pixels}"),
        (
            "intervals between scans kept exactly",
            f"{report.intervals_compared - report.intervals_off} of {report.intervals_compared}",
        ),
        (
            "references between objects that still lead somewhere",
            f"{report.references_after} of {report.references_before}",
        ),
        ("strings of participants searched for, in 15 encodings", report.strings_searched),
        ("original dates searched for", report.dates_searched),
        ("original UIDs searched for", report.uids_searched),
        ("found", len(report.leaks)),
        ("ordinary words not searched for (anonymous, patient)", report.ordinary_not_searched),
        ("single letters or digits not searched for", report.too_short_not_searched),
    ]
    proof = [
        (one.series, seen.quantity, seen.values, _number(seen.before), _number(seen.after),
         "-" if seen.relative_difference is None else f"{seen.relative_difference:.2g}",
         "agrees" if seen.agrees else "DIFFERS", seen.said)
        for one in report.series
        for seen in one.agreements
    ]  # fmt: skip
    parts = [
        f"<h1>Images without identity: {escape(report.release)}</h1>",
        "<p>DICOM PS3.15 Annex E: "
        + escape("; ".join(f"{meaning} ({value})" for value, meaning in METHOD_CODES))
        + f". A quantity agrees if it differs by at most {TOLERANCE:g} of its value. Where an array is "
        "compared, the value that differs most is shown.</p>",
        "<h2>What was checked</h2>" + _table(("what", "result"), [(name, str(value)) for name, value in facts]),
    ]
    if report.faults:
        parts.append(
            "<h2 class='bad'>Refused</h2><ul>" + "".join(f"<li>{escape(f)}</li>" for f in report.faults) + "</ul>"
        )
    heads = ("series", "quantity", "values", "before", "after", "relative difference", "", "")
    parts += [
        "<h2>The same numbers before and after</h2>" + _table(heads, proof),
        "<h2>What was done, by element</h2>" + _table(("element", "done", "times"), report.actions),
        "<h2>What was withheld</h2>"
        + (_table(("modality", "why", "objects"), report.withheld) if report.withheld else "<p>Nothing.</p>"),
    ]
    return _page(f"Images without identity: {report.release}", parts)


def review_page(withheld: Sequence[Withheld], pictures: Sequence[str]) -> str:
    """The page for the person who looks at what was withheld. It names files and shows pictures: it stays home.

    Parameters
    ----------
    pictures
        File name of each one's picture beside the page, "" where it has none.
    """
    rows = [
        f"<tr><td>{escape(one.modality)}</td><td>{escape(one.because)}</td><td>{escape(one.place)}<br>"
        f"<small>{escape(one.series_uid)}</small></td><td>{'yes' if one.needs_a_look else 'no'}</td>"
        f"<td>{f'<img src={chr(34)}{escape(name)}{chr(34)} alt={chr(34)}{chr(34)}>' if name else ''}</td></tr>"
        for one, name in zip(withheld, pictures, strict=True)
    ]
    table = (
        "<table><thead><tr><th>modality</th><th>why</th><th>file and series</th><th>may be released after a look</th>"
        "<th>picture</th></tr></thead><tbody>" + "".join(rows) + "</tbody></table>"
    )
    said = (
        "<p class='bad'>This page may show names. It stays with those who hold the key; never send it along.</p>"
        "<p>Look at each picture at its full size. Where nobody is named, release the series with "
        "<code>--reviewed SERIES_UID</code>.</p>"
    )
    return _page("Withheld from the release", ["<h1>Withheld from the release</h1>", said, table])


def _page(title: str, parts: Sequence[str]) -> str:
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body>" + "\n".join(parts) + "</body></html>\n"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(cell: object) -> str:
    text = escape(str(cell))
    kind = (
        " class='n'" if isinstance(cell, int) else {"agrees": " class='good'", "DIFFERS": " class='bad'"}.get(text, "")
    )
    return f"<td{kind}>{text}</td>"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.9g}"
