"""The judgement of intake without a broker: what would be rejected, and why."""

from dataclasses import dataclass

from sstl.intake.envelope import RawRecord, RefusedError
from sstl.intake.pseudonym import Pseudonyms
from sstl.intake.validate import judge
from sstl.models.policy import Policy
from sstl.models.rejection import Problem
from sstl.publish.message import STRUCTURED_CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class Checker:
    """Judges messages as intake would, had they arrived at a given instant."""

    policy: Policy
    pseudonym_key: bytes
    now_ms: int
    """Arrival, milliseconds since the Unix epoch: lateness and the far future are judged by it."""
    backfill: frozenset[str] = frozenset()
    """Families whose topics are declared as a backfill."""

    def problems(self, raw: bytes, family: str, number: int) -> list[Problem]:
        """Return what is wrong with a structured CloudEvent; nothing if intake accepts it.

        Args:
            raw: The event's JSON.
            family: Family of the topic it is meant for.
            number: Line, in place of an offset.
        """
        record = RawRecord(
            family=family,
            topic=f"{family}.v1",
            partition=0,
            offset=number,
            timestamp_ms=self.now_ms,
            key=None,
            value=raw,
            headers=(("content-type", STRUCTURED_CONTENT_TYPE),),
        )
        try:
            judge(
                record,
                policy=self.policy,
                pseudonyms=Pseudonyms(self.pseudonym_key),
                backfill=family in self.backfill,
            )
        except RefusedError as refused:
            return refused.problems
        return []
