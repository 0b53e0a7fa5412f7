"""Record and protocol: the same product, amounts, sessions, groups and limits?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.rules.frame import PROTOCOL, Case, Found, quote, rule
from theratrial.registry.rules.planned import (
    NUMBER,
    SAY_THE_SAME,
    assumed,
    number,
    of_protocol,
    said_in,
    spans,
    treatment_words,
    where_it_stands,
)
from theratrial.registry.rules.words import whole_text

_NUCLIDES: Final = (
    *("Lu-177", "Y-90", "I-131", "Ac-225", "Tb-161", "Ra-223", "Sm-153", "Re-186", "Re-188", "Ho-166", "Bi-213"),
    *("Pb-212", "At-211", "Cu-67", "Ga-68", "Zr-89", "F-18", "Cu-64", "I-124", "I-123", "Tc-99m", "In-111"),
)
_ELEMENTS: Final = {
    "Lu-177": "lutetium",
    "Y-90": "yttrium",
    "I-131": "iodine",
    "Ac-225": "actinium",
    "Ga-68": "gallium",
}
_MBQ: Final = {"gbq": 1000.0, "mbq": 1.0, "mci": 37.0, "گیگابکرل": 1000.0, "مگابکرل": 1.0}
_ACTIVITY: Final = re.compile(r"(?<![\d.])(\d{1,6}(?:\.\d{1,4})?)\s?(gbq|mbq|mci|گیگابکرل|مگابکرل)(?!/)", re.IGNORECASE)
_MASS: Final = re.compile(r"(?<![\d.])(\d{1,6}(?:\.\d{1,4})?)\s?(?:mg|میلی ?گرم)\b(?!\s*/)", re.IGNORECASE)
_SESSIONS: Final = re.compile(
    rf"(?:at most|up to|maximum of|maximum|حداکثر)\s+({NUMBER})\s+(?:\w+\s+)?"
    r"(?:sessions?|cycles?|injections?|administrations?|جلسه)",
    re.IGNORECASE,
)
_APART: Final = r"\s*(?:apart|interval)"
_ORGANS: Final = {"kidneys": r"kidneys?|renal|کلیه", "red_marrow": r"(?:red |bone )?marrow|مغز (?:قرمز )?استخوان",
                  "liver": r"liver|hepatic|کبد", "lungs": r"lungs?|ریه", "heart": r"heart|قلب"}  # fmt: skip


@rule(
    "protocol-nuclide-differs",
    Severity.ERROR,
    PROTOCOL,
    "Record and protocol name different radionuclides",
    "رادیونوکلیدهای سوابق و پروتکل یکی نیست",
)
def nuclide_differs(case: Case) -> Iterator[Found]:
    if case.protocol is None:
        return
    words, planned = whole_text(case.record), {}
    for key, clause in case.protocol.products.items():
        if clause.reading is not None:
            planned[clause.reading.nuclide] = key
    named = {one for one in {*_NUCLIDES, *planned} if _named(one, words)}
    if not named:
        return  # Nothing of the kind is said: other rules ask for it.
    for nuclide in sorted(set(planned) - named):
        product = case.protocol.products[planned[nuclide]].reading
        name = product.name if product else planned[nuclide]
        yield Found(
            where_it_stands(case),
            Sentence(
                f"The protocol gives {name} ({nuclide}); the record nowhere names {nuclide}",
                f"پروتکل {name} ({nuclide}) دارد؛ سوابق هیچ‌جا {nuclide} را نام نمی‌برد",
            ),
            SAY_THE_SAME,
            (of_protocol(nuclide, f"products.{planned[nuclide]}"),),
        )
    for nuclide in sorted(named - set(planned)):
        yield Found(
            where_it_stands(case),
            Sentence(
                f"The record names {nuclide}; the protocol's products have {', '.join(sorted(planned))}",
                f"سوابق {nuclide} را نام می‌برد؛ محصولات پروتکل {'، '.join(sorted(planned))} است",
            ),
            SAY_THE_SAME,
            (quote(case, where_it_stands(case)),),
        )


def _named(nuclide: str, words: str) -> bool:
    symbol, mass = (re.escape(part) for part in nuclide.casefold().split("-"))
    name = _ELEMENTS.get(nuclide)
    forms = [rf"\b{mass} ?-?{symbol}\b", rf"\b{symbol} ?-?{mass}\b", rf"\[{mass} ?{symbol}\]"]
    forms += [rf"\b{name}[- ]?{mass}\b", rf"\b{mass}[- ]?{name}\b"] if name else []
    return any(re.search(form, words) for form in forms)


@rule(
    "protocol-treatment-differs",
    Severity.ERROR,
    PROTOCOL,
    "Activity, mass, number or interval of sessions are not the protocol's",
    "فعالیت، جرم، شمار یا فاصلهٔ جلسه‌ها جز آن است که در پروتکل است",
)
def treatment_differs(case: Case) -> Iterator[Found]:
    for name, name_fa, said, planned, agrees in _amounts(case):
        if said and not agrees:
            path, words = said[0]
            extra = assumed(case.protocol.sessions) if case.protocol else Sentence("")
            yield Found(
                path,
                Sentence(
                    f"{name}: '{words}' in the record, {planned} in the protocol{extra.en}",
                    f"{name_fa}: در سوابق «{words}» و در پروتکل {planned}{extra.fa}",
                ),
                SAY_THE_SAME,
                (Quote(words, path), of_protocol(planned, "sessions")),
            )


@rule(
    "protocol-treatment-only-in-protocol",
    Severity.WARNING,
    PROTOCOL,
    "The protocol gives amounts and numbers of the treatment that the record leaves out",
    "پروتکل مقدارها و شمارهایی از درمان دارد که در سوابق نیست",
)
def treatment_only_in_protocol(case: Case) -> Iterator[Found]:
    lacking = [(name, name_fa, planned) for name, name_fa, said, planned, _ in _amounts(case) if not said]
    if lacking and case.protocol is not None:
        extra = assumed(case.protocol.sessions)
        yield Found(
            where_it_stands(case),
            Sentence(
                "Only in the protocol: " + "; ".join(f"{name} {planned}" for name, _, planned in lacking) + extra.en,
                "تنها در پروتکل: " + "؛ ".join(f"{name} {planned}" for _, name, planned in lacking) + extra.fa,
            ),
            Sentence(
                "Register what is given: once it is decided in the trial, and not before",
                "آنچه داده می‌شود ثبت کنید: پس از آن که در کارآزمایی تصمیم گرفته شد و نه پیش از آن",
            ),
            tuple(of_protocol(f"{name}: {planned}", "sessions") for name, _, planned in lacking),
        )


def _amounts(case: Case) -> Iterator[tuple[str, str, list[tuple[str, str]], str, bool]]:
    """(name, name in Persian, what the record says and where, what the protocol says, whether they agree)."""
    sessions = case.protocol.sessions.reading if case.protocol else None
    if sessions is None:
        return
    texts = list(treatment_words(case))
    activities = [
        (path, match) for path, words in texts for match in _ACTIVITY.finditer(words) if _single(words, match)
    ]
    planned = sessions.administered_activity_MBq
    yield (
        "activity per session",
        "فعالیت هر جلسه",
        [(path, match[0]) for path, match in activities],
        f"{planned / 1000:g} GBq" if planned >= 1000 else f"{planned:g} MBq",
        any(abs(float(match[1]) * _MBQ[match[2].casefold()] / planned - 1) < 0.02 for _, match in activities),
    )
    if sessions.antibody_mass_mg is not None:
        masses = [(path, match) for path, words in texts for match in _MASS.finditer(words)]
        yield (
            "antibody mass",
            "جرم آنتی‌بادی",
            [(path, match[0]) for path, match in masses],
            f"{sessions.antibody_mass_mg:g} mg",
            any(float(match[1]) == sessions.antibody_mass_mg for _, match in masses),
        )
    counts = [(path, match) for path, words in texts for match in _SESSIONS.finditer(words)]
    yield (
        "largest number of sessions",
        "بیشترین شمار جلسه‌ها",
        [(path, match[0]) for path, match in counts],
        f"{sessions.maximum_sessions}",
        any(number(match[1]) == sessions.maximum_sessions for _, match in counts),
    )
    apart = [(path, span) for path, words in texts for span in spans(words, _APART)]
    window = sessions.interval_days
    if apart:
        yield (
            "interval of sessions",
            "فاصلهٔ جلسه‌ها",
            [(path, span.text) for path, span in apart],
            f"{window.minimum:g}-{window.maximum:g} days",
            any(span.is_window(window.minimum, window.maximum) for _, span in apart),
        )


def _single(words: str, match: re.Match[str]) -> bool:
    """Whether it is the activity of one session: not a sum, not a limit."""
    return not re.search(
        r"cumulative|total|altogether|تجمعی|مجموع", words[max(0, match.start() - 50) : match.start()], re.I
    )


@rule(
    "protocol-arms-differ",
    Severity.ERROR,
    PROTOCOL,
    "The groups are not the protocol's",
    "گروه‌های سوابق گروه‌های پروتکل نیست",
)
def arms_differ(case: Case) -> Iterator[Found]:
    if case.protocol is None:
        return
    arms, assignment, groups = len(case.protocol.arms), case.record.design.assignment.code, case.record.interventions
    single, said = assignment == "single", said_in(case, "design.assignment")
    if (assignment and assignment != "other" and single != (arms == 1)) or (groups and len(groups) != arms):
        yield Found(
            "design.assignment" if assignment else "interventions[0].description",
            Sentence(
                f"The record has {len(groups)} intervention group(s), assigned '{said.en}'; the protocol has {arms}",
                f"سوابق {len(groups)} گروه مداخله با تخصیص «{said.fa}» دارد؛ پروتکل {arms} گروه دارد",
            ),
            SAY_THE_SAME,
            (quote(case, "design.assignment"), of_protocol(", ".join(case.protocol.arms), "arms")),
        )


@rule(
    "protocol-ctcae-differs",
    Severity.ERROR,
    PROTOCOL,
    "Toxicity is graded by another version of CTCAE than in the protocol",
    "نسخهٔ CTCAE جز نسخهٔ پروتکل است",
)
def ctcae_differs(case: Case) -> Iterator[Found]:
    gate = case.protocol.safety_gate.reading if case.protocol else None
    if gate is None:
        return
    found = set(re.findall(r"ctcae[^.;0-9]{0,12}(\d(?:\.\d)?)", whole_text(case.record)))
    if found and not any(float(one) == float(gate.ctcae_version) for one in found):
        yield Found(
            where_it_stands(case),
            Sentence(
                f"CTCAE {', '.join(sorted(found))} in the record, {gate.ctcae_version} in the protocol",
                f"CTCAE در سوابق {'، '.join(sorted(found))} و در پروتکل {gate.ctcae_version} است",
            ),
            SAY_THE_SAME,
            (of_protocol(gate.ctcae_version, "safety_gate.ctcae_version"),),
        )


@rule(
    "protocol-dose-limit-differs",
    Severity.ERROR,
    PROTOCOL,
    "An organ has another dose limit than in the protocol",
    "حد دوز یک اندام جز حد پروتکل است",
)
def dose_limit_differs(case: Case) -> Iterator[Found]:
    clause = case.protocol.dose_limits if case.protocol else None
    plan = clause.reading if clause else None
    for organ, limit in (plan.limits if plan else {}).items():
        pattern = _ORGANS.get(organ)
        for path, words in treatment_words(case) if pattern else ():
            match = re.search(
                rf"(?:{pattern})\b(?:(?!\bgy\b)[^.;,]){{0,30}}?(?<![\d.])(\d{{1,4}}(?:\.\d{{1,2}})?)\s?(?:gy\b|گری)",
                words,
                re.I,
            )
            if clause is not None and match and float(match[1]) != limit.absorbed_dose_Gy:
                extra = assumed(clause)
                yield Found(
                    path,
                    Sentence(
                        f"'{match[0]}' in the record, {limit.absorbed_dose_Gy:g} Gy in the protocol{extra.en}",
                        f"در سوابق «{match[0]}» و در پروتکل {limit.absorbed_dose_Gy:g} گری{extra.fa}",
                    ),
                    SAY_THE_SAME,
                    (Quote(match[0], path), of_protocol(limit.citation, f"dose_limits.{organ}")),
                )
                break
