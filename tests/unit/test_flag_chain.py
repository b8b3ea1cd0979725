"""What offices and operators say about flags, through the whole chain in memory, told in different ways."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from sstl.synthetic.corridor import Corridor
from tests.chain import Chain, as_bytes
from tests.logs import (
    Log,
    action_log,
    corrected,
    corridor_log,
    doubled,
    feedback_log,
    in_order,
    shuffled,
)

START = datetime(2013, 1, 1, tzinfo=UTC)
SEED = 11


@pytest.fixture(scope="module")
def answered() -> tuple[Log, Chain]:
    """Return a small corridor with answers on its flags, and the chain that was told it in order."""
    corridor = Corridor(
        seed=19,
        start=START,
        spacing=timedelta(hours=4),
        shipments=10,
        lanes=("CNXIA-DEDUI-RAIL", "CNCAN-NLAMS-AIR"),
        incident_share=0.6,
    )
    facts = in_order(corridor_log(corridor))
    chain = Chain()
    chain.take(facts)
    flags = chain.net_flags()
    rules = Counter(flag["indicators"][0]["ruleId"] for flag in flags.values())
    at = START + timedelta(days=40)
    names = sorted(flags)
    answers = feedback_log(names[::3], at) + action_log(names, rules.most_common(1)[0][0], at)
    log = facts + answers
    chain.take(answers)
    return log, chain


def test_there_are_flags_in_many_states(answered: tuple[Log, Chain]) -> None:
    flags = answered[1].net_flags().values()
    assert any(flag.get("status") == "CLOSED" for flag in flags)
    assert any("snoozed" in flag for flag in flags)
    assert any(flag.get("snoozed", {}).get("ruleId") for flag in flags)
    assert any("feedback" in flag for flag in flags)
    assert all(flag["acknowledged"]["by"].startswith("p:") for flag in flags)


@pytest.mark.parametrize("telling", ["shuffled", "twice", "corrected"])
def test_the_same_answers_give_the_same_flags(answered: tuple[Log, Chain], telling: str) -> None:
    log, expected = answered
    told = {
        "shuffled": lambda: shuffled(log, SEED),
        "twice": lambda: doubled(log),
        "corrected": lambda: corrected(log, SEED),
    }[telling]()
    chain = Chain(seed=SEED, batch=50)
    chain.take(told)
    assert as_bytes(chain.net_flags()) == as_bytes(expected.net_flags())
