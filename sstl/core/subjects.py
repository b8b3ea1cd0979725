"""A stage that assesses subjects as wholes: it keeps what is said of each and tells what changed in what follows.

[journeys] does so with units and [consignments] with consignments. A batch folds each subject once; when the watermark
moves, those whose deadline it has come to are asked again as of it, those that waited for a publisher which has spoken
too, and what may be forgotten is.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from sstl.core.deadlines import as_of, take_due
from sstl.core.journeys.retention import due
from sstl.core.publishers import Publishers, hear, still_waiting
from sstl.core.stage import Context, Inbound, Outcome, StateReader, Work, take_heartbeat
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat


class SubjectStage(ABC):
    """What the stages of subjects have in common (`sstl.core.stage.Stage`)."""

    name: str
    downstream: tuple[str, ...]
    """Topics that its heartbeats go to."""
    ticks = True

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold a batch; each subject is assessed once, after its messages."""
        work = Work(state, policy, context)
        waiting: dict[str, list[Any]] = {}
        for record in records:
            if isinstance(record.message, Heartbeat):
                # What came before the heartbeat is told before it is passed on.
                self._take_all(work, waiting)
                waiting = {}
                self._beat(work, record.message)
            else:
                waiting.setdefault(record.key, []).append(record.message)
        self._take_all(work, waiting)
        return work.outcome

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Ask again whom the last step of the watermark, or a publisher's last word, had no room for.

        Neither need come again: a backfill that has been read says nothing any more.
        """
        work = Work(state, policy, context)
        for key in still_waiting(work):
            self._ask_again(work, key)
        self._judge_due(work)
        return work.outcome

    @abstractmethod
    def _take(self, work: Work, key: str, messages: Sequence[Any]) -> None:
        """Take what is said of a subject and tell what changes by it."""

    @abstractmethod
    def _ask_again(self, work: Work, key: str) -> None:
        """Tell what changes by a deadline that has come or a publisher that has spoken."""

    @abstractmethod
    def _forget(self, work: Work, key: str, day: int) -> None:
        """Forget what may be forgotten of a subject by a day (since the epoch)."""

    def _take_all(self, work: Work, waiting: Mapping[str, Sequence[Any]]) -> None:
        for key, messages in waiting.items():
            self._take(work, key, messages)

    def _judge_due(self, work: Work) -> None:
        for key, _ in take_due(work, as_of(work)):
            self._ask_again(work, key)
            work.count("deadline_passed")

    def _beat(self, work: Work, beat: Heartbeat) -> None:
        waited = hear(work, beat) if beat.source in work.context.sources else []
        before = len(work.outcome.outputs)
        moved = take_heartbeat(
            work,
            beat,
            name=self.name,
            downstream=self.downstream,
            publishers=tuple(Publishers(work).items()),
        )
        # The stage's own heartbeat says that everything up to it has been told: it goes last.
        heartbeats = work.outcome.outputs[before:]
        del work.outcome.outputs[before:]
        for key in waited:
            self._ask_again(work, key)
        if moved:
            self._judge_due(work)
        work.outcome.outputs.extend(heartbeats)
        if moved:
            for key, day in list(due(work)):
                self._forget(work, key, day)
