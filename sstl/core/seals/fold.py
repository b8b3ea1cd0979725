"""One lock's reports run through the machine."""

from collections.abc import Sequence

from msgspec.structs import replace

from sstl.core.seals.debounce import dropped, rule_for
from sstl.core.seals.facts import MOST_AGAIN, Alarm, Armed, Opening, Reseal
from sstl.core.seals.grants import instant_ms
from sstl.core.seals.machine import TRANSITIONS, Effect, State
from sstl.models.identifiers import canonical_seal_number
from sstl.models.policy import Policy
from sstl.models.records import Event

RIGHT = "RIGHT"
_OPEN = (State.OPENED, State.ALARM)


class LockFold:
    """One lock while its reports are folded. Costs its reports once."""

    def __init__(
        self,
        lock: str,
        reports: Sequence[tuple[str, Event]],
        policy: Policy,
    ) -> None:
        """Begin.

        Args:
            lock: Its name.
            reports: (what it is to the machine, event), in the lock's order.
            policy: The one in force at the journey's first event.
        """
        self.lock = lock
        self.state = State.UNPAIRED
        self.openings: list[Opening] = []
        self.alarms: list[Alarm] = []
        self.armed: list[Armed] = []
        self.reseals: list[Reseal] = []
        self.unknown: list[tuple[str, str, Event]] = []
        self._reports = reports
        self._policy = policy
        self._armed_by: Event | None = None
        self._armed_ms = 0
        self._number: str | None = lock[5:] if lock.startswith("seal:") else None
        self._grade: str | None = None
        self._last_alarm: dict[str, tuple[int, int]] = {}
        self._latched: list[int] = []
        self._opened = False
        """Whether nothing but the opening has ended the time of being armed."""

    def run(self) -> None:
        """Fold all reports."""
        none, settles = dropped(self._reports, self.lock, self._policy)
        for symbol, event in self._reports:
            if event.identity not in none if none else True:
                self._take(symbol, event, settles)
        self._end(None)

    def _take(self, symbol: str, event: Event, settles: dict[str, int]) -> None:
        state = self.state
        answer = TRANSITIONS[state, symbol]
        if not answer.known:
            self.unknown.append((state.value, symbol, event))
        if symbol == "report":
            return
        self._alarm(symbol, event, settles)
        if self._opened:
            self._go_on(symbol, event)
        if state is State.ALARM and answer.state is not State.ALARM:
            self._reset(event)
        if answer.effect is Effect.ARM:
            self._arm(symbol, event)
        elif answer.effect is Effect.OPEN:
            self._open(symbol, event, settles)
        elif answer.effect is Effect.END:
            self._end(event)
        elif symbol == "closed" and self.openings and state in _OPEN:
            self.openings[-1] = replace(self.openings[-1], closed=event)
        self.state = answer.state

    def _go_on(self, symbol: str, event: Event) -> None:
        """Note a report by which the lock would be opened, were it still armed."""
        effect = TRANSITIONS[State.ARMED, symbol].effect
        if effect in (Effect.ARM, Effect.END):
            self._opened = False
        elif effect is Effect.OPEN and len(self.openings[-1].again) < MOST_AGAIN:
            last = self.openings[-1]
            self.openings[-1] = replace(last, again=(*last.again, event))

    def _number_of(self, symbol: str, event: Event) -> str | None:
        name = "sealAfter" if event.type.startswith("inspection.") else "sealNumber"
        stated = event.data.get(name)
        return canonical_seal_number(stated) if isinstance(stated, str) else self._number

    def _arm(self, symbol: str, event: Event) -> None:
        number = self._number_of(symbol, event)
        if symbol == "resealed":
            named = "sealBefore" if event.type.startswith("inspection.") else "oldSealNumber"
            stated = event.data.get(named)
            old = canonical_seal_number(stated) if isinstance(stated, str) else self._number
            self.reseals.append(Reseal(event, None if old == number else old, number, None))
        elif self._armed_by is not None and self._number not in (None, number):
            self.reseals.append(Reseal(event, self._number, number, None))
        grade = event.data.get("sealGrade")
        if self._armed_by is not None and self._number in (None, number):
            self._number = number
            self._grade = self._grade or grade
            return
        if self.openings and self.openings[-1].resealed is None and self._armed_by is None:
            self.openings[-1] = replace(self.openings[-1], resealed=event)
        since = instant_ms(event.data.get("since")) if symbol == "state.ARMED" else None
        began = event.event_ms if since is None else min(since, event.event_ms)
        self._end(event)
        if self.armed:
            last = self.armed[-1].ended
            began = max(began, 0 if last is None else last.event_ms)
        self._armed_by, self._armed_ms = event, began
        self._number, self._grade = number, grade if isinstance(grade, str) else None

    def _open(self, symbol: str, event: Event, settles: dict[str, int]) -> None:
        if self._armed_by is None:
            return  # it was open already
        since = instant_ms(event.data.get("since")) if symbol == "state.OPENED" else None
        at_ms = event.event_ms if since is None else min(since, event.event_ms)
        at_ms = max(at_ms, self._armed_ms)
        self._end(event)
        self._opened = True
        self.openings.append(
            Opening(
                self.lock,
                event,
                None,
                None,
                at_ms=at_ms,
                settles_ms=settles.get(event.identity),
                armed=self.armed[-1],
            )
        )

    def _end(self, event: Event | None) -> None:
        """End the time of being armed, None: it lasts."""
        by = self._armed_by
        if by is None:
            return
        self._armed_by = None
        self.armed.append(
            Armed(
                self.lock,
                by,
                event,
                self._number,
                self._grade,
                self._reports_between(self._armed_ms, None if event is None else event.event_ms),
                self._armed_ms,
            )
        )

    def _reports_between(self, from_ms: int, to_ms: int | None) -> tuple[int, ...]:
        found = {
            event.event_ms
            for symbol, event in self._reports
            if symbol not in ("replaced", "checked")
            and event.event_ms >= from_ms
            and (to_ms is None or event.event_ms <= to_ms)
        }
        found.add(from_ms)
        return tuple(sorted(found))

    def _alarm(self, symbol: str, event: Event, settles: dict[str, int]) -> None:
        """Note an alarm: a new episode, or one more report of the one that lasts."""
        if symbol == "checked":
            kind = event.data.get("condition", RIGHT)
            if kind == RIGHT:
                return
        elif symbol == "state.ALARM":
            if self._latched:
                self._again(self._latched[-1], event)
                return
            kind = "UNSTATED"
        elif symbol.startswith("alarm"):
            kind = str(event.data.get("kind"))
        else:
            return
        quiet_s = rule_for(self._policy, self.lock, f"alarm.{kind}").quiet_s
        last = self._last_alarm.get(kind)
        latched = symbol in ("alarm.latched", "state.ALARM")
        if last is not None and (
            last[0] in self._latched or event.event_ms - last[1] < quiet_s * 1000
        ):
            index = last[0]
            self._again(index, event)
        else:
            index = len(self.alarms)
            self.alarms.append(
                Alarm(
                    self.lock,
                    kind,
                    event,
                    1,
                    None,
                    armed=self._armed_by is not None,
                    settles_ms=settles.get(event.identity),
                )
            )
        self._last_alarm[kind] = (index, event.event_ms)
        if latched and index not in self._latched:
            self._latched.append(index)

    def _again(self, index: int, event: Event) -> None:
        alarm = self.alarms[index]
        again = alarm.again if len(alarm.again) == MOST_AGAIN else (*alarm.again, event)
        self.alarms[index] = replace(alarm, count=alarm.count + 1, again=again)

    def _reset(self, event: Event) -> None:
        for index in self._latched:
            self.alarms[index] = replace(self.alarms[index], ended=event)
        self._latched.clear()
        self._last_alarm.clear()
