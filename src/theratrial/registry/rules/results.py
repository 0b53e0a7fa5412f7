"""Summary results: whether they are there, whole, dated, and can be there already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from theratrial.registry.fields import field_of
from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.periods import months_later
from theratrial.registry.record import SummaryResults
from theratrial.registry.rules.frame import CONSISTENCY, TRDS, WHO_RESULTS, Case, Found, quote, rule
from theratrial.registry.rules.required import OVER

_PARTS: Final = ("participant_flow", "baseline", "outcome_measures", "adverse_events")
_URL: Final = re.compile(r"https?://[^\s/.]+\.[^\s]+", re.IGNORECASE)


def _told(results: SummaryResults) -> bool:
    """Whether results themselves are in the record, not a link alone."""
    return bool(results.summary) or any(getattr(results, name) for name in _PARTS)


@rule(
    "results-absent",
    Severity.WARNING,
    TRDS.format(23),
    "Recruitment is over and no summary results are registered",
    "بیمارگیری پایان یافته و خلاصهٔ نتایج ثبت نشده است",
)
def results_absent(case: Case) -> Iterator[Found]:
    """Silent for twelve months after the last day that the record gives."""
    results, recruitment = case.record.results, case.record.recruitment
    if recruitment.status.code not in OVER or _told(results) or results.urls or results.posted_on:
        return
    ended = recruitment.trial_completion or recruitment.actual_end or recruitment.expected_end
    if ended is None or months_later(ended.gregorian, 12) < case.today:
        yield Found(
            "results.summary",
            Sentence("No summary results are registered", "خلاصهٔ نتایج ثبت نشده است"),
            Sentence(
                "Register participant flow, baseline, outcomes and adverse events, or say when they will follow",
                "جریان شرکت‌کنندگان، ویژگی‌های پایه، پیامدها و رویدادهای نامطلوب را ثبت کنید یا بگویید کی خواهد آمد",
            ),
            (quote(case, "recruitment.status"), quote(case, "recruitment.expected_end")),
        )


@rule(
    "results-incomplete",
    Severity.WARNING,
    TRDS.format(23),
    "Results are registered and lack a part",
    "نتایج ثبت شده و بخشی از آن نیامده است",
)
def results_incomplete(case: Case) -> Iterator[Found]:
    results = case.record.results
    empty = [f"results.{name}" for name in _PARTS if not getattr(results, name)]
    if _told(results) and empty:
        yield Found(
            empty[0],
            Sentence(
                "The results lack: " + ", ".join(field_of(path).en for path in empty),
                "در نتایج نیامده است: " + "، ".join(field_of(path).fa for path in empty),
            ),
            Sentence(
                "Add it from the analysis; no adverse event is a result too",
                "آن را از آنالیز بیفزایید؛ نبود رویداد نامطلوب هم نتیجه است",
            ),
            (quote(case, "results.summary"),),
        )


@rule(
    "results-by-link-only",
    Severity.INFO,
    WHO_RESULTS,
    "Results are given by a link alone",
    "نتایج تنها با نشانی اینترنتی آمده است",
)
def results_by_link_only(case: Case) -> Iterator[Found]:
    results = case.record.results
    if results.urls and not _told(results):
        yield Found(
            "results.urls",
            Sentence(
                "A link leads to results; the record itself says nothing of them",
                "نشانی به نتایج می‌رسد؛ خود سوابق چیزی از آن نمی‌گوید",
            ),
            Sentence(
                "WHO asks for the key outcomes in the registry: links break and papers may be paid for",
                "سازمان جهانی بهداشت پیامدهای اصلی را در خود مرکز ثبت می‌خواهد: "
                "نشانی‌ها می‌شکنند و مقاله‌ها شاید رایگان نباشند",
            ),
            (quote(case, "results.urls"),),
        )


@rule(
    "results-without-date",
    Severity.WARNING,
    TRDS.format(23),
    "Results without the day on which they were posted",
    "نتایج بی تاریخ انتشار",
)
def results_without_date(case: Case) -> Iterator[Found]:
    results = case.record.results
    if (_told(results) or results.urls) and results.posted_on is None and results.first_published_on is None:
        yield Found(
            "results.posted_on",
            Sentence("Results are there; when they were posted is not said", "نتایج هست؛ تاریخ انتشارش گفته نشده است"),
            Sentence("Enter the day", "روز آن را وارد کنید"),
            (quote(case, "results.summary"),),
        )


@rule(
    "results-before-the-end",
    Severity.ERROR,
    CONSISTENCY,
    "Results were posted before recruitment was over",
    "نتایج پیش از پایان بیمارگیری منتشر شده است",
)
def results_before_the_end(case: Case) -> Iterator[Found]:
    recruitment, results = case.record.recruitment, case.record.results
    ended = recruitment.primary_completion or recruitment.actual_end
    for path, day in (
        ("results.posted_on", results.posted_on),
        ("results.first_published_on", results.first_published_on),
    ):
        early = ended is not None and day is not None and day.gregorian < ended.gregorian
        running = day is not None and recruitment.status.code in ("not_yet_recruiting", "recruiting")
        if day is not None and (early or running):
            yield Found(
                path,
                Sentence(
                    f"Results of {day.pair}, while participants were still enrolled or measured",
                    f"نتایج در {day.pair} آمده است، هنگامی که بیمارگیری یا اندازه‌گیری هنوز ادامه داشت",
                ),
                Sentence(
                    "Check the dates and the status; of an interim analysis say that it is one",
                    "تاریخ‌ها و وضعیت را بازبینی کنید؛ اگر آنالیز میانی است همین را بگویید",
                ),
                (quote(case, path), quote(case, "recruitment.status"), quote(case, "recruitment.actual_end")),
            )


@rule(
    "results-address-broken",
    Severity.WARNING,
    TRDS.format(23),
    "An address of results is none",
    "نشانی نتایج نشانی نیست",
)
def results_address_broken(case: Case) -> Iterator[Found]:
    given = [("results.urls", one) for one in case.record.results.urls]
    given.append(("results.protocol_url", case.record.results.protocol_url))
    for path, address in given:
        if address and not _URL.fullmatch(address.strip()):
            yield Found(
                path,
                Sentence(f"'{address}' is no web address", f"«{address}» نشانی اینترنتی نیست"),
                Sentence("Write it in full, with https://", "آن را کامل و با ‎https://‎ بنویسید"),
                (Quote(address, path),),
            )
