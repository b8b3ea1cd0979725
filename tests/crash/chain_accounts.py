"""What must hold of the real chain after any fault, read from the topics alone, read committed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from sstl.agents.prepare import encode_value
from sstl.core.stage import Context, MemoryState
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy
from sstl.settings import DEVELOPMENT_PSEUDONYM_KEY, FAMILIES
from tests.harness import HEARTBEAT, Lab

OF_INTAKE = {"placed.1", "referred.1", "registered.1"}
"""Messages that intake alone writes."""
RECEIVERS = ("manifests", "references", "journeys", "findings")
Message = tuple[str, str, bytes]
"""(logical topic, key, value)"""


@dataclass
class Accounts:
    """Every input against what intake made of it, and every series against itself."""

    inputs: int = 0
    accepted: int = 0
    rejected: int = 0
    undecided: list[str] = field(default_factory=list)
    """Inputs that are not exactly one of accepted and rejected."""
    missing: Counter[Message] = field(default_factory=Counter)
    repeated: Counter[Message] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """Series in which a message does not follow on the one before."""
    quarantined: int = 0

    def faults(self) -> dict[str, Any]:
        """Return what is wrong, empty when nothing is."""
        wrong: dict[str, Any] = {
            "neither or both": self.undecided[:5],
            "missing": [(topic, key) for topic, key, _ in list(self.missing)[:5]],
            "repeated": [(topic, key) for topic, key, _ in list(self.repeated)[:5]],
            "broken series": self.broken[:5],
            "quarantined": self.quarantined,
        }
        return {name: value for name, value in wrong.items() if value}


def settle(lab: Lab) -> Accounts:
    """Read the topics of the chain and draw up the accounts; every family must be a backfill."""
    accounts = Accounts()
    expected = Counter(_expected(lab, accounts))
    found = Counter(_found(lab))
    accounts.missing, accounts.repeated = expected - found, found - expected
    accounts.quarantined = len(lab.read("quarantine"))
    accounts.broken += _telescoping(lab.read("observations"))
    accounts.broken += _lives(lab.read("findings"))
    for topic, number in (
        ("risk-flags", "version"),
        ("risk-flags", "revision"),
        ("indicators", "revision"),
    ):
        accounts.broken += _counted(topic, number, lab.read(topic))
    return accounts


def _expected(lab: Lab, accounts: Accounts) -> Iterator[Message]:
    """Yield what intake has to say to the input that the topics hold, judged anew here."""
    for family in sorted(FAMILIES):
        states: dict[int, MemoryState] = defaultdict(MemoryState)
        stage = IntakeStage(family, pseudonym_key=DEVELOPMENT_PSEUDONYM_KEY, backfill=True)
        for record in lab.read(family):
            raw = RawRecord(
                family,
                record.topic,
                record.partition,
                record.offset,
                record.timestamp,
                record.key,
                record.value,
                tuple(record.headers),
            )
            state = states[record.partition]
            context = Context(record.partition, frozenset())
            outcome = stage.fold(state, [raw], Policy(), context)
            state.apply(outcome.changed)
            accepted = outcome.counts["accepted", family]
            rejected = sum(n for (what, _), n in outcome.counts.items() if what == "rejected")
            accounts.inputs += 1
            accounts.accepted += accepted
            accounts.rejected += rejected
            if accepted + rejected != 1:
                accounts.undecided.append(f"{raw.topic}/{raw.partition}/{raw.offset}")
            for output in outcome.outputs:
                yield output.topic, output.key, encode_value(output.message)


def _found(lab: Lab) -> Iterator[Message]:
    for topic in RECEIVERS:
        for record in lab.read(topic):
            if orjson.loads(record.value)["type"] in OF_INTAKE:
                yield topic, record.key.decode(), record.value
    for record in lab.read("rejected"):
        yield "rejected", record.key.decode(), record.value


def _telescoping(records: Iterable[Any]) -> Iterator[str]:
    """Yield the observations of which a message takes away something else than the one before had added."""
    standing: dict[tuple[str, str], Any] = {}
    for record in records:
        if record.key == HEARTBEAT:
            continue
        message = orjson.loads(record.value)
        lane = (message.get("current") or message["previous"])["lane_id"]
        series = (message["id"], lane)
        if standing.get(series) != message.get("previous"):
            yield f"observation {series}"
        standing[series] = message.get("current")


def _lives(records: Iterable[Any]) -> Iterator[str]:
    """Yield the findings that are raised twice, or changed or cleared without being there, or said twice."""
    standing: dict[str, Any] = {}
    for record in records:
        message = orjson.loads(record.value)
        if message["type"] != "finding.1":
            continue
        flag, state = message["flag_id"], message["state"]
        content = {
            name: value for name, value in message.items() if name not in {"state", "reason"}
        }
        if (flag in standing) == (state == "RAISED"):
            yield f"finding {flag} {state}"
        if state == "CHANGED" and standing.get(flag) == content:
            yield f"finding {flag} changed to the same"
        if state == "CLEARED":
            standing.pop(flag, None)
        else:
            standing[flag] = content


def _counted(topic: str, number: str, records: Iterable[Any]) -> Iterator[str]:
    """Yield the keys whose messages are not numbered 1, 2, 3 and so on; a null value ends what a key says."""
    last: Counter[bytes] = Counter()
    for record in records:
        if record.value is None:
            continue
        message = orjson.loads(record.value)
        last[record.key] += 1
        if message[number] != last[record.key]:
            yield f"{topic} {record.key.decode()}: {number} {message[number]}, expected {last[record.key]}"
