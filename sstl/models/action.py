"""What operators do about flags (``org.sstl.action.*.v1``): acknowledge, close, reopen, snooze, end a snooze."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sstl.models.common import (
    Contradictions,
    EquipmentReference,
    Instant,
    LaneId,
    Office,
    Statement,
    Text,
    Token,
    TransportDocument,
    WireModel,
)

MAX_SNOOZE_DAYS = 366
"""A snooze is an exception with an end; what should stay silent for longer is a change of the policy."""

FlagIds = Annotated[tuple[Token, ...], Field(min_length=1, max_length=500)]


class _Action(WireModel):
    author: Statement
    """Who did it: a personal identifier that travels on as its pseudonym."""
    office: Office | None = None
    reason: Text | None = None
    """Free text that flags repeat: no names in it."""


class AcknowledgedBody(_Action):
    """``action.acknowledged``: somebody has seen these flags and works on them."""

    flag_ids: FlagIds


class DecidedBody(_Action):
    """``action.closed`` and ``action.reopened``: somebody decided that these flags are done with, or are not."""

    flag_ids: FlagIds
    reason: Statement


class _Scope(_Action):
    """Either flags by their ids, or those of a rule, a lane and a unit; what is named holds together."""

    flag_ids: FlagIds | None = None
    rule_id: Token | None = None
    lane_id: LaneId | None = None
    equipment_reference: EquipmentReference | None = None
    transport_document_reference: TransportDocument | None = None
    """The unit of loose cargo."""

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        found = Contradictions()
        units = (self.equipment_reference, self.transport_document_reference)
        named = (self.rule_id, self.lane_id, *units)
        if self.flag_ids is None and not any(named):
            expected = "flagIds, or a rule, a lane or a unit"
            found.add("/flagIds", "nothing", expected, reason="missing_field")
        if self.flag_ids is not None and any(named):
            found.add("/flagIds", "flags and a scope", "either flags, or a rule, a lane or a unit")
        if all(units):
            found.add("/transportDocumentReference", str(units[1]), "one unit, not two")
        found.refuse_if_any()
        return self


class SnoozedBody(_Scope):
    """``action.snoozed``: hide flags for a time.

    Of a rule, lane or unit: those whose governing instant lies from the event's time on and before ``until``.
    """

    until: Instant
    reason: Statement


class UnsnoozedBody(_Scope):
    """``action.unsnoozed``: every earlier snooze of exactly this scope is over, as if it had not been."""


KINDS: dict[str, type[WireModel]] = {
    "acknowledged": AcknowledgedBody,
    "closed": DecidedBody,
    "reopened": DecidedBody,
    "snoozed": SnoozedBody,
    "unsnoozed": UnsnoozedBody,
}
"""Kind of action to its body."""
