"""Law 1 for what filings say: versions, retractions, referrals and answers give the same shares in any order."""

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.reference_worlds import Chain, Fact, messages
from tests.unit.test_manifests import lodged
from tests.unit.test_shares import house

_CHANGES: tuple[dict[str, Any], ...] = (
    house(),
    house(placeOfDelivery="NLRTM"),
    house(items=[{"hs6": "950300"}]),
    {"eta": "2026-04-01T00:00:00Z"},
)
_KINDS = ("lodged", "amended", "amended", "invalidated", "registered", "assessed")
_REFERRALS = ("referral.raised", "referral.answered")


@st.composite
def _versions(draw: st.DrawFn, event_id: str) -> list[Fact]:
    kind = draw(st.sampled_from((*_KINDS, *_REFERRALS)))
    found = []
    for recorded in draw(st.sets(st.integers(0, 4), min_size=1, max_size=2)):
        if kind in ("lodged", "amended"):
            changes = draw(st.sampled_from(_CHANGES))
            data = lodged(**changes).data
        elif kind in _REFERRALS:
            data = draw(
                st.fixed_dictionaries(
                    {"referralType": st.sampled_from(("RFI", "DNL"))},
                    optional={
                        "referralId": st.sampled_from(("R1", "R2")),
                        "consignmentId": st.sampled_from(("H1", "H2")),
                    },
                )
            )
        else:
            data = {"mrn": "25NL09"} if kind == "registered" else {}
        fact = Fact(
            event_id, f"manifest.{kind}", recorded, draw(st.integers(0, 3)), lrn="LRN1", data=data
        )
        found.append(replace(fact, retracted=draw(st.integers(0, 4)) == 0))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> list[Fact]:
    """Draw the facts about one manifest: few instants, so that ties and corrections are common."""
    many = draw(st.integers(1, 7))
    return [fact for number in range(many) for fact in draw(_versions(f"f{number}"))]


def shares(facts: list[Fact], seed: int | None) -> Any:
    """Return what every place was told last; None: each fact once, in the order drawn."""
    sent = [message for fact in facts for message in messages(fact)]
    rng = None
    if seed is not None:
        rng = random.Random(seed)
        sent += rng.sample(sent, rng.randint(0, len(sent)))
        rng.shuffle(sent)
    chain = Chain()
    chain.run(sent, rng)
    return chain.net().shares


@settings(max_examples=150, deadline=None)
@given(facts=worlds(), seed=st.integers(0, 2**32))
def test_order_and_repetition_do_not_change_what_is_told_of_filings(
    facts: list[Fact], seed: int
) -> None:
    assert shares(facts, seed) == shares(facts, None)
