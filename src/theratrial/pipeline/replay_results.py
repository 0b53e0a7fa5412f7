"""A finished run's response under a change: results and protocol are read, no image is."""

from __future__ import annotations

from pathlib import Path

from theratrial import __version__
from theratrial.errors import InputError
from theratrial.pipeline.outputs import RESULTS, read_run_record
from theratrial.pipeline.response_replay import (
    RecistAgain,
    Rules,
    recist_again,
    recist_of,
    replay,
    replay_rules,
    trial_estimand,
)
from theratrial.pipeline.verify import trial_folder_of
from theratrial.protocol.reader import protocol_hash
from theratrial.response.replay import AS_IS
from theratrial.results.criteria import Replay
from theratrial.results.plain import read_results
from theratrial.results.rebuild import rebuilt
from theratrial.results.values import TrialResult
from theratrial.trialfolder import read_folder


def replayed_results(out: Path, changes: tuple[str, ...], *, trial: Path | None = None) -> tuple[Replay, ...]:
    """The response of a finished run under each of these changes; under every change of its rules where none is named.

    Raises
    ------
    InputError
        No result is there, its trial folder is not there or another one, or a change cannot be made.
    """
    result = rebuilt(TrialResult, read_results(out / RESULTS))
    folder = read_folder(trial_folder_of(out, read_run_record(out), trial))
    if protocol_hash(folder.protocol) != result.protocol_hash:
        raise InputError(
            f"{folder.path}: its protocol, as theratrial {__version__} reads it, is not the one of this result of "
            f"theratrial {result.product_version}: the file was changed, or protocols are read otherwise now -> run it "
            "again, then replay"
        )
    rules = replay_rules(folder.protocol)
    if rules is None:
        raise InputError("the protocol's response or endpoint is not read: there is no rule to replay")
    again, estimand = recist_again(folder, result.participants), trial_estimand(folder)
    wanted = [rules.change(text) for text in changes] or list(rules.every_change())
    _same_as_is(result, replay(result.participants, rules, AS_IS, estimand=estimand), rules, again)
    demonstration = result.endpoint.proportion.trace.demonstration
    return tuple(
        replay(
            result.participants,
            rules,
            change,
            recist_again=again,
            estimand=estimand,
            demonstration=demonstration,
        )
        for change in wanted
    )


def _same_as_is(result: TrialResult, as_is: Replay, rules: Rules, again: RecistAgain) -> None:
    """Refuse results that the replay without a change does not meet: they are of another version or other records."""
    changed = [one.participant_id for one in as_is.flipped]
    for one in result.participants:
        stored, now = recist_of(one), None if rules.recist is None else again(one.participant_id, rules.recist)
        if stored is not None and now is not None and stored.category != now.category:
            changed.append(one.participant_id)
    if changed:
        raise InputError(
            f"without any change {', '.join(dict.fromkeys(changed))} would have another category than is stored: the "
            "result is of another version or the records have changed -> run it again, then replay"
        )
