"""What [flags] keeps, and under which keys.

====================  =====================  =============================================================
key                   part                   cell
====================  =====================  =============================================================
flag id               ``flag``               `FlagCell`: the flag as last published
flag id               ``answer/<identity>``  `Answer`: one feedback or action, even while the flag is unknown
flag id               ``heir/<flag id>``     `Heir`: that flag supersedes this one and inherits its answers
flag id               ``observation/...``    `Shown`: what lanes count of the flag, as last told
``~snoozes``          ``answer/<identity>``  `Answer`: one snooze (or the end of one) by rule, lane or unit
``~anchored/<day>``   flag id                `Anchored`: the flag's governing instant lies in that day
``~wake``...          see wakeups            `Wake`: expiry of a flag, end of its time for feedback and of what is kept
====================  =====================  =============================================================
"""

import msgspec

from sstl.core.observations import Shown
from sstl.core.registers import Held
from sstl.core.stage import Reached
from sstl.core.wakeups import Wake
from sstl.models.records import Finding
from sstl.models.risk_flag import FlagStatus

FLAG = "flag"
ANSWER = "answer/"
HEIR = "heir/"


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who first said that they work on the flag."""

    at_ms: int
    by: str
    """Pseudonym."""
    action_id: str
    office: str | None = None


class Closed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What closed the flag: an action or the final feedback."""

    at_ms: int
    action_id: str | None = None
    feedback_id: str | None = None
    by: str | None = None
    """Pseudonym; None for feedback."""
    office: str | None = None
    reason: str | None = None


class Snoozed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The snooze that covers the flag; nothing of rule, lane and unit: the flag itself was snoozed."""

    until_ms: int
    action_id: str
    by: str
    reason: str
    rule_id: str | None = None
    lane_id: str | None = None
    unit: str | None = None


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The final feedback."""

    feedback_id: str
    action_taken: str
    recorded_ms: int
    count: int
    """How many feedbacks count in all."""
    outcome: str | None = None
    office: str | None = None
    late: bool = False


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people have said about a flag, in one value: a function of the answers, whatever their order."""

    acknowledged: Acknowledged | None = None
    closed: Closed | None = None
    snoozed: Snoozed | None = None
    feedback: Answered | None = None


UNANSWERED = Standing()


class FlagCell(msgspec.Struct, frozen=True, kw_only=True, tag="flag.1", omit_defaults=True):
    """Cell: a flag as it was last published."""

    finding: Finding
    status: FlagStatus
    version: int
    due_ms: int
    """When feedback was due."""
    topic: str = "risk-flags"
    standing: Standing = UNANSWERED
    severity_before: str | None = None
    escalations: int = 0


class Answer(msgspec.Struct, frozen=True, tag="answer.1"):
    """Cell: one feedback or action and all ways by which it is here."""

    held: Held


class Heir(msgspec.Struct, frozen=True, tag="heir.1"):
    """Cell: a flag that inherits the answers on this one."""


class Anchored(msgspec.Struct, frozen=True, tag="anchored.1"):
    """Cell: a flag in the index by day, through which a snooze finds what it covers."""


FlagsCell = FlagCell | Answer | Heir | Anchored | Shown | Wake | Reached
