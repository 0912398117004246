"""SUBMITTED to CLOSED: wait for the feed, then tell each member what became of its line, in a commit of its own.

Refuses to take silence for success: a line that the report does not name is unknown and looked for by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from quittance.application.batches import LockChange
from quittance.application.commit import DeliveryKey
from quittance.application.feed_step import FeedStep, again, turn, wait
from quittance.application.feeds import FeedReport, FeedState
from quittance.application.intent_step import FIRST_LOOK, LONGEST_WAIT, Step, hold, lose
from quittance.application.join_batch import give_back
from quittance.application.ports import Applied, Parked, Refused, SendOutcome, Unknown
from quittance.application.send_intent import applied, refused
from quittance.application.submit_batch import lines_of
from quittance.application.work_deliveries import PARKED_FOR
from quittance.domain import feed_batch
from quittance.domain.errors import QuittanceError, Unavailable
from quittance.domain.feed_batch import BatchState, BatchVerb, Member
from quittance.domain.ids import DeliveryId
from quittance.domain.intent import Intent, IntentState, back_off
from quittance.domain.observations import MoneyStatus
from quittance.domain.values import replace

AT_ONCE = 200
"""Members that one step tells: what an invocation has time for, at a few commits each."""

Telling = Callable[[Step, int], object]
_ENDS: Mapping[FeedState, BatchVerb] = {
    FeedState.DONE: BatchVerb.FINISH,
    FeedState.FATAL: BatchVerb.FAIL,
    FeedState.CANCELLED: BatchVerb.CANCEL,
}


def ask(step: FeedStep) -> BatchState:
    """SUBMITTED: ask how the feed stands; a result that is missing for too long is a person's."""
    try:
        ended = _ended(step)
    except Unavailable:
        return _patient(step, feed_batch.UNREPORTED) or again(step, feed_batch.UNREPORTED, step.terms.look)
    if ended is None:
        return _patient(step, feed_batch.STUCK) or wait(step, step.now + step.terms.look)
    return _go_on(step, *ended)


def _ended(step: FeedStep) -> tuple[BatchVerb, FeedReport] | None:
    """How the feed ended, once its report can be read; None while it runs."""
    state = step.feeds.feed_state(step.batch.account, step.batch.feed)
    if state is FeedState.RUNNING:
        return None
    is_untouched = state is FeedState.CANCELLED
    report = FeedReport() if is_untouched else step.feeds.results(step.batch.account, step.batch.feed)
    return _ENDS[state], report


def _go_on(step: FeedStep, ended: BatchVerb, report: FeedReport) -> BatchState:
    if ended is BatchVerb.CANCEL:
        return refuse_all(turn(step, ended, why="feed_cancelled"))
    return _take(turn(step, ended), report)


def _patient(step: FeedStep, why: str) -> BatchState | None:
    """Hold the batch when its result is missing for too long; None while there is still patience."""
    since = step.batch.submitted_at or step.batch.opened_at
    if step.now - since <= step.terms.patience:
        return None
    return turn(step, BatchVerb.HOLD, why=why).batch.state


def take_results(step: FeedStep) -> BatchState:
    """DONE or FATAL: tell each member its line; a report on another number of lines is no report on this batch."""
    try:
        report = step.feeds.results(step.batch.account, step.batch.feed)
    except Unavailable:
        return _patient(step, feed_batch.UNREPORTED) or again(step, feed_batch.UNREPORTED)
    return _take(step, report)


def _take(step: FeedStep, report: FeedReport) -> BatchState:
    lines = lines_of(step)
    is_done = step.batch.state is BatchState.DONE
    if is_done and report.processed is not None and report.processed != len(lines):
        return turn(step, BatchVerb.DISBAND, why="other_report").batch.state
    step = _strangers(step, report, len(lines))
    return _tell(step, lines, lambda member, number: _settled(member, _outcome(step, report, number)))


def _outcome(step: FeedStep, report: FeedReport, number: int) -> SendOutcome:
    if step.batch.state is BatchState.DONE:
        return report.lines.get(number, Unknown("line_missing"))
    if report.processed != 0:
        return Unknown("feed_fatal")
    found = report.lines.get(number)
    return found if isinstance(found, Refused) else Refused("feed_fatal")


def _strangers(step: FeedStep, report: FeedReport, size: int) -> FeedStep:
    """Lines of the report that no member has are counted and put aside, once; the others go on."""
    unknown = sorted(number for number in report.lines if not 1 <= number <= size)
    if not unknown or step.batch.strangers:
        return step
    batch, now = step.batch, step.now
    for number in unknown:
        name = DeliveryKey(batch.channel, batch.account, DeliveryId(f"feed {batch.feed} line {number}"))
        step.ports.table.park(Parked(name, "", "feed_result", "", "line_of_no_member", now, now + PARKED_FOR))
        step.ports.meter.count("Parked", batch.channel, "feed_line")
    return step.holding(replace(batch, strangers=len(unknown)))


def _settled(step: Step, outcome: SendOutcome) -> None:
    """What a line says of an intent that was on its way; one that is held or unknown takes definite news alone.

    A refusal proves nothing of one that may also have been sent at another time.
    """
    state = step.intent.state
    if state is IntentState.SENDING:
        _of_sending(step, outcome)
    elif isinstance(outcome, Applied) and outcome.status is MoneyStatus.MOVED:
        applied(step, outcome)
    elif isinstance(outcome, Refused) and state is IntentState.UNKNOWN and step.intent.attempt.sends <= 1:
        refused(step, outcome)


def _of_sending(step: Step, outcome: SendOutcome) -> None:
    match outcome:
        case Applied():
            applied(step, outcome)
        case Refused():
            refused(step, outcome)
        case _:
            lose(step, step.intent.attempt, outcome.why)


def refuse_all(step: FeedStep) -> BatchState:
    """CANCELLED: the channel worked on nothing of it and will not; each member is declined, and a person told why."""
    code = step.batch.why or "feed_cancelled"
    return _tell(step, lines_of(step), lambda member, _: _settled(member, Refused(code)))


def return_all(step: FeedStep) -> BatchState:
    """GIVEN_BACK: nothing was submitted; each member is ready again, unless the table is older than what was sent."""
    if step.control().epoch != step.batch.epoch:
        return turn(step, BatchVerb.DISBAND, why="epoch_raised").batch.state
    return _tell(step, lines_of(step), lambda member, _: _returned(member, step.batch.why))


def _returned(step: Step, why: str) -> None:
    if step.intent.state is IntentState.SENDING:
        give_back(step, why)


def disband_all(step: FeedStep) -> BatchState:
    """DISBANDED: nobody knows what became of it; each member is looked for at the channel by itself."""
    return _tell(step, lines_of(step), lambda member, _: _lost(member, step.batch.why))


def _lost(step: Step, why: str) -> None:
    if step.intent.state is IntentState.SENDING:
        lose(step, step.intent.attempt, why)


def hold_all(step: FeedStep) -> BatchState:
    """HELD: each member is a person's; the batch ends when all are answered, or when its feed ends after all."""
    if step.batch.cursor != _END:
        return _tell(step, lines_of(step), lambda member, _: _held(member, step.batch.why), closes=False)
    ended = _ended_late(step)
    if ended is not None:
        return _go_on(step, *ended)
    lines = lines_of(step)
    intents = step.ports.table.member_intents(step.batch, lines)
    if any(_is_open(step, intents.get(member.intent)) for member in lines):
        return wait(step, step.now + step.terms.look)
    return _close(step)


def _ended_late(step: FeedStep) -> tuple[BatchVerb, FeedReport] | None:
    """What a feed that was given up came to after all."""
    try:
        return _ended(step) if step.batch.feed else None
    except Unavailable:
        return None


def _held(step: Step, why: str) -> None:
    if step.intent.state is IntentState.SENDING:
        lose(step, step.intent.attempt, why)
        scene = step.ports.table.load_scene(step.intent.case)
        step = replace(step, scene=scene, intent=scene.intents[step.intent.id])
    if step.intent.state is IntentState.UNKNOWN:
        hold(step, why)


# Telling the members.

_END = "~"
"""Stands after every intent's id: all members were told."""


def _is_open(step: FeedStep, intent: Intent | None) -> bool:
    return intent is not None and intent.batch == step.batch.number and not intent.has_ended


def _tell(step: FeedStep, lines: Sequence[Member], tell: Telling, *, closes: bool = True) -> BatchState:
    """Tell the next members; who could not be told is told in the next pass, and after long asks by itself.

    Telling again changes nothing: each stands on the intent's own state, so that a kill in the middle is resumed.
    """
    numbered = [(number, member) for number, member in enumerate(lines, 1) if member.intent > step.batch.cursor]
    part = numbered[:AT_ONCE]
    intents = step.ports.table.member_intents(step.batch, [member for _, member in part])
    failed = step.batch.failed
    for number, member in part:
        if _is_open(step, intents.get(member.intent)):
            failed += not _told(step, member, number, tell)
    if len(numbered) > len(part):
        return wait(step, step.now, cursor=part[-1][1].intent, failed=failed)
    return _passed(step, failed, closes=closes)


def _told(step: FeedStep, member: Member, number: int, tell: Telling) -> bool:
    try:
        found = _member_step(step, member)
        if found is not None:
            tell(found, number)
    except QuittanceError:
        step.ports.meter.count("MemberNotTold", step.batch.channel, step.batch.state.value)
        return False
    return True


def _member_step(step: FeedStep, member: Member) -> Step | None:
    """The member as it stands now, sent when its batch was; None when it has left or ended meanwhile."""
    scene = step.ports.table.member_scene(step.batch, member)
    intent = scene.intents.get(member.intent)
    if intent is None or not _is_open(step, intent):
        return None
    sent_at = step.batch.submitted_at or intent.attempt.last_sent_at
    attempt = replace(intent.attempt, last_sent_at=sent_at)
    return Step(step.ports, scene, replace(intent, attempt=attempt), step.limits, step.ports.clock.now())


def _passed(step: FeedStep, failed: int, *, closes: bool) -> BatchState:
    since = step.batch.submitted_at or step.batch.opened_at
    if failed and step.now - since <= 2 * step.terms.patience:
        pause = back_off(step.batch.tries, FIRST_LOOK, LONGEST_WAIT)
        return wait(step, step.now + pause, cursor="", failed=0, tries=step.batch.tries + 1)
    return _close(step) if closes else wait(step, step.now + step.terms.look, cursor=_END, failed=0)


def _close(step: FeedStep) -> BatchState:
    lock = step.lock()
    free = feed_batch.shut(feed_batch.released(lock, step.batch.number), step.batch.number)
    return turn(step, BatchVerb.CLOSE, LockChange(lock, free), due=None).batch.state
