"""The analysis as the protocol plans it: sample size and test, stopping rule, times to event, further criteria."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.protocol.schema import Protocol
from theratrial.report.blocks import Cell, Table, Terms, Text
from theratrial.report.study.blocks import Block
from theratrial.report.study.parts import absent, table, table_or
from theratrial.report.study.tables.criteria_options import options_in_words
from theratrial.report.study.tables.planned import said_of
from theratrial.report.study.voice import Voice
from theratrial.report.texts import in_percent


def design_table(voice: Voice, protocol: Protocol) -> Iterator[Block]:
    """The test with its operating characteristics, computed exactly from the protocol alone."""
    from theratrial.statistics.designs.single_stage import exact_test, single_stage
    from theratrial.statistics.proportion import proportion

    population, endpoint = protocol.population.reading, protocol.endpoint.reading
    plan = protocol.analysis.reading if protocol.analysis is not None else None
    if population is None or endpoint is None:
        yield absent(voice)
        return
    n = population.sample_size
    rows = []
    for x in range(n + 1):
        found = proportion(x, n, endpoint.interval_method, endpoint.confidence_level)
        rows.append(
            (
                Cell(str(x)),
                Cell(in_percent(found.estimate_fraction)),
                Cell(in_percent(found.lower_fraction)),
                Cell(in_percent(found.upper_fraction)),
            )
        )
    head = (voice("Successes"), voice("Proportion"), voice("Lower bound"), voice("Upper bound"))
    note = voice(
        "{method}, {level} % two-sided, for {n} participants.",
        method=voice.word(endpoint.interval_method),
        level=f"{endpoint.confidence_level * 100:g}",
        n=n,
    )
    yield table(voice("Every interval that can come out"), head, rows, note=note, style="narrow short")
    if plan is None or plan.test is None:
        yield Text(voice("The protocol plans no test: the proportion is estimated."))
        return
    test = plan.test
    rates = tuple(round(0.1 * k, 1) for k in range(1, 10) if round(0.1 * k, 1) > test.null_fraction)
    exact = exact_test(n, test.null_fraction, alpha=test.significance_fraction, rates=rates)
    yield Text(
        voice(
            "Exact one-sided test of the proportion against {null} at {alpha}: it rejects from {x} of {n} "
            "successes; the level kept is {kept}.",
            null=in_percent(test.null_fraction),
            alpha=in_percent(test.significance_fraction),
            x=exact.at_least,
            n=n,
            kept=in_percent(exact.alpha),
        )
    )
    powers = [(Cell(in_percent(rate)), Cell(in_percent(power))) for rate, power in exact.power]
    yield table(voice("Power of the test"), (voice("True proportion"), voice("Power")), powers, style="narrow short")
    if test.alternative_fraction is not None:
        proper = single_stage(test.null_fraction, test.alternative_fraction, alpha=test.significance_fraction, beta=0.2)
        yield Text(
            voice(
                "A single-stage design of {null} against {other} with the same level and 80 % power would need "
                "{n} participants, and reject from {x}.",
                null=in_percent(test.null_fraction),
                other=in_percent(test.alternative_fraction),
                n=proper.n,
                x=proper.r + 1,
            )
        )
    yield Text(voice("Source of the null proportion: {source}", source=voice.core(test.citation)))


def stopping_plan_blocks(voice: Voice, protocol: Protocol) -> tuple[Block, ...]:
    """Definition of dose-limiting toxicity and the stopping boundary with its exact characteristics."""
    blocks: list[Block] = []
    rule = protocol.toxicity.reading if protocol.toxicity is not None else None
    if rule is None:
        blocks.append(absent(voice))
    else:
        rows = [
            (voice("CTCAE version"), rule.ctcae_version),
            (voice("Sessions that count"), voice.word(rule.sessions)),
            (voice("Window after each administration"), voice("{n} days", n=f"{rule.window_days:g}")),
        ]
        for one in rule.laboratory:
            lasting = (
                voice("for more than {n} days", n=f"{one.lasting_days:g}") if one.lasting_days else voice("one value")
            )
            grade = voice("grade {n} or worse", n=one.minimum_grade)
            rows.append((voice.word(one.test), voice.clauses((grade, lasting))))
        if rule.events is not None:
            without = voice.listed(voice.core(term) for term in rule.events.except_terms)
            grade = voice("grade {n} or worse", n=rule.events.minimum_grade)
            rows.append(
                (
                    voice("Adverse events"),
                    voice.clauses((grade, f"{voice('except')}: {without}") if without else (grade,)),
                )
            )
        if rule.recovery is not None:
            names = voice.listed(voice.word(test) for test in rule.recovery.tests)
            text = voice(
                "not back to grade {n} within {days} days: {tests}",
                n=rule.recovery.maximum_grade,
                days=f"{rule.recovery.within_days:g}",
                tests=names,
            )
            rows.append((voice("Late recovery"), text))
        blocks += [Terms(tuple(rows)), *said_of(voice, protocol, "toxicity")]
    blocks += _boundary(voice, protocol)
    return tuple(blocks)


def _boundary(voice: Voice, protocol: Protocol) -> Iterator[Block]:
    from theratrial.report.study.tables.monitored import boundary_table, characteristics_table
    from theratrial.statistics.designs.bayesian import Beta, toxicity_boundary
    from theratrial.statistics.designs.stopping import characteristics, pocock_boundary

    plan = protocol.stopping.reading if protocol.stopping is not None else None
    if plan is None:
        yield Text(voice("The protocol has no rule that stops the trial for toxicity."), "quiet")
        return
    if plan.kind == "pocock":
        overall = plan.overall_probability_fraction
        assert overall is not None  # the schema refuses such a plan
        boundary = pocock_boundary(plan.participants, plan.acceptable_rate_fraction, overall=overall)
        yield Text(
            voice(
                "Continuous Pocock-type boundary for {n} participants: while the true rate is {rate}, the trial "
                "is stopped with a probability of at most {overall}.",
                n=plan.participants,
                rate=in_percent(plan.acceptable_rate_fraction),
                overall=in_percent(overall),
            )
        )
    else:
        assert plan.certainty_fraction is not None  # the schema refuses such a plan
        assert plan.prior_events is not None
        assert plan.prior_without is not None
        prior = (Beta(plan.prior_events, plan.prior_without),)
        boundary = toxicity_boundary(plan.participants, plan.acceptable_rate_fraction, plan.certainty_fraction, prior)
        yield Text(
            voice(
                "Bayesian boundary for {n} participants: stops where the rate is above {rate} with more than "
                "{certainty} probability.",
                n=plan.participants,
                rate=in_percent(plan.acceptable_rate_fraction),
                certainty=in_percent(plan.certainty_fraction),
            )
        )
    boundary = tuple(None if k < plan.minimum_participants else limit for k, limit in enumerate(boundary, 1))
    yield boundary_table(voice, boundary)
    found = [
        (rate, (one := characteristics(boundary, rate)).stop, one.expected_n) for rate in plan.shown_rates_fraction
    ]
    yield characteristics_table(voice, found)
    yield from said_of(voice, protocol, "stopping")


def survival_table(voice: Voice, protocol: Protocol) -> Block:
    """Planned times to event."""
    plan = protocol.analysis.reading if protocol.analysis is not None else None
    rows = [
        (
            Cell(voice.core(one.title)),
            Cell(voice.word(one.origin)),
            Cell(voice.listed(voice.word(event) for event in one.events)),
            Cell(voice.listed(voice.word(event) for event in one.censored_at)),
            Cell(f"{one.confidence_level * 100:g} %, {voice.word(one.transform)}"),
        )
        for one in (plan.survival if plan is not None else ())
    ]
    head = ("Time to event", "From", "Events", "Censored at", "Interval (transform)")
    return table_or(voice, voice("Planned times to event"), [voice(one) for one in head], rows)


def further_criteria_table(voice: Voice, protocol: Protocol) -> Table | Text:
    """Response criteria beside the protocol's rule."""
    plan = protocol.further_criteria.reading if protocol.further_criteria is not None else None
    if plan is None:
        return absent(voice)
    rows = []
    for name, title in (("recist_1_1", "RECIST 1.1"), ("percist_1_0", "PERCIST 1.0"), ("eortc_1999", "EORTC 1999")):
        options = getattr(plan, name)
        if options is not None:
            rows.append((Cell(title), Cell(options_in_words(voice, protocol, options))))
    if not rows:
        return absent(voice)
    note = voice("Side by side with the protocol's rule, never the endpoint.")
    return table(
        voice("Further response criteria and their options"), (voice("Criteria"), voice("Options")), rows, note=note
    )
