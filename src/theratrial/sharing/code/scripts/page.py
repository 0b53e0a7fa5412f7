"""One page with every recomputed table and figure, and what differs from what was published."""

from html import escape
from pathlib import Path
from typing import Any

Plan = dict[str, Any]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #d8dde3; vertical-align: top; }
th { border-bottom: 2px solid #7b8794; }
p.good, p.bad { padding: .6rem .9rem; border-left: 5px solid #1b7837; background: #eef6ef; }
p.bad { border-color: #c2543b; background: #fbefec; }
img { max-width: 100%; }
"""


def write(
    path: Path, plan: Plan, made: Any, pictures: list[tuple[str, str]], differences: list[str], unknown: list[str]
) -> None:
    """The page, beside the figures that it shows."""
    said = [f"<p class='bad'>{escape(one)}</p>" for one in differences]
    if not said:
        said = ["<p class='good'>Every published table was recomputed and agrees to the printed digits.</p>"]
        said += [f"<p>Not compared with what was shared: {escape(one)}</p>" for one in unknown]
    if plan["simulated"]:
        said.insert(0, "<p class='bad'>SIMULATED: the participants are virtual, no person exists.</p>")
    if plan["demonstration_assumptions"]:
        many = plan["demonstration_assumptions"]
        said.insert(0, f"<p class='bad'>{many} clauses of the protocol rest on assumptions made for demonstration.</p>")
    body = [f"<h1>{escape(plan['trial'])}: recomputed from the shared tables</h1>", *said]
    for table in made.values():
        body.append(f"<h2>{escape(table['title'])}</h2>{_table(table)}")
    for file, title in pictures:
        body.append(f"<h2>{escape(title)}</h2><img src='{escape(file)}' alt='{escape(title)}'>")
    head = f"<meta charset='utf-8'><title>{escape(plan['trial'])}</title><style>{STYLE}</style>"
    text = f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>"
    path.write_text(text, encoding="utf-8")


def _table(table: Any) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in table["columns"])
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table["rows"])
    return f"<table><tr>{head}</tr>{rows}</table>"
