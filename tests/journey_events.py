"""Short ways to say events, manifests and heartbeats in tests of journeys and consignments."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sstl.core.stage import Context, Inbound, MemoryState, Output, Stage
from sstl.models.policy import Policy
from sstl.models.records import (
    Event,
    Finding,
    Leg,
    Observation,
    Origin,
    Share,
    UnitMilestones,
    Version,
)

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_225_600_000
"""1 January 2026, 00:00 UTC."""
UNIT = "MSKU3054383"
LANE = "CNYTN-NLRTM-SEA"
CONTEXT = Context(partition=0, sources=frozenset({"intake-transport/0"}))


def event(
    kind: str,
    at_ms: int,
    *,
    id: str | None = None,  # noqa: A002 - the attribute's own name
    classifier: str | None = "ACTUAL",
    place: str | None = None,
    leg: str | None = None,
    recorded_ms: int | None = None,
    retracted: bool = False,
    digest: str = "a",
    lane: str | None = None,
    **data: Any,
) -> Event:
    """Make an event; recorded and arrived when it happened unless said otherwise."""
    body: dict[str, Any] = dict(data)
    if kind.startswith("transport.") and classifier is not None:
        body["eventClassifier"] = classifier
    if place is not None:
        body["unLocationCode"] = place
    if leg is not None:
        body["legId"] = leg
    recorded = at_ms if recorded_ms is None else recorded_ms
    return Event(
        source="urn:sstl:NLRTM:tos",
        id=id or f"{kind}/{place}/{leg}/{classifier}/{at_ms}",
        type=kind,
        event_ms=at_ms,
        version=Version(recorded, retracted, digest),
        arrival_ms=recorded,
        origin=Origin("sstl.transport.v1", 0, recorded % 100_003),
        lane_id=lane,
        data=body,
    )


def share(manifest_id: str = "LRN1", **fields: Any) -> Share:
    """Make a unit's part of a manifest on the sea lane."""
    known: dict[str, Any] = {
        "lane_id": LANE,
        "mode": "SEA",
        "lodged_ms": START,
        "evidence": event("manifest.lodged", START, id=f"lodged/{manifest_id}"),
    }
    return Share(manifest_id=manifest_id, **(known | fields))


def leg(leg_id: str, role: str = "MAIN", mode: str = "SEA", **fields: Any) -> Leg:
    """Make a planned leg."""
    known: dict[str, Any] = {"place_of_departure": "CNYTN", "place_of_arrival": "NLRTM"}
    return Leg(leg_id=leg_id, role=role, mode=mode, **(known | fields))


class Chain:
    """A stage on a state in memory, with everything that it told."""

    def __init__(
        self, stage: Stage, policy: Policy | None = None, context: Context = CONTEXT
    ) -> None:
        self.stage = stage
        self.policy = policy or Policy()
        self.context = context
        self.state = MemoryState()
        self.outputs: list[Output] = []
        self.counts: dict[tuple[str, str], int] = {}
        self._cells = msgspec.json.Decoder(stage.cell_type)
        self._messages = msgspec.json.Decoder(stage.message_type)

    def feed(self, *messages: Any, key: str = UNIT) -> list[Output]:
        """Fold messages of one key as one batch."""
        return self.fold([(key, message) for message in messages])

    def fold(self, records: Iterable[tuple[str, Any]]) -> list[Output]:
        """Fold a batch; messages and cells pass through their wire form."""
        inbound = [
            Inbound(key, self._messages.decode(msgspec.json.encode(message)))
            for key, message in records
        ]
        outcome = self.stage.fold(self.state, inbound, self.policy, self.context)
        self.state.apply(
            {
                cell: None if value is None else self._cells.decode(msgspec.json.encode(value))
                for cell, value in outcome.changed.items()
            }
        )
        self.outputs += outcome.outputs
        for name, many in outcome.counts.items():
            self.counts[name] = self.counts.get(name, 0) + many
        return outcome.outputs

    def findings(self) -> dict[str, Finding]:
        """Return the net findings; each raised once, and changed or cleared only while raised."""
        net: dict[str, Finding] = {}
        for output in self.outputs:
            if isinstance(output.message, Finding):
                finding = output.message
                assert output.topic == "findings"
                assert output.key == finding.flag_id
                assert (finding.state == "RAISED") == (finding.flag_id not in net)
                if finding.state == "CLEARED":
                    del net[finding.flag_id]
                else:
                    net[finding.flag_id] = msgspec.structs.replace(finding, state="RAISED")
        return net

    def observations(self) -> dict[tuple[str, str], Any]:
        """Return the net observations by (id, lane); each message takes back exactly what was told."""
        net: dict[tuple[str, str], Any] = {}
        for output in self.outputs:
            message = output.message
            if not isinstance(message, Observation):
                continue
            assert output.topic == "observations"
            assert message.previous is not None or message.current is not None
            if message.previous is not None:
                assert output.route == message.previous.lane_id
                assert net.pop((message.id, message.previous.lane_id)) == message.previous
            if message.current is not None:
                assert output.route == message.current.lane_id
                assert (message.id, message.current.lane_id) not in net
                net[message.id, message.current.lane_id] = message.current
        return net

    def units(self) -> dict[str, UnitMilestones]:
        """Return what each consignment was last told, without those that were detached."""
        net = {
            output.key: output.message
            for output in self.outputs
            if isinstance(output.message, UnitMilestones)
        }
        return {name: told for name, told in net.items() if told.milestones is not None}

    def cells(self) -> dict[tuple[str, str], Any]:
        """Return all cells."""
        return dict(self.state.items())


def by_rule(findings: Mapping[str, Finding]) -> dict[str, list[Finding]]:
    """Sort findings by rule."""
    found: dict[str, list[Finding]] = {}
    for finding in findings.values():
        found.setdefault(finding.rule_id, []).append(finding)
    return found


def ordered(events: Sequence[Event]) -> list[Event]:
    """Return events in their total order."""
    from sstl.core.milestones import order

    return sorted(events, key=order)
