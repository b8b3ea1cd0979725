"""The stage [references]: joins events with what their reference is linked to."""

from collections.abc import Sequence

from sstl.core.references.cells import ReferencesCell
from sstl.core.references.events import take_linked, take_referred, take_withdrawn
from sstl.core.references.moves import take_registered
from sstl.core.references.parking import sweep
from sstl.core.stage import (
    Context,
    Inbound,
    Outcome,
    StateReader,
    Work,
    take_heartbeat,
    watermark,
)
from sstl.models.policy import Policy
from sstl.models.records import (
    Heartbeat,
    Linked,
    ReferencesMessage,
    Referred,
    Registered,
    Withdrawn,
)


class ReferencesStage:
    """Key: a reference (``transport-document:X``, ``device:M/S``), or an event (``event:<identity>``)."""

    name = "references"
    message_type = ReferencesMessage
    cell_type = ReferencesCell
    ticks = True

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold a batch; each message is taken by itself, so how the batch is cut does not matter."""
        work = Work(state, policy, context)
        for record in records:
            match record.message:
                case Referred():
                    take_referred(work, record.key, record.message)
                case Linked():
                    take_linked(work, record.key, record.message)
                case Registered():
                    take_registered(work, record.key, record.message)
                case Withdrawn():
                    take_withdrawn(work, record.key, record.message)
                case Heartbeat():
                    self._beat(work, record.message)
        return work.outcome

    def _beat(self, work: Work, beat: Heartbeat) -> None:
        downstream = ("journeys", "consignments", "findings")
        if take_heartbeat(work, beat, name=self.name, downstream=downstream):
            _sweep(work)

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Go on with what the last step of the watermark had no room for; it need not move again."""
        work = Work(state, policy, context)
        _sweep(work)
        return work.outcome


def _sweep(work: Work) -> None:
    now_ms = watermark(work)
    if now_ms is not None:
        sweep(work, now_ms)
