"""What must hold after any fault, read from the topics alone, read committed."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson

from sstl.agents.codec import unpack
from sstl.agents.store import POSITION_RECORD
from tests.harness import Lab


@dataclass
class Accounts:
    """Every input against every effect of it."""

    published: Counter[str] = field(default_factory=Counter)
    relayed: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    expected_sums: dict[str, tuple[int, int]] = field(default_factory=dict)
    kept_sums: dict[str, tuple[int, int]] = field(default_factory=dict)
    out_of_order: list[str] = field(default_factory=list)

    def faults(self) -> dict[str, Any]:
        """Return what is wrong, empty when nothing is."""
        wrong = {
            "lost by the relay": self.published - self.relayed,
            "repeated by the relay": self.relayed - self.published,
            "outputs missing": self.published - self.answered,
            "outputs repeated": self.answered - self.published,
            "sums": {
                key: (self.kept_sums.get(key), expected)
                for key, expected in self.expected_sums.items()
                if self.kept_sums.get(key) != expected
            },
            "keys out of order": self.out_of_order,
        }
        return {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in wrong.items()
            if value
        }


def settle(lab: Lab) -> Accounts:
    """Read all topics of the toy chain and draw up the accounts."""
    accounts = Accounts()
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for record in lab.read("transport"):
        event = orjson.loads(record.value)
        accounts.published[event["id"]] += 1
        sums[event["key"]][0] += 1
        sums[event["key"]][1] += event["number"]
    accounts.expected_sums = {key: (count, total) for key, (count, total) in sums.items()}
    order: dict[str, list[str]] = defaultdict(list)
    for record in lab.read("journeys"):
        event = orjson.loads(record.value)
        accounts.relayed[event["id"]] += 1
        order[event["key"]].append(event["id"])
    answers: dict[str, list[str]] = defaultdict(list)
    for record in lab.read("findings"):
        answer = orjson.loads(record.value)["id"]
        accounts.answered[answer] += 1
        answers[record.key.decode()].append(answer)
    accounts.out_of_order = [key for key, ids in order.items() if answers[key] != ids]
    for record in lab.read("changelog-journeys"):
        if record.key != POSITION_RECORD and record.value is not None:
            cell = orjson.loads(unpack(record.value))
            key = record.key.decode().partition("\x00")[0]
            accounts.kept_sums[key] = (cell["count"], cell["total"])
    return accounts
