"""One timeline with the gate as the decision that leads back to the session or on to the assessment."""

from __future__ import annotations

from theratrial.exchange.usdm.making import Instance, Maker, said
from theratrial.exchange.usdm.stops import FOLLOW_UP, SCREENING, SESSION, Stop
from theratrial.protocol.schema import Protocol


def main_timeline(
    make: Maker, protocol: Protocol, stops: list[Stop], encounters: list[Instance], epochs: list[Instance]
) -> Instance:
    leave = make.make("ScheduleTimelineExit")
    del leave["extensionAttributes"]
    leave = {"id": leave["id"], "extensionAttributes": [], "instanceType": "ScheduleTimelineExit"}
    instances = [
        _instance(make, stop, encounter, epochs[stop.stage]) for stop, encounter in zip(stops, encounters, strict=True)
    ]
    anchor = next((one for one, stop in zip(instances, stops, strict=True) if stop.name == "administration"), None)
    order = _with_gate(make, protocol, stops, instances, anchor, epochs)
    for one, after in zip(order, [*order[1:], None], strict=True):
        one["defaultConditionId"] = after["id"] if after else None
    order[-1]["timelineExitId"] = leave["id"]
    timings = [
        timing
        for stop, one in zip(stops, instances, strict=True)
        for timing in _timings(make, stop, one, anchor or instances[0])
    ]
    for encounter, one in zip(encounters, instances, strict=True):
        mine = [timing for timing in timings if timing["relativeFromScheduledInstanceId"] == one["id"]]
        encounter["scheduledAtId"] = mine[0]["id"] if mine else None
    return make.make(
        "ScheduleTimeline",
        name="MAIN",
        label="Main timeline",
        description="Screening, treatment sessions with the gate between them, response assessment",
        mainTimeline=True,
        entryCondition="Informed consent",
        entryId=order[0]["id"],
        exits=[leave],
        timings=timings,
        instances=order,
        plannedDuration=_planned(make, protocol, stops),
    )


def _planned(make: Maker, protocol: Protocol, stops: list[Stop]) -> Instance:
    """The longest that a participant can be on the timeline."""
    ends = [0.0, 0.0, 0.0]
    for stop in stops:
        if stop.window is not None:
            days = stop.window.maximum if stop.unit == "d" else stop.window.maximum / 24
            ends[stop.stage] = max(ends[stop.stage], days)
    sessions = protocol.sessions.reading
    between = (sessions.maximum_sessions - 1) * sessions.interval_days.maximum if sessions is not None else 0.0
    longest = ends[SCREENING] + between + max(ends[SESSION], ends[FOLLOW_UP])
    return make.make(
        "Duration",
        text=f"at most {said(longest)} days",
        quantity=None,
        durationWillVary=True,
        reasonDurationWillVary="The number of sessions is decided session by session",
    )


def _instance(make: Maker, stop: Stop, encounter: Instance, epoch: Instance) -> Instance:
    return make.make(
        "ScheduledActivityInstance",
        name=stop.name.upper(),
        label=stop.label,
        description=None,
        defaultConditionId=None,
        epochId=epoch["id"],
        timelineId=None,
        timelineExitId=None,
        activityIds=[one["id"] for one in stop.activities],
        encounterId=encounter["id"],
    )


def _with_gate(
    make: Maker,
    protocol: Protocol,
    stops: list[Stop],
    instances: list[Instance],
    anchor: Instance | None,
    epochs: list[Instance],
) -> list[Instance]:
    """The instances with the gate after the last of the session."""
    inside = [number for number, stop in enumerate(stops) if stop.stage == SESSION]
    sessions = protocol.sessions.reading
    if anchor is None or sessions is None or not inside:
        return list(instances)
    interval = f"{said(sessions.interval_days.minimum)} to {said(sessions.interval_days.maximum)} days"
    gate = make.make(
        "ScheduledDecisionInstance",
        name="GATE",
        label="May the next session be given?",
        description=f"At most {sessions.maximum_sessions} sessions, {interval} after the one before",
        defaultConditionId=None,
        epochId=epochs[SESSION]["id"],
        conditionAssignments=[
            make.make(
                "ConditionAssignment",
                condition="The gate says proceed and two physicians have signed; undetermined is not proceed. "
                f"Fewer than {sessions.maximum_sessions} sessions were given.",
                conditionTargetId=anchor["id"],
            )
        ],
    )
    gate["extensionAttributes"] = [make.clause("safety_gate", protocol.safety_gate)]
    last = max(inside)
    return [*instances[: last + 1], gate, *instances[last + 1 :]]


def _timings(make: Maker, stop: Stop, instance: Instance, anchor: Instance) -> list[Instance]:
    if instance is anchor:
        return [_timing(make, stop, instance, anchor, "fixed_reference", "PT0H", "Day of the injection", None)]
    if stop.window is None:
        return []
    low, high = stop.window.minimum, stop.window.maximum
    label = f"{said(low)} to {said(high)} {'days' if stop.unit == 'd' else 'h'}"
    if stop.stage == SCREENING:
        # From consent on: the protocol bounds the length of screening, not its distance to the injection.
        return [_timing(make, stop, instance, anchor, "before", duration(high, stop.unit), f"within {label}", None)]
    middle, half = (low + high) / 2, (high - low) / 2
    window = (duration(half, stop.unit), duration(half, stop.unit), label) if half else None
    return [_timing(make, stop, instance, anchor, "after", duration(middle, stop.unit), label, window)]


def _timing(
    make: Maker, stop: Stop, instance: Instance, anchor: Instance, kind: str, value: str, label: str,
    window: tuple[str, str, str] | None,
) -> Instance:  # fmt: skip
    lower, upper, words = window or (None, None, None)
    return make.make(
        "Timing",
        name=f"{stop.name.upper()}_TIMING",
        label=stop.label,
        description=None,
        type=make.code(kind),
        value=value,
        valueLabel=label,
        relativeToFrom=make.code("start_to_start"),
        relativeFromScheduledInstanceId=instance["id"],
        relativeToScheduledInstanceId=anchor["id"],
        windowLower=lower,
        windowUpper=upper,
        windowLabel=words,
    )


def duration(value: float, unit: str) -> str:
    """A duration of ISO 8601 (``P49D``, ``PT36H``, ``PT1H45M``), to the minute.

    Examples
    --------
    >>> duration(49, "d"), duration(1.75, "h"), duration(10.5, "d")
    ('P49D', 'PT1H45M', 'P10DT12H')
    """
    minutes = round(value * (24 * 60 if unit == "d" else 60))
    days, minutes = divmod(minutes, 24 * 60) if unit == "d" else (0, minutes)
    hours, minutes = divmod(minutes, 60)
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if not days and not time:
        return "P0D" if unit == "d" else "PT0H"
    return "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "")
