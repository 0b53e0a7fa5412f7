"""Laws of the gate: worse is never better, less known never proceeds, lesions never matter, order never matters."""

from dataclasses import replace
from datetime import timedelta

import pytest
from gate_cast import JUDGED_AT, VISIT_ON, AdverseEvent, Examination, dose, fit_participant, lab, protocol
from hypothesis import given
from hypothesis import strategies as st

from theratrial.gates import Verdict, retreatment_gate

PROTOCOL = protocol()
ORDER = {Verdict.PROCEED: 0, Verdict.UNDETERMINED: 1, Verdict.STOP: 2}


def verdict(facts):
    return retreatment_gate(PROTOCOL, facts, judged_at=JUDGED_AT).verdict


def rank(facts):
    return ORDER[verdict(facts)]


gray = st.floats(0, 40)
grade = st.integers(1, 5)
related = st.sampled_from(["related", "not_related", "not_assessed"])
toxicity = st.sampled_from(["none", "not_assessed", "present"])


@st.composite
def participants(draw):
    """Any participant after session 1 or 2, from fit to hopeless, with or without gaps."""
    session = draw(st.integers(1, 2))
    doses = []
    for organ in ("kidneys", "liver"):
        for n in range(1, session + 1):
            match draw(st.sampled_from(["bounded", "unbounded", "absent"])):
                case "bounded":
                    doses.append(dose(organ, draw(gray), session=n))
                case "unbounded":
                    doses.append(dose(organ, None, session=n))
    labs = []
    if draw(st.booleans()):
        labs.append(lab("platelets", draw(st.floats(0, 400)), days_before=draw(st.floats(0, 20))))
    if draw(st.booleans()):
        labs.append(
            lab("haemoglobin", draw(st.floats(40, 160)), lower=draw(st.sampled_from([120.0, None])), unit="g/L")
        )
    events = tuple(
        AdverseEvent("Fatigue", draw(grade), "5.0", VISIT_ON, None, draw(related))
        for _ in range(draw(st.integers(0, 2)))
    )
    examinations = tuple(
        Examination("follow_up", session, VISIT_ON, role, draw(toxicity))
        for role in ("oncologist", "nuclear_medicine_physician")
        if draw(st.booleans())
    )
    return fit_participant(
        session=session,
        administered_activity_MBq=dict.fromkeys(range(1, session + 1), 1500.0),
        doses=tuple(doses),
        laboratory=tuple(labs),
        adverse_events=events,
        examinations=examinations,
    )


almost_fit = st.one_of(st.just(fit_participant()), participants())


@given(almost_fit, st.data())
def test_a_higher_organ_dose_never_moves_the_verdict_towards_proceed(facts, data):
    if not facts.doses:
        return
    i = data.draw(st.integers(0, len(facts.doses) - 1))
    old = facts.doses[i]
    if not old.bounded:
        return
    worse = replace(old, upper_Gy=old.upper_Gy + data.draw(gray))
    assert rank(replace(facts, doses=(*facts.doses[:i], worse, *facts.doses[i + 1 :]))) >= rank(facts)


@given(almost_fit, st.floats(0, 1), st.sampled_from(["platelets", "haemoglobin"]))
def test_a_lower_blood_count_never_moves_the_verdict_towards_proceed(facts, factor, test):
    worse = tuple(replace(r, value=r.value * factor) if r.test == test else r for r in facts.laboratory)
    assert rank(replace(facts, laboratory=worse)) >= rank(facts)


@given(almost_fit, grade, related)
def test_one_more_adverse_event_never_moves_the_verdict_towards_proceed(facts, severity, relation):
    event = AdverseEvent("Rash", severity, "5.0", VISIT_ON, None, relation)
    assert rank(replace(facts, adverse_events=(*facts.adverse_events, event))) >= rank(facts)


@given(almost_fit, st.data())
def test_a_worse_adverse_event_never_moves_the_verdict_towards_proceed(facts, data):
    if not facts.adverse_events:
        return
    worse = [replace(e, grade=min(5, e.grade + data.draw(st.integers(0, 4)))) for e in facts.adverse_events]
    assert rank(replace(facts, adverse_events=tuple(worse))) >= rank(facts)


@given(almost_fit, st.data())
def test_found_toxicity_never_moves_the_verdict_towards_proceed(facts, data):
    if not facts.examinations:
        return
    i = data.draw(st.integers(0, len(facts.examinations) - 1))
    worse = list(facts.examinations)
    worse[i] = replace(worse[i], toxicity="present")
    assert rank(replace(facts, examinations=tuple(worse))) == ORDER[Verdict.STOP]


def _without(facts, what):
    """The same participant with one piece of what the gate needs taken away."""
    match what:
        case "kidneys" | "liver":
            return replace(facts, doses=tuple(d for d in facts.doses if d.region_id != what))
        case "bound":
            return replace(facts, doses=tuple(replace(d, upper_Gy=None) for d in facts.doses))
        case "platelets" | "haemoglobin":
            return replace(facts, laboratory=tuple(r for r in facts.laboratory if r.test != what))
        case "unit":
            return replace(facts, laboratory=tuple(replace(r, unit="") for r in facts.laboratory))
        case "oncologist" | "nuclear_medicine_physician":
            return replace(facts, examinations=tuple(e for e in facts.examinations if e.examiner_role != what))
        case "visit":
            return replace(facts, visit=None)
        case "anchor":
            return replace(facts, visit_anchor_on=None)
        case "pregnancy":
            return replace(facts, pregnancy_tests=())
        case "activity":
            return replace(facts, administered_activity_MBq={})


PIECES = [
    "kidneys",
    "liver",
    "bound",
    "platelets",
    "haemoglobin",
    "unit",
    "oncologist",
    "nuclear_medicine_physician",
    "visit",
    "anchor",
    "pregnancy",
    "activity",
]


@pytest.mark.parametrize("what", PIECES)
@given(facts=almost_fit)
def test_less_known_never_proceeds(what, facts):
    assert verdict(_without(facts, what)) is not Verdict.PROCEED


@pytest.mark.parametrize("what", PIECES)
def test_less_known_of_a_fit_participant_is_undetermined_and_not_a_stop(what):
    assert verdict(_without(fit_participant(), what)) is Verdict.UNDETERMINED


@given(almost_fit, st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 500)), st.integers(1, 3)), max_size=4))
def test_lesion_doses_never_matter(facts, lesions):
    more = tuple(dose(f"lesion_{i}", upper, session=n, kind="lesion") for i, (upper, n) in enumerate(lesions))
    assert verdict(replace(facts, doses=facts.doses + more)) is verdict(facts)


@given(almost_fit, st.randoms(use_true_random=False))
def test_the_order_of_records_never_matters(facts, random):
    def shuffled(values):
        values = list(values)
        random.shuffle(values)
        return tuple(values)

    mixed = replace(
        facts,
        doses=shuffled(facts.doses),
        laboratory=shuffled(facts.laboratory),
        adverse_events=shuffled(facts.adverse_events),
        examinations=shuffled(facts.examinations),
    )
    assert verdict(mixed) is verdict(facts)


@given(almost_fit)
def test_what_happens_after_the_moment_of_judging_never_matters(facts):
    later = JUDGED_AT + timedelta(days=1)
    more = replace(
        facts,
        laboratory=(*facts.laboratory, replace(lab("platelets", 1), collected_at=later)),
        adverse_events=(*facts.adverse_events, AdverseEvent("Bleeding", 4, "5.0", later.date(), None, "related")),
        examinations=(
            *facts.examinations,
            Examination("follow_up", facts.session, later.date(), "oncologist", "present"),
        ),
    )
    assert verdict(more) is verdict(facts)


@given(almost_fit)
def test_any_stop_stops_and_any_gap_forbids_to_proceed(facts):
    decision = retreatment_gate(PROTOCOL, facts, judged_at=JUDGED_AT)
    lines = {f.verdict for f in decision.findings if not f.informs_only}
    expected = Verdict.STOP if Verdict.STOP in lines else max(lines, key=ORDER.__getitem__)
    assert decision.verdict is expected
    assert decision.because
