"""From the analysis to what registries are told: flow, baseline, outcomes, adverse events, and what limits them."""

from __future__ import annotations

from datetime import date
from typing import Final

from theratrial import __version__
from theratrial.pipeline.cut_off import cut_off
from theratrial.pipeline.registry_adverse import adverse_events, deaths
from theratrial.pipeline.registry_baseline import baseline
from theratrial.pipeline.registry_outcomes import outcomes
from theratrial.pipeline.registry_words import ENDED, failure_words
from theratrial.protocol.schema import Protocol
from theratrial.registry.found import Sentence
from theratrial.registry.outcome_links import linked
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.results_reported import Counted, ParticipantFlow, ReportedResults
from theratrial.results.values import ParticipantResult, TrialResult
from theratrial.trialfolder.records import TrialFolder

_NOT_TREATED: Final = Sentence("Not treated for another reason", "درمان‌نشده به دلیلی دیگر")


def reported_results(
    result: TrialResult,
    protocol: Protocol,
    *,
    folder: TrialFolder,
    record: RegistrationRecord | None = None,
    locked: bool | None = None,
    data_cut: date | None = None,
) -> ReportedResults:
    """The results of a trial as registries ask for them.

    Parameters
    ----------
    result
        Computed from `folder`; nothing is computed again here but means, counts and their spread.
    folder
        The records that hold what results do not: sex, height, weight, treatment before, adverse events in full.
    record
        The registration record whose outcomes are answered; default: the folder's own.
    locked
        Whether the data are locked; default: as the folder says, and a folder that says nothing is not.
    data_cut
        Until when the data go; default: the latest day that any record speaks of.
    """
    treated = [one for one in result.participants if one.sessions]
    registered = record or folder.registration
    arm_title, arm_description = _arm(protocol)
    reported = ReportedResults(
        number=(registered.registration.number if registered is not None else "") or result.trial_id,
        protocol=f"{result.trial_id}, {result.protocol_version}",
        data_cut=data_cut or cut_off(folder).astimezone(folder.zone).date(),
        locked=folder.locked if locked is None else locked,
        simulated=result.simulated,
        arm_title=arm_title,
        arm_description=arm_description,
        flow=participant_flow(result, protocol),
        baseline=baseline(treated, protocol, folder),
        outcomes=outcomes(result, treated, protocol, folder),
        adverse=adverse_events(treated, protocol, folder),
        limitations=_limitations(result, protocol, treated, folder),
        made_with=f"theratrial {__version__}",
    )
    return linked(reported, registered) if registered is not None else reported


def participant_flow(result: TrialResult, protocol: Protocol) -> ParticipantFlow:
    """Everybody screened, in one place at each step."""
    flow, failures, other = result.flow, [], 0
    for title, count in flow.screen_failures:
        words = failure_words(protocol, title)
        if words is None:  # somebody's own words: they may say who it was
            other += count
        else:
            failures.append(Counted(words, count))
    if other:
        failures.append(Counted(_NOT_TREATED, other))
    ended = dict(flow.ended)
    completed, ongoing = ended.pop("completed", 0), ended.pop("still in the trial", 0)
    return ParticipantFlow(
        screened=flow.screened,
        screen_failures=tuple(failures),
        started=flow.treated,
        sessions_given=flow.sessions_given,
        assessed=flow.response_assessed,
        completed=completed,
        not_completed=tuple(Counted(ENDED.get(name, Sentence(name, name)), ended[name]) for name in ended),
        ongoing=ongoing,
    )


def _arm(protocol: Protocol) -> tuple[Sentence, Sentence]:
    """What everybody treated was given, by the protocol."""
    plan = protocol.sessions.reading
    title = Sentence("Treated participants", "درمان‌شدگان")
    if plan is None:
        return title, Sentence("Given the study treatment at least once", "دست‌کم یک نوبت درمان مطالعه گرفتند")
    clause = protocol.products.get(plan.product)
    product = clause.reading if clause is not None else None
    name = product.name if product is not None else plan.product
    route = product.route if product is not None else ""
    in_persian = {"intravenous": " درون‌وریدی"}.get(route, f" ({route})" if route else "")
    weeks = f"{plan.interval_days.minimum:g} to {plan.interval_days.maximum:g} days"
    days = f"{plan.interval_days.minimum:g} تا {plan.interval_days.maximum:g} روز"
    return title, Sentence(
        f"{name}, {route or 'route not stated'}, {plan.administered_activity_MBq:g} MBq planned per session, at most "
        f"{plan.maximum_sessions} sessions, {weeks} apart",
        f"{name}{in_persian}، در هر نوبت {plan.administered_activity_MBq:g} مگابکرل برنامه‌ریزی‌شده، حداکثر "
        f"{plan.maximum_sessions} نوبت با فاصلهٔ {days}",
    )


def _limitations(
    result: TrialResult, protocol: Protocol, treated: list[ParticipantResult], folder: TrialFolder
) -> tuple[Sentence, ...]:
    """What a reader must know before believing it, the gravest first."""
    count, planned = len(treated), result.sample_size
    lost = result.flow.ended
    lost_count = dict(lost).get("lost_to_follow_up", 0)
    ongoing = dict(lost).get("still in the trial", 0)
    rule = protocol.response.reading
    without_end = count > 0 and deaths(treated, folder) is None
    said: list[tuple[object, Sentence]] = [
        (
            result.open_conflicts,
            Sentence(
                f"{len(result.open_conflicts)} clauses of the protocol are still open: nothing here may be used.",
                f"{len(result.open_conflicts)} بند پروتکل هنوز باز است: هیچ چیز اینجا قابل استفاده نیست.",
            ),
        ),
        (
            result.assumptions,
            Sentence(
                f"The analysis rests on {len(result.assumptions)} demonstration assumptions about what the protocol "
                "leaves open; nobody has decided them.",
                f"آنالیز بر {len(result.assumptions)} فرض نمایشی دربارهٔ آنچه پروتکل باز گذاشته استوار است؛ "
                "کسی دربارهٔ آن‌ها تصمیم نگرفته است.",
            ),
        ),
        (
            ongoing,
            Sentence(
                f"Interim: {ongoing} participants were still in the trial at the data cut.",
                f"میانی: {ongoing} شرکت‌کننده هنگام برداشت داده‌ها هنوز در مطالعه بودند.",
            ),
        ),
        (
            count < planned,
            Sentence(
                f"Fewer participants were treated than planned: {count} of {planned}.",
                f"شمار درمان‌شدگان از برنامه کمتر است: {count} از {planned}.",
            ),
        ),
        (
            True,
            Sentence(
                f"One group of {count} without comparator: what the treatment itself did cannot be told apart from the "
                "course of the disease, and intervals are wide.",
                f"یک گروه {count} نفری بدون گروه مقایسه: اثر خود درمان را از سیر بیماری نمی‌توان جدا کرد و "
                "بازه‌های اطمینان پهن است.",
            ),
        ),
        (
            rule is not None and rule.exploratory,
            Sentence(
                "The response criteria are exploratory: none is validated for this tracer.",
                "معیارهای پاسخ اکتشافی است: برای این ردیاب هیچ معیار معتبرشده‌ای نیست.",
            ),
        ),
        (
            lost_count,
            Sentence(
                f"{lost_count} treated were lost to follow-up; what happened to them afterwards is not known.",
                f"پیگیری {lost_count} نفر از درمان‌شدگان قطع شد؛ از حال آنان پس از آن خبری نیست.",
            ),
        ),
        (
            without_end,
            Sentence(
                "Deaths are not given: of some of the treated it is not recorded how their participation ended.",
                "شمار مرگ‌ها داده نشده است: پایان مشارکت برخی از درمان‌شدگان ثبت نشده است.",
            ),
        ),
    ]
    return tuple(sentence for holds, sentence in said if holds)
