"""The published tables, each a function of the shared data sets. A record is counted once, by the rule beside it."""

# mypy: disable-error-code=import-not-found
# ruff: noqa: ARG001, ARG005 (every table is called alike)

import statistics
from typing import Any

from methods import INTERVALS, exact_p, kaplan_meier, median_of, rank_correlation
from printing import NOT_KNOWN, change, count, number, percent

Record = dict[str, Any]
Data = dict[str, list[Record]]
Plan = dict[str, Any]
Table = dict[str, Any]

GRADES = (1, 2, 3, 4, 5)


def every_table(data: Data, plan: Plan) -> tuple[dict[str, Table], dict[str, str]]:
    """(name -> table, name -> why it could not be made). A table: title, columns, rows of text."""
    made, failures = {}, {}
    for name, make in TABLES.items():
        try:
            table = make(data, plan)
        except (KeyError, ValueError, ZeroDivisionError, StopIteration) as error:
            failures[name] = f"{type(error).__name__}: {error}"
            continue
        if table is not None:
            made[name] = table
    return made, failures


def _table(title: str, columns: Any, rows: Any) -> Table:
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows]}


# Response ------------------------------------------------------------------------------------------------------------


def answers(data: Data, parameter: str) -> dict[str, str]:
    """Subject -> Y (success) or N (failure) under one way of counting; who is left out of it is not there."""
    return {
        one["USUBJID"]: one["AVALC"] for one in data["ADRS"] if one["PARAMCD"] == parameter and one["ANL01FL"] == "Y"
    }


def categories(data: Data) -> dict[str, str]:
    """Subject -> the response that stands by the rule of the protocol."""
    return {
        one["USUBJID"]: one["AVALC"] for one in data["ADRS"] if one["PARAMCD"] == "RSPPROT" and one["ANL01FL"] == "Y"
    }


def changes(data: Data) -> dict[str, float]:
    """Subject -> percent change of the hottest target, where it is known."""
    return {
        one["USUBJID"]: one["AVAL"] for one in data["ADRS"] if one["PARAMCD"] == "PCHGHOT" and one["AVAL"] is not None
    }


def primary(data: Data, plan: Plan) -> Table | None:
    """The primary endpoint: categories, successes, proportion with its interval, and the exact test where planned."""
    endpoint = plan["endpoint"]
    counted, read = answers(data, "DCPRIM"), categories(data)
    found = [read.get(who, "NE") for who in counted]
    x, n = sum(one == "Y" for one in counted.values()), len(counted)
    rows = [(name, count(found.count(name))) for name in endpoint["categories"]]
    rows += [("Analysed", count(n)), ("Successes", count(x))]
    if n:
        lower, upper = INTERVALS[endpoint["method"]](x, n, endpoint["level"])
        rows += [("Proportion", percent(x / n)), ("Lower limit", percent(lower)), ("Upper limit", percent(upper))]
    if n and plan["test"] is not None:
        rows.append(("One-sided exact p", f"{exact_p(x, n, plan['test']['null_fraction']):.4f}"))
    return _table(endpoint["title"], ("", "Value"), rows)


def sensitivity(data: Data, plan: Plan) -> Table | None:
    """The same proportion counted otherwise, and by other intervals."""
    rows = []
    for way in plan["sensitivity"]:
        counted = answers(data, way["parameter"])
        x, n = sum(one == "Y" for one in counted.values()), len(counted)
        if not n:
            rows.append((way["name"], "0", "0", NOT_KNOWN, NOT_KNOWN, NOT_KNOWN))
            continue
        lower, upper = INTERVALS[way["method"]](x, n, plan["endpoint"]["level"])
        rows.append((way["name"], count(x), count(n), percent(x / n), percent(lower), percent(upper)))
    columns = ("Analysis", "Successes", "Analysed", "Proportion", "Lower limit", "Upper limit")
    return _table("Primary and sensitivity analyses", columns, rows) if rows else None


def bars(data: Data) -> list[tuple[float | None, str]]:
    """(change or None, category) of every treated subject: the greatest rise first, the unknown last."""
    read, moved = categories(data), changes(data)
    found = [(moved.get(who), category) for who, category in read.items()]
    known = sorted(((value, name) for value, name in found if value is not None), key=lambda one: (-one[0], one[1]))
    return known + sorted(((None, name) for value, name in found if value is None), key=lambda one: one[1])


def response(data: Data, plan: Plan) -> Table | None:
    """Response of every treated subject, without saying whose it is."""
    rows = [(change(value), name) for value, name in bars(data)]
    return _table("Response by participant", ("Change of uptake", "Category"), rows)


# Time to event -------------------------------------------------------------------------------------------------------


def curve(data: Data, one: Plan) -> tuple[list[float], list[bool]]:
    """(times [months], whether each ended with the event) of one time to event."""
    records = [record for record in data["ADTTE"] if record["PARAMCD"] == one["parameter"]]
    return [record["AVAL"] for record in records], [record["CNSR"] == 0 for record in records]


def survival(data: Data, plan: Plan) -> Table | None:
    """Medians with their intervals, and the median follow-up by the reverse estimate."""
    rows = []
    for one in plan["survival"]:
        times, had = curve(data, one)
        if not times:
            rows.append((one["title"], "0", "0", *(NOT_KNOWN,) * 6))
            continue
        asked = (one["transform"], one["level"])
        medians = median_of(kaplan_meier(times, had, *asked))
        follow = median_of(kaplan_meier(times, [not event for event in had], *asked))
        rows.append((one["title"], count(len(times)), count(sum(had)), *map(number, medians), *map(number, follow)))
    columns = ["Time", "Analysed", "Events", "Median", "Lower limit", "Upper limit"]
    columns += ("Median follow-up", "Lower limit of follow-up", "Upper limit of follow-up")
    return _table("Time to event, in months (Kaplan-Meier)", columns, rows) if rows else None


def survival_steps(data: Data, plan: Plan) -> Table | None:
    """Every step of every curve."""
    rows = []
    for one in plan["survival"]:
        times, had = curve(data, one)
        for time, at_risk, events, censored, left, lower, upper in kaplan_meier(
            times, had, one["transform"], one["level"]
        ):
            counts = (count(at_risk), count(events), count(censored))
            rows.append((one["title"], number(time), *counts, percent(left), percent(lower), percent(upper)))
    columns = ("Time to event", "Months", "At risk", "Events", "Censored", "Estimate", "Lower limit", "Upper limit")
    return _table("Steps of the curves", columns, rows) if rows else None


# Safety --------------------------------------------------------------------------------------------------------------


def emergent(data: Data) -> list[Record]:
    """Adverse events that count: of treated subjects, from the day of the first session on."""
    return [one for one in data["ADAE"] if one["SAFFL"] == "Y" and one["TRTEMFL"] == "Y"]


def worst_grades(events: list[Record]) -> dict[str, float]:
    """Subject -> her worst grade among these events."""
    worst: dict[str, float] = {}
    for one in events:
        worst[one["USUBJID"]] = max(one["AETOXGRN"], worst.get(one["USUBJID"], 0))
    return worst


def _event_line(first: str, second: str, events: list[Record]) -> tuple[str, ...]:
    worst = list(worst_grades(events).values())
    related = {one["USUBJID"] for one in events if one["ARELFL"] == "Y"}
    serious = {one["USUBJID"] for one in events if one["AESER"] == "Y"}
    grades = [count(worst.count(grade)) for grade in GRADES]
    return (first, second, count(len(worst)), *grades, count(len(related)), count(len(serious)), count(len(events)))


def term_name(event: Record) -> str:
    """The term that is counted, as the report writes it: what no list coded stands in AEDECOD in capitals."""
    return str(event["AETERM"] if event["AETERM"].upper() == event["AEDECOD"] else event["AEDECOD"])


def adverse(data: Data, plan: Plan) -> Table | None:
    """Subjects by the worst grade, by class and term: each once per line, so that terms do not add up to a class."""
    classes: dict[str, dict[str, list[Record]]] = {}
    for one in emergent(data):
        name = one["AEBODSYS"] or plan["no_class"]
        classes.setdefault(name, {}).setdefault(one["AEDECOD"].casefold(), []).append(one)
    rows = []
    for name in sorted(classes, key=lambda one: (one == plan["no_class"], *_often(_all(classes[one]), one))):
        terms = classes[name]
        rows.append(_event_line(name, "all terms", _all(terms)))
        for held in sorted(terms.values(), key=lambda one: _often(one, term_name(one[0]))):
            rows.append(_event_line(name, term_name(held[0]), held))
    columns = ("Class", "Term", "Participants", *(f"Grade {grade}" for grade in GRADES), "Related", "Serious", "Events")
    return _table("Adverse events by worst grade", columns, rows)


def _all(terms: dict[str, list[Record]]) -> list[Record]:
    return [one for held in terms.values() for one in held]


def _often(events: list[Record], name: str) -> tuple[int, str]:
    return -len({one["USUBJID"] for one in events}), name


KINDS = (
    ("Any adverse event", lambda one: True),
    ("Related to the treatment", lambda one: one["ARELFL"] == "Y"),
    ("Grade 3 or worse", lambda one: one["AETOXGRN"] >= 3),
    ("Grade 3 or worse and related", lambda one: one["AETOXGRN"] >= 3 and one["ARELFL"] == "Y"),
    ("Serious", lambda one: one["AESER"] == "Y"),
    ("Serious and related", lambda one: one["AESER"] == "Y" and one["ARELFL"] == "Y"),
    ("Leading to the end of treatment", lambda one: one["DISCFL"] == "Y"),
    ("Fatal (grade 5, or with fatal outcome)", lambda one: one["FATALFL"] == "Y"),
)


def adverse_overview(data: Data, plan: Plan) -> Table | None:
    """Subjects with any event, a related, severe, serious or fatal one, and one that ended treatment."""
    rows = []
    for name, holds in KINDS:
        events = [one for one in emergent(data) if holds(one)]
        rows.append((name, count(len({one["USUBJID"] for one in events})), count(len(events))))
    return _table("Overview of adverse events", ("Kind", "Participants", "Events"), rows)


def laboratory_shift(data: Data, plan: Plan) -> Table | None:
    """Grade of the last value before the first session (ABLFL) against the worst grade after it (WORSTFL)."""
    treated = {one["USUBJID"] for one in data["ADSL"] if one["SAFFL"] == "Y"}
    rows = []
    for test in plan["laboratory_tests"]:
        records = [one for one in data["ADLB"] if one["PARAMCD"] == test["code"] and one["USUBJID"] in treated]
        before = {one["USUBJID"]: one["ATOXGR"] for one in records if one["ABLFL"] == "Y"}
        after = {one["USUBJID"]: one["ATOXGR"] for one in records if one["WORSTFL"] == "Y"}
        pairs = [(before.get(who), after.get(who)) for who in treated]
        for first in sorted({pair[0] for pair in pairs}, key=lambda grade: grade or "9"):
            shown = [count(pairs.count((first, grade))) for grade in ("0", "1", "2", "3", "4", None)]
            total = sum(pair[0] == first for pair in pairs)
            rows.append((test["title"], f"grade {first}" if first else "no grade", *shown, count(total)))
    columns = ("Test", "Before treatment", *(f"Grade {grade}" for grade in range(5)), "No grade", "All")
    return _table("Shift of laboratory grades", columns, rows) if rows else None


# Dosimetry -----------------------------------------------------------------------------------------------------------


def _summary(values: list[float], digits: int = 3) -> tuple[str, ...]:
    if not values:
        return "0", NOT_KNOWN, NOT_KNOWN, NOT_KNOWN
    three = (statistics.median(values), min(values), max(values))
    return (count(len(values)), *(number(one, digits) for one in three))


def organ_doses(data: Data, plan: Plan) -> Table | None:
    """Absorbed dose of each organ over all sessions: median and range of the doses that have a value."""
    rows = []
    for organ in plan["organs"]:
        records = [one for one in data["ADDOS"] if one["PARAMCD"] == "CUMDOSE" and one["REGION"] == organ["region"]]
        values = [one["AVAL"] for one in records if one["AVAL"] is not None]
        limits = [one["DOSLIM"] for one in records if one["DOSLIM"] is not None]
        limit = number(limits[-1]) if limits else NOT_KNOWN
        unknown = sum(one["AVAL"] is None or one["NOUPFL"] == "Y" for one in records)
        rows.append((organ["title"], *_summary(values), limit, count(unknown)))
    columns = ["Organ", "Participants", "Median [Gy]", "Smallest [Gy]", "Greatest [Gy]", "Limit [Gy]"]
    columns += ("Undetermined or no upper bound",)
    return _table("Absorbed dose by organ over all sessions", columns, rows) if rows else None


def activities(data: Data, plan: Plan) -> Table | None:
    """Net activity given in each session."""
    given = [one for one in data["ADDOS"] if one["PARAMCD"] == "ADMACT"]
    rows = []
    for session in sorted({one["SESSION"] for one in given}):
        values = [one["AVAL"] for one in given if one["SESSION"] == session and one["AVAL"] is not None]
        rows.append((count(session), *_summary(values, 4)))
    columns = ("Session", "Participants", "Median [MBq]", "Smallest [MBq]", "Greatest [MBq]")
    return _table("Administered activity", columns, rows) if rows else None


def lesions(data: Data) -> dict[tuple[str, str], dict[str, Record]]:
    """(subject, lesion) -> parameter -> record."""
    found: dict[tuple[str, str], dict[str, Record]] = {}
    for one in data["ADTR"]:
        found.setdefault((one["USUBJID"], one["LESION"]), {})[one["PARAMCD"]] = one
    return found


def determined(record: Record) -> bool:
    """Whether a dose has a value and an upper limit: only then it is a point of the figure."""
    return record["AVAL"] is not None and record["AVALHI"] is not None


def dose_points(data: Data) -> list[tuple[str, Record, float]]:
    """(subject, dose record, change) of every lesion whose dose and change are both known."""
    return [
        (who, one["LSDOSE"], one["LSPCHG"]["AVAL"])
        for (who, _), one in lesions(data).items()
        if "LSDOSE" in one and "LSPCHG" in one and determined(one["LSDOSE"])
    ]


def dose_response(data: Data, plan: Plan) -> Table | None:
    """Lesions' absorbed dose against their change of uptake: exploratory, no test."""
    with_dose = [one for one in lesions(data).values() if "LSDOSE" in one]
    if not with_dose:
        return None
    points = dose_points(data)
    changed = sum("LSPCHG" in one for one in with_dose)
    resolved = sum("LSSTAT" in one and one["LSSTAT"]["AVALC"] == "RESOLVED" for one in with_dose)
    rho, lower, upper = rank_correlation([one["AVAL"] for _, one, _ in points], [value for _, _, value in points])
    rows = [
        ("Participants", count(len({who for who, _, _ in points}))),
        ("Lesions with dose and change", count(len(points))),
        ("Lesions with a change and an undetermined dose", count(changed - len(points))),
        ("Lesions resolved", count(resolved)),
        ("Spearman's rank correlation", number(rho)),
        ("Lower limit", number(lower)),
        ("Upper limit", number(upper)),
    ]
    return _table("Dose and response of lesions", ("", "Value"), rows)


TABLES = {
    "primary": primary,
    "sensitivity": sensitivity,
    "response": response,
    "survival": survival,
    "survival_steps": survival_steps,
    "adverse_overview": adverse_overview,
    "adverse": adverse,
    "laboratory_shift": laboratory_shift,
    "activities": activities,
    "organ_doses": organ_doses,
    "dose_response": dose_response,
}
