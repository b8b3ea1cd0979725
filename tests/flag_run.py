"""The stage [flags] in memory: what it publishes of what it is told, on a partition with one source."""

from collections.abc import Sequence
from typing import Any

from sstl.core.flags import FlagsStage
from sstl.core.routing import SNOOZES
from sstl.core.stage import Context, Inbound, MemoryState, Outcome
from sstl.models.notice import Notice
from sstl.models.policy import IssuerPolicy, Policy
from sstl.models.records import Finding, FlagsMessage, Heartbeat, Placed
from sstl.models.risk_flag import RiskFlag
from tests.flag_records import FLAG_ID

POLICY = Policy(issuer=IssuerPolicy(country="NL", office="NLRTM", feedback_due_hours=48))
SOURCE = "journeys/0"
HERE = Context(0, frozenset({SOURCE}))

Told = FlagsMessage | tuple[str, FlagsMessage]
"""A message under its key, or one for the flag `FLAG_ID`."""


def beat(reached_ms: int) -> tuple[str, FlagsMessage]:
    """Return the watermark's step to an instant."""
    return "~heartbeat", Heartbeat(source=SOURCE, reached_ms=reached_ms, caught_up=True)


def everywhere(message: Placed) -> tuple[str, FlagsMessage]:
    """Return a snooze by rule, lane or unit under the key that reaches every partition."""
    return SNOOZES, message


def keyed(told: Told) -> tuple[str, FlagsMessage]:
    """Return a message with its key."""
    if isinstance(told, tuple):
        return told
    return (told.flag_id if isinstance(told, Finding) else FLAG_ID), told


def published(outcome: Outcome) -> list[RiskFlag | Notice]:
    """Return what was published, each held against its schema."""
    return [
        (Notice if output.topic == "notices" else RiskFlag).model_validate(output.message)
        for output in outcome.outputs
        if output.topic not in ("findings", "observations")
    ]


class Flags:
    """One partition of [flags] and its state."""

    def __init__(self, policy: Policy = POLICY, context: Context = HERE) -> None:
        self.state = MemoryState()
        self.policy = policy
        self.context = context

    def fold(self, *messages: Told) -> Outcome:
        """Fold messages as one batch."""
        records = [Inbound(key, message) for key, message in map(keyed, messages)]
        outcome = FlagsStage().fold(self.state, records, self.policy, self.context)
        self.state.apply(outcome.changed)
        return outcome

    def pause(self) -> Outcome:
        """Let the stage do what waits for a pause."""
        outcome = FlagsStage().tick(self.state, self.policy, self.context)
        self.state.apply(outcome.changed)
        return outcome

    def publish(self, *messages: Told) -> list[Any]:
        """Fold messages and return what was published."""
        return published(self.fold(*messages))


def statuses(messages: Sequence[Told]) -> list[str]:
    """Return the statuses that are published of messages, in order."""
    return [record.status for record in Flags().publish(*messages)]


def flag_of(*messages: Told) -> RiskFlag:
    """Return the flag that is published last of messages."""
    record = Flags().publish(*messages)[-1]
    assert isinstance(record, RiskFlag)
    return record
