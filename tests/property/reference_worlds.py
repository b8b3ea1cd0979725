"""Small worlds of facts about few subjects, a chain of two stages that carries them, and an independent answer.

The answer (`expected`) is computed from the set of facts alone, without registers, messages or stages. The chain
(`deliver`) carries what intake would send for each fact through [manifests] and [references] in a random order,
with random batches, and reads the last word of every register at the end.
"""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import msgspec
from hypothesis import strategies as st

from sstl.core.manifests import ManifestsStage
from sstl.core.references import ReferencesStage
from sstl.core.stage import Context, Inbound, MemoryState, Outcome, Stage
from sstl.models.policy import Policy
from sstl.models.records import (
    Event,
    Forwarded,
    Linked,
    Origin,
    PingBucket,
    Placed,
    Referred,
    Registered,
    Shared,
    Version,
    Withdrawn,
)

HOUR_MS = 3_600_000
START_MS = 1_772_323_200_000
POLICY = Policy(conveyance_slack_s=3600, ping_bucket_s=6 * 3600)
UNITS = ("U1", "U2")
HOUSES = ("C1", "C2")
LRNS = ("L1", "L2")
DEVICE = "device:MAKER/1"
COMMAND = "command:K1"
VESSEL = "conveyance:9074729/7W"
OPERATOR = "operator:p1"
REFERENCES = (
    *(f"transport-document:{number}" for number in (*HOUSES, "MB")),
    *(f"consignment:{house}" for house in HOUSES),
    "mrn:R1",
    "ucr:Y1",
    VESSEL,
    COMMAND,
)
FILINGS = ("manifest.lodged", "manifest.amended")
PING = "seallock.position"


@dataclass(frozen=True)
class Fact:
    """One version of one event, as its publisher sent it."""

    id: str
    type: str
    recorded: int
    at: int
    retracted: bool = False
    bodiless: bool = False
    unit: str | None = None
    references: tuple[str, ...] = ()
    lrn: str | None = None
    data: dict[str, Any] = field(default_factory=dict, hash=False)
    copies: int = 1

    @property
    def digest(self) -> str:
        return sha256(repr(replace(self, copies=1)).encode()).hexdigest()

    @property
    def version(self) -> Version:
        recorded_ms = START_MS + 10 * HOUR_MS + self.recorded * 1000
        return Version(recorded_ms, self.retracted, self.digest)

    def event(self, copy: int = 0) -> Event:
        arrival_ms = START_MS + 10 * HOUR_MS + self.recorded * 1000 + copy
        return Event(
            source="urn:sstl:test",
            id=self.id,
            type=self.type,
            event_ms=START_MS + self.at * HOUR_MS,
            version=self.version,
            arrival_ms=arrival_ms,
            origin=Origin("input", 0, int(self.digest[:6], 16) + copy),
            data=self.data,
        )


Message = tuple[str, str, Any]


def messages(fact: Fact, copy: int = 0) -> Iterator[Message]:
    """Yield what intake sends for one copy of a fact."""
    event = fact.event(copy)
    places = []
    if not fact.bodiless:
        if fact.lrn is not None:
            places.append(f"manifest:{fact.lrn}")
            yield "manifests", fact.lrn, Placed(event=event)
        if fact.unit is not None:
            places.append(f"unit:{fact.unit}")
            yield "journeys", fact.unit, Placed(event=event)
        binds = fact.type in ("seallock.paired", "seallock.authorisation.granted")
        for reference in fact.references:
            places.append(f"ref:{reference}")
            message = Referred(
                event=event,
                to_units=fact.unit is None,
                binds_unit=fact.unit if binds else None,
            )
            yield "references", reference, message
    if fact.type != PING:
        registered = Registered(
            identity=event.identity,
            version=event.version,
            places=tuple(places),
            type=fact.type,
            event_ms=None if fact.bodiless else event.event_ms,
        )
        yield "references", f"event:{event.identity}", registered


# Worlds

_hours = st.integers(0, 4)


@st.composite
def _filing(draw: st.DrawFn) -> dict[str, Any]:
    houses = draw(st.lists(st.sampled_from(HOUSES), min_size=1, max_size=2, unique=True))
    consignments = []
    for house in houses:
        entry: dict[str, Any] = {"consignmentId": house}
        units = draw(st.lists(st.sampled_from(UNITS), max_size=2, unique=True))
        if units:
            entry["equipmentReferences"] = units
        if draw(st.booleans()):
            entry["masterTransportDocument"] = "MB"
        named = draw(st.sampled_from(({}, {}, {"mrn": "R1"}, {"ucr": "Y1"})))
        consignments.append(entry | named)
    body: dict[str, Any] = {"laneId": "LANE", "mode": "1", "consignments": consignments}
    if draw(st.booleans()):
        body["transportMeans"] = {"imoNumber": "9074729", "voyageNumber": "7W"}
        body["etd"] = _wire(draw(_hours))
        if draw(st.booleans()):
            body["eta"] = _wire(draw(_hours))
    if draw(st.booleans()):
        body["parties"] = [{"role": "CONSIGNEE", "pseudonym": "p1"}]
    if draw(st.booleans()):
        seals = [{"number": "S1"}] if draw(st.booleans()) else []
        body["equipment"] = [{"equipmentReference": "U1", "seals": seals}]
    return body


def _wire(hour: int) -> str:
    return f"2026-03-01T{hour:02d}:00:00Z"


@st.composite
def _version(draw: st.DrawFn, event_id: str, kind: str) -> Fact:
    retracted = draw(st.integers(0, 5)) == 0
    fact = Fact(
        id=event_id,
        type=kind,
        recorded=draw(st.integers(0, 3)),
        at=draw(_hours),
        retracted=retracted,
        bodiless=retracted and draw(st.booleans()),
        copies=draw(st.integers(1, 2)),
    )
    if fact.bodiless:
        return fact
    return replace(fact, **draw(_CONTENTS.get(kind, _named_anyhow())))


def _named_anyhow() -> st.SearchStrategy[dict[str, Any]]:
    """A unit, references, or both."""
    references = st.lists(st.sampled_from(REFERENCES), max_size=2, unique=True).map(tuple)
    both = st.fixed_dictionaries({"unit": st.none() | _units_named, "references": references})
    return both.filter(lambda named: named["unit"] or named["references"])


def _contents_of(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(parts)


_units_named = st.sampled_from(UNITS)
_lrns = st.sampled_from(LRNS)
_sequence = st.fixed_dictionaries({"sequence": st.integers(0, 1)})
_number = st.sampled_from(({"mrn": "R1"}, {"mrn": "R1", "consignmentId": "C1"}))
_CONTENTS = {
    "manifest.lodged": _contents_of(lrn=_lrns, data=_filing()),
    "manifest.amended": _contents_of(lrn=_lrns, data=_filing()),
    "manifest.invalidated": _contents_of(lrn=_lrns),
    "manifest.registered": _contents_of(lrn=_lrns, data=_number),
    "seallock.paired": _contents_of(
        unit=_units_named, references=st.just((DEVICE,)), data=_sequence
    ),
    "seallock.unpaired": _contents_of(references=st.just((DEVICE,)), data=_sequence),
    "seallock.authorisation.granted": _contents_of(
        unit=_units_named, references=st.just((DEVICE, COMMAND))
    ),
    "seallock.opened": _contents_of(
        references=st.sampled_from(((DEVICE,), (DEVICE, COMMAND))), data=_sequence
    ),
    "registry.operator.status": _contents_of(references=st.just((OPERATOR,))),
    "transport.arrived": _contents_of(references=st.just((VESSEL,))),
}


@st.composite
def _ping(draw: st.DrawFn, event_id: str) -> Fact:
    data = {"sequence": draw(st.integers(0, 1)), "latitude": 51.0, "longitude": 4.0}
    return Fact(event_id, PING, 0, draw(_hours), references=(DEVICE,), data=data)


_KINDS = (
    *FILINGS,
    *FILINGS,
    "manifest.invalidated",
    "manifest.registered",
    "inspection.released",
    "inspection.released",
    "transport.departed",
    "seallock.paired",
    "seallock.unpaired",
    "seallock.opened",
    "seallock.authorisation.granted",
    "registry.operator.status",
    "transport.arrived",
    PING,
)


@st.composite
def worlds(draw: st.DrawFn, kinds: Sequence[str] = _KINDS, most: int = 9) -> list[Fact]:
    """Draw a set of facts: few subjects and instants, so that ties, moves and corrections are common."""
    facts: list[Fact] = []
    for number in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(kinds))
        event_id = f"e{number}"
        if kind == PING:
            facts.append(draw(_ping(event_id)))
            continue
        for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
            of = draw(st.sampled_from(FILINGS)) if kind in FILINGS else kind
            fact = draw(_version(event_id, of))
            if all(fact.version != other.version for other in facts):
                facts.append(fact)
    return facts


# The chain


@dataclass
class Net:
    """The last word of every register, per place."""

    events: dict[tuple[str, str], dict[str, Event]]
    """(topic, key) to identity to the event that counts there."""
    shares: dict[tuple[str, str], dict[str, Shared]]
    pings: dict[str, dict[tuple[str, int], tuple[Any, Any]]]


class Chain:
    """[manifests] and [references] with the internal topics between them."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.stages: dict[str, Stage] = {
            "manifests": ManifestsStage(),
            "references": ReferencesStage(),
        }
        self.states = {name: MemoryState() for name in self.stages}
        self.context = Context(0, frozenset({"intake/0"}))
        self.said: list[Message] = []
        """What reached the end, and what places were sent directly."""
        self.between: dict[tuple[str, str], list[Message]] = defaultdict(list)
        """(writer, reader) to what is on the way, in order."""

    def fold(self, name: str, batch: Sequence[Message]) -> Outcome:
        records = [Inbound(key, message) for _, key, message in batch]
        outcome = self.stages[name].fold(self.states[name], records, self.policy, self.context)
        self.states[name].apply(outcome.changed)
        for output in outcome.outputs:
            entry = (output.topic, output.key, output.message)
            if output.topic in self.stages:
                self.between[name, output.topic].append(entry)
            else:
                self.said.append(entry)
        return outcome

    def run(self, sent: Sequence[Message], rng: random.Random | None) -> None:
        """Carry everything through; without ``rng`` message by message, in the order sent."""
        waiting = self.between
        for entry in sent:
            if entry[0] in self.stages:
                waiting["intake", entry[0]].append(entry)
            else:
                self.said.append(entry)
        while lanes := sorted(lane for lane in waiting if waiting[lane]):
            lane = lanes[0] if rng is None else rng.choice(lanes)
            size = 1 if rng is None else rng.choice((1, 2, len(waiting[lane])))
            batch, waiting[lane] = waiting[lane][:size], waiting[lane][size:]
            self.fold(lane[1], batch)

    def net(self) -> Net:
        net = Net({}, defaultdict(dict), defaultdict(dict))
        places = defaultdict(list)
        for topic, key, message in self.said:
            if isinstance(message, Shared):
                net.shares[topic, key].pop(message.manifest_id, None)
                if message.share is not None:
                    net.shares[topic, key][message.manifest_id] = message
            elif isinstance(message, PingBucket):
                net.pings[key].pop((message.path, message.bucket_ms), None)
                if message.first is not None:
                    bucket = (message.first, message.last)
                    net.pings[key][message.path, message.bucket_ms] = bucket
            elif topic != "findings":
                places[topic, key].append(message)
        for place, said in places.items():
            events = _last_words(said)
            if events:
                net.events[place] = events
        net.shares = {place: shares for place, shares in net.shares.items() if shares}
        net.pings = {unit: pings for unit, pings in net.pings.items() if pings}
        return net


def _last_words(said: Sequence[Placed | Withdrawn | Forwarded]) -> dict[str, Event]:
    """Merge what one place was told, as the docstrings of the records say it."""
    direct: dict[str, list[tuple[Version, bool, Event | None]]] = defaultdict(list)
    paths: dict[str, dict[str, Event | None]] = defaultdict(dict)
    for message in said:
        match message:
            case Placed(event=event):
                lies = None if event.version.retracted else event
                direct[event.identity].append((event.version, True, lies))
            case Withdrawn(identity=identity, version=version):
                direct[identity].append((version, False, None))
            case Forwarded(identity=identity, path=path, event=forwarded):
                paths[identity][path] = forwarded
    events = {}
    for identity in direct.keys() | paths.keys():
        ways = list(paths[identity].values())
        greatest = max(((version, here) for version, here, _ in direct[identity]), default=None)
        ways += [e for version, here, e in direct[identity] if (version, here) == greatest]
        live = [event for event in ways if event is not None]
        if live:
            events[identity] = min(live, key=lambda e: (_down(e.version), e.arrival_ms))
    return events


def _down(version: Version) -> tuple[int, bool, list[int]]:
    digits = [-ord(char) for char in version.digest]
    return (-version.recorded_ms, not version.retracted, digits)


def deliver(facts: Sequence[Fact], seed: int | None) -> Chain:
    """Carry all copies of all facts, shuffled and repeated by the seed; None: in order, once, one by one."""
    sent = [m for fact in facts for copy in range(fact.copies) for m in messages(fact, copy)]
    rng = None
    if seed is not None:
        rng = random.Random(seed)
        sent += rng.sample(sent, rng.randint(0, len(sent)))
        rng.shuffle(sent)
    chain = Chain()
    chain.run(sent, rng)
    return chain


# The answer, from the facts alone


@dataclass
class Answer:
    """As `Net`, but of a share only what it names: a unit's consignments, a consignment's units."""

    events: dict[tuple[str, str], dict[str, Event]]
    shares: dict[tuple[str, str], dict[str, tuple[str, ...]]]
    pings: dict[str, dict[tuple[str, int], tuple[Any, Any]]]


def expected(facts: Sequence[Fact]) -> Answer:
    """Compute where every event counts, and every unit's and consignment's shares and positions."""
    counting = _counting(facts)
    filings = {lrn: _effective(counting, lrn) for lrn in LRNS}
    linked = [link for lrn in LRNS for link in _linked(counting, lrn, filings[lrn])]
    net = Answer(defaultdict(dict), defaultdict(dict), defaultdict(dict))
    for fact in counting.values():
        if fact.type == PING:
            continue
        for place in _places(fact, counting, linked):
            net.events[place][fact.event().identity] = fact.event()
    for lrn, filing in filings.items():
        if filing is not None:
            for unit, houses in _contents(filing).items():
                net.shares["journeys", unit][lrn] = houses
            for entry in filing.data["consignments"]:
                units = tuple(sorted(_units(entry)))
                net.shares["consignments", entry["consignmentId"]][lrn] = units
    for unit, pings in _positions(counting).items():
        net.pings[unit] = pings
    return net


def shares_of(net: Net) -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
    """Reduce shares to what the answer says: a unit's consignments, a consignment's units."""
    return {
        place: {
            lrn: said.share.consignments if place[0] == "journeys" else said.units
            for lrn, said in shares.items()
            if said.share is not None
        }
        for place, shares in net.shares.items()
    }


def _counting(facts: Sequence[Fact]) -> dict[str, Fact]:
    greatest: dict[str, Fact] = {}
    for fact in facts:
        if fact.id not in greatest or greatest[fact.id].version < fact.version:
            greatest[fact.id] = fact
    return {event_id: fact for event_id, fact in greatest.items() if not fact.retracted}


def _effective(counting: dict[str, Fact], lrn: str) -> Fact | None:
    kinds = (*FILINGS, "manifest.invalidated")
    own = [fact for fact in counting.values() if fact.lrn == lrn and fact.type in kinds]
    last = max(own, key=lambda fact: (fact.at, fact.recorded, fact.id), default=None)
    return None if last is None or last.type == "manifest.invalidated" else last


def _units(entry: dict[str, Any]) -> list[str]:
    return entry.get("equipmentReferences") or [entry["consignmentId"]]


def _contents(filing: Fact) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for listed in filing.data.get("equipment", ()):
        found[listed["equipmentReference"]] = set()
    for entry in filing.data["consignments"]:
        for unit in _units(entry):
            found[unit].add(entry["consignmentId"])
    return {unit: tuple(sorted(houses)) for unit, houses in found.items()}


Link = tuple[str, str, set[str], set[str], float, float]


def _linked(counting: dict[str, Fact], lrn: str, filing: Fact | None) -> Iterator[Link]:
    """Yield (reference, LRN, units, consignments, from, to), times in hours."""
    if filing is None:
        return
    always = (float("-inf"), float("inf"))
    registered = [
        fact.data.get("consignmentId")
        for fact in counting.values()
        if fact.type == "manifest.registered" and fact.lrn == lrn
    ]
    for entry in filing.data["consignments"]:
        house, units = entry["consignmentId"], set(_units(entry))
        named = {f"transport-document:{house}", f"consignment:{house}"}
        if "masterTransportDocument" in entry:
            named.add("transport-document:MB")
        if "mrn" in entry or None in registered or house in registered:
            named.add("mrn:R1")
        if "ucr" in entry:
            named.add("ucr:Y1")
        for reference in named:
            yield (reference, lrn, units, {house}, *always)
        if filing.data.get("parties"):
            yield (OPERATOR, lrn, set(), {house}, *always)
    if "transportMeans" in filing.data:
        houses = {entry["consignmentId"] for entry in filing.data["consignments"]}
        end = int(filing.data["eta"][11:13]) + 1 if "eta" in filing.data else float("inf")
        start = int(filing.data["etd"][11:13]) - 1
        yield (VESSEL, lrn, set(_contents(filing)), houses, start, end)


def _order(fact: Fact) -> tuple[int, int, str]:
    return (fact.at, fact.data.get("sequence", 0), fact.id)


def _paired(fact: Fact, counting: dict[str, Fact]) -> str | None:
    kinds = ("seallock.paired", "seallock.unpaired")
    before = [
        point
        for point in counting.values()
        if point.type in kinds and (_order(point), point is not fact) <= (_order(fact), True)
    ]
    if fact.type == "seallock.unpaired":
        before = [point for point in before if point is not fact]
    last = max(before, key=_order, default=None)
    return None if last is None else last.unit


def _places(fact: Fact, counting: dict[str, Fact], linked: Sequence[Link]) -> set[tuple[str, str]]:
    found = set()
    if fact.unit is not None:
        found.add(("journeys", fact.unit))
    for reference in fact.references:
        kind, _, name = reference.partition(":")
        if kind == "consignment":
            found.add(("consignments", name))
        for of, _, units, houses, start, end in linked:
            if of == reference and start <= fact.at <= end:
                found |= {("consignments", house) for house in houses}
                if fact.unit is None:
                    found |= {("journeys", unit) for unit in units}
        if fact.unit is not None:
            continue
        if reference == DEVICE and (unit := _paired(fact, counting)) is not None:
            found.add(("journeys", unit))
        if reference == COMMAND:
            found |= {
                ("journeys", grant.unit)
                for grant in counting.values()
                if grant.type == "seallock.authorisation.granted" and grant.unit
            }
    return found


def _positions(counting: dict[str, Fact]) -> dict[str, dict[tuple[str, int], tuple[Any, Any]]]:
    pings = sorted((fact for fact in counting.values() if fact.type == PING), key=_order)
    found: dict[str, dict[tuple[str, int], tuple[Any, Any]]] = defaultdict(dict)
    # All hours of a world lie in one bucket, each in its own sixth of it.
    for _, slot in itertools.groupby(pings, key=lambda fact: fact.at):
        all_of_slot = list(slot)
        for fact in (all_of_slot[0], all_of_slot[-1]):
            unit = _paired(fact, counting)
            if unit is not None:
                event = fact.event()
                ping = (event.event_ms, fact.data["sequence"], fact.id, 51.0, 4.0)
                first, _ = found[unit].get((DEVICE, START_MS), (ping, ping))
                found[unit][DEVICE, START_MS] = (first, ping)
    return found


def encoded(state: MemoryState, cell_type: Any) -> dict[tuple[str, str], Any]:
    """Return the state as its changelog would bring it back."""
    decoder = msgspec.json.Decoder(cell_type)
    return {cell: decoder.decode(msgspec.json.encode(value)) for cell, value in state.items()}


def linked(manifest_id: str, **says: Any) -> Linked:
    """Return a link as [manifests] writes it."""
    return Linked(manifest_id=manifest_id, **says)
