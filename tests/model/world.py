"""Every step that may be taken next: workers, faults, time, the channel, other hands and a person.

A worker stands still between reading, writing and sending; whatever else may happen then, the search lets happen.
"""

from __future__ import annotations

from collections.abc import Iterator

from quittance.domain.errors import Rejected
from quittance.domain.intent import IntentState, IntentVerb
from tests.model import books as ledger
from tests.model import channel, engine
from tests.model.drafting import ON_THE_WAY, Draft, moved
from tests.model.state import NOBODY, Books, Change, Finish, Job, Plan, Record, Request, Send, State, Step
from tests.model.terms import HORIZON, LIFE, LIFETIME, World

_S, _V = IntentState, IntentVerb


def start(world: World) -> State:
    """Nothing admitted yet, or, to keep a search short, all admitted in their order with the first one ready."""
    blank = tuple(Record() for _ in world.amounts)
    state = State(blank, Books(), faults=world.faults, foreign=world.foreign, retries=world.retries)
    for intent in range(len(world.amounts) if world.admitted else 0):
        plan = engine.advance(world, state, intent)
        if not isinstance(plan, Plan):
            raise TypeError(f"{world.name}: intent {intent} has no headroom to start with")
        state = _committed(world, state, plan) or state
    return state


def steps(world: World, state: State) -> Iterator[Step]:
    """All steps out of a state."""
    yield from channel.steps(world, state)
    yield from _wakes(world, state)
    for at, job in enumerate(state.jobs):
        yield from _worked(world, state, at, job)
    yield from _answers(world, state)
    yield from _tick(world, state)


def _jobs(state: State, jobs: tuple[Job, ...]) -> State:
    # Workers are alike: who is called first does not matter. By repr, because hashes differ from run to run.
    return state._replace(jobs=jobs if len(jobs) <= 1 else tuple(sorted(jobs, key=repr)))


def _wakes(world: World, state: State) -> Iterator[Step]:
    """Any intent may be woken at any time, more than once; a hint may be worked on at any time."""
    seen = engine.observe(world, state)
    after = None if seen is None else _committed(world, state, seen)
    if after is not None:
        yield Step("work", ("a hint is worked on:", "the order is read"), after)
    if len(state.jobs) == world.workers:
        return
    for intent in range(len(state.intents)):
        found = engine.advance(world, state, intent)
        if found is not None:
            what = found.why if isinstance(found, Plan) else f"{found.verdict} by effect {found.ref}"
            woken = _jobs(state, (*state.jobs, Job(0, found)))
            yield Step("work", ("a worker reads intent", intent, "and is about to:", what), woken)


def _worked(world: World, state: State, at: int, job: Job) -> Iterator[Step]:
    rest = state._replace(jobs=state.jobs[:at] + state.jobs[at + 1 :])
    match job.next:
        case Plan() as plan:
            yield _commits(world, rest, job, plan)
        case Finish() as finish:
            yield _finishes(world, rest, finish)
        case Send() as send:
            yield from _sends(world, rest, job, send)
    if not state.faults:
        return
    struck = rest._replace(faults=state.faults - 1)
    if isinstance(job.next, Send | Finish) or _claim_of(job.next) is not None:
        yield Step("fault", ("the worker is killed before it would", *_next(job)), struck)
    if world.pauses and not job.paused:
        asleep = _jobs(struck, (*struck.jobs, job._replace(paused=True)))
        yield Step("fault", ("the worker is paused before it would", *_next(job)), asleep)


def _next(job: Job) -> tuple[object, ...]:
    match job.next:
        case Plan(why):
            return ("write:", why)
        case Finish(intent, _, verdict):
            return (verdict, "intent", intent)
        case Send(intent):
            return ("send intent", intent)


def _claim_of(plan: Plan) -> int | None:
    """The fence under which a plan was made after a send; None for one that came from reading."""
    first = plan.changes[0] if plan.changes and plan.books is None else None
    owned = first is not None and first.before.state is _S.SENDING and first.after.fence == first.before.fence
    return first.before.fence if first is not None and owned else None


def _committed(world: World, state: State, plan: Plan) -> State | None:
    """The state after a commit, or None where one of its conditions fails."""
    rules = world.rules
    for intent, before, _ in plan.changes:
        stored = state.intents[intent]
        if (rules.intent_version and stored != before) or (rules.intent_fence and stored.fence != before.fence):
            return None
    intents = list(state.intents)
    for intent, _, after in plan.changes:
        intents[intent] = after
    state_after = state._replace(intents=tuple(intents))
    if plan.books is None:
        return state_after
    old, new = plan.books
    if (rules.order_version and state.books != old) or (rules.headroom and _is_short(world, state, old, new)):
        return None
    return state_after._replace(books=new)


def _is_short(world: World, state: State, before: Books, after: Books) -> bool:
    wanted = sum(world.amounts[i] for i in after.claims if i not in before.claims)
    return wanted > 0 and ledger.balance(state.books, world.captured, world.amounts) < wanted


def _commits(world: World, rest: State, job: Job, plan: Plan) -> Step:
    after = _committed(world, rest, plan)
    fence = _claim_of(plan)
    intent = plan.changes[0].intent if plan.changes else NOBODY
    if after is None:
        return Step("work", ("a worker loses the race to write:", plan.why), rest, intent, fence)
    if plan.sends:
        after = _jobs(after, (*after.jobs, job._replace(next=Send(intent, plan.changes[0].after))))
    whose = ("of intent", intent) if plan.changes else ("of the order",)
    return Step("work", ("a worker writes:", plan.why, *whose), after, intent, fence)


def _finishes(world: World, rest: State, finish: Finish) -> Step:
    """Settle or decline on what is stored now, unless somebody has moved the intent meanwhile."""
    intent, held, verdict, effect = finish
    fence = held.fence if held.state is _S.SENDING else None
    stored, checks = rest.intents[intent], world.rules.intent_version or world.rules.intent_fence
    lost = Step("work", ("a worker cannot", verdict, "intent", intent), rest, intent, fence)
    if (checks and (stored.state, stored.fence) != (held.state, held.fence)) or intent not in rest.books.claims:
        return lost
    draft = Draft.of(world, rest)
    if not checks:
        draft = draft.put(intent, held)
    verb = _V.SETTLE if verdict == "settle" else _V.DECLINE
    try:
        plan = draft.record(intent, verb, ref=effect).follow(verdict)
    except Rejected:
        return lost
    after = None if plan is None else _committed(world, rest, plan)
    words = ("a worker writes:", verdict, "intent", intent, "by effect", effect)
    return lost if after is None else Step("work", words, after, intent, fence)


def _sends(world: World, rest: State, job: Job, send: Send) -> Iterator[Step]:
    """The one call: answered, or one of the faults. A call that was lost or came late is one still on its way."""
    intent, held = send
    sent = {"last": 0} | ({} if world.rules.claim_counts_as_send else engine.counted(world, held))
    landed, effect = channel.apply(world, rest, intent)
    then: Plan | Finish = Finish(intent, held, "settle" if effect != NOBODY else "decline", effect)
    if effect != NOBODY and landed.effects[effect].status == "pending":
        then = engine.alone(held, moved(held, _V.ACCEPT, **sent, ref=effect), intent, "accepted")
    answered = _goes_on(landed, job, then)
    told = "and is refused" if effect == NOBODY else f"and hears of effect {effect}"
    yield Step("work", ("a worker sends intent", intent, told), answered, intent, held.fence, is_send=True)
    if not rest.faults:
        return
    struck = rest._replace(faults=rest.faults - 1)
    unsent = engine.unsent(world, held, intent)
    unknown = engine.lose(held, intent, **sent) if world.rules.unknown_is_kept else unsent
    travelling = channel.outstanding(world, struck, intent)
    call = (intent, held.fence, True)
    waiting = _goes_on(travelling, job, unknown)
    yield Step("fault", ("a worker sends intent", intent, "and hears nothing"), waiting, *call)
    yield Step("fault", ("a worker sends intent", intent, "and is killed"), travelling, *call)
    yield Step("fault", ("a worker is throttled with intent", intent), _goes_on(struck, job, unsent))


def _goes_on(state: State, job: Job, then: Plan | Finish) -> State:
    return _jobs(state, (*state.jobs, job._replace(next=then)))


def _answers(world: World, state: State) -> Iterator[Step]:
    """A person answers a HOLD: what is seen is settled, what is not is sent again or given up."""
    for intent, record in enumerate(state.intents):
        if record.state is not _S.HOLD:
            continue
        ours = [name for name, e in enumerate(state.effects) if e.owner == intent and e.status != "failed"]
        if ours and not world.hasty:
            if state.effects[ours[0]].status == "moved":
                yield from _answer(world, state, intent, _V.SETTLE, ours[0])
            continue
        may_retry = state.books.turn in (NOBODY, intent) and not ledger.deficit(
            state.books, world.captured, world.amounts
        )
        if state.retries and may_retry:
            yield from _answer(world, state._replace(retries=state.retries - 1), intent, _V.RETRY)
        yield from _answer(world, state, intent, _V.CANCEL)


def _answer(world: World, state: State, intent: int, verb: IntentVerb, effect: int = NOBODY) -> Iterator[Step]:
    sending = [job.next.intent for job in state.jobs if isinstance(job.next, Send)]
    on_the_way = intent in sending or any(request.intent == intent for request in state.requests)
    is_wrong = verb is not _V.SETTLE and (on_the_way or any(e.owner == intent for e in state.effects))
    try:
        plan = Draft.of(world, state).record(intent, verb, ref=effect).follow(str(verb))
    except Rejected:
        return
    after = None if plan is None else _committed(world, state, plan)
    if after is not None:
        words = ("a person answers intent", intent, "with", verb.value)
        yield Step("person", words, after._replace(trusted=state.trusted and not is_wrong), intent)


def _tick(world: World, state: State) -> Iterator[Step]:
    """Time passes, unless a worker's life or a call's lateness is at its end: those have to act first."""
    if any(request.left == 0 for request in state.requests):
        return
    if any(job.age >= LIFE and not job.paused for job in state.jobs):
        return
    after = state._replace(
        intents=tuple(_older(world, record) for record in state.intents),
        effects=channel.aged(world, state.effects),
        requests=tuple(Request(i, None if left is None else left - 1) for i, left in state.requests),
    )
    after = _jobs(after, tuple(_older_job(world, job) for job in state.jobs))
    if after != state:
        yield Step("time", ("a tick passes",), after)


def _older(world: World, record: Record) -> Record:
    lease, last, absent = record.lease, record.last, record.absent
    if record.state in ON_THE_WAY:
        lease, last = max(lease - 1, -HORIZON), max(last - 1, -HORIZON)
        absent = None if absent is None else max(absent - 1, -HORIZON)
    if not world.is_keyed or record.state is None:
        return record._replace(lease=lease, last=last, absent=absent)
    first = None if record.first is None else max(record.first - 1, -LIFETIME)
    born = max(record.born - 1, -LIFETIME)
    return record._replace(lease=lease, last=last, absent=absent, first=first, born=born)


def _older_job(world: World, job: Job) -> Job:
    age = job.age if job.paused else job.age + 1
    match job.next:
        case Plan() as plan:
            pairs = [(i, _older(world, before), _older(world, after)) for i, before, after in plan.changes]
            return job._replace(age=age, next=plan._replace(changes=tuple(Change(*pair) for pair in pairs)))
        case Finish() as finish:
            return job._replace(age=age, next=finish._replace(held=_older(world, finish.held)))
        case Send() as send:
            return job._replace(age=age, next=send._replace(held=_older(world, send.held)))
