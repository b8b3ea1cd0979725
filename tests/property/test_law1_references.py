"""Law 1 through [manifests] and [references]: order, repetition, correction, retraction, moves, unlinking."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.stage import Context, Inbound, MemoryState
from tests.property.reference_worlds import (
    DEVICE,
    FILINGS,
    PING,
    POLICY,
    Chain,
    Fact,
    deliver,
    encoded,
    expected,
    linked,
    messages,
    shares_of,
    worlds,
)

seeds = st.integers(0, 2**32)
device_kinds = (
    "seallock.paired",
    "seallock.paired",
    "seallock.unpaired",
    "seallock.opened",
    PING,
    PING,
)
filing_kinds = (
    *FILINGS,
    "manifest.invalidated",
    "manifest.registered",
    "inspection.released",
    "transport.departed",
)
few = settings(max_examples=120)


def agrees_with_the_facts(facts: list[Fact], chain: Chain) -> None:
    net, answer = chain.net(), expected(facts)
    assert net.events == answer.events
    assert shares_of(net) == answer.shares
    assert net.pings == answer.pings


@few
@given(worlds(), seeds)
def test_every_event_counts_where_the_facts_put_it_in_whatever_order(
    facts: list[Fact], seed: int
) -> None:
    agrees_with_the_facts(facts, deliver(facts, seed))


@few
@given(worlds(device_kinds), seeds)
def test_lock_events_and_positions_follow_the_pairing_that_counts(
    facts: list[Fact], seed: int
) -> None:
    agrees_with_the_facts(facts, deliver(facts, seed))


@few
@given(worlds(filing_kinds), seeds)
def test_amendments_invalidations_and_moved_filings_leave_no_trace_of_what_was(
    facts: list[Fact], seed: int
) -> None:
    agrees_with_the_facts(facts, deliver(facts, seed))


@few
@given(worlds((*FILINGS, "transport.arrived", "transport.arrived"), most=6), seeds)
def test_a_voyage_leads_to_its_units_for_its_time_only(facts: list[Fact], seed: int) -> None:
    agrees_with_the_facts(facts, deliver(facts, seed))


@settings(max_examples=60)
@given(worlds(), seeds, seeds)
def test_two_orders_with_repeats_end_in_the_same_shares_and_events(
    facts: list[Fact], one: int, other: int
) -> None:
    first, second = deliver(facts, one), deliver(facts, other)
    assert first.net() == second.net()


@settings(max_examples=60)
@given(worlds(), seeds)
def test_state_comes_back_from_its_changelog_as_it_was(facts: list[Fact], seed: int) -> None:
    chain = deliver(facts, seed)
    for name, stage in chain.stages.items():
        state = chain.states[name]
        assert encoded(state, stage.cell_type) == dict(state.items())


@settings(max_examples=60)
@given(worlds(), seeds)
def test_how_a_batch_is_cut_does_not_matter(facts: list[Fact], seed: int) -> None:
    whole, single = Chain(), Chain()
    sent = [m for fact in facts for copy in range(fact.copies) for m in messages(fact, copy)]
    for name in ("manifests", "references"):
        batch = [entry for entry in sent if entry[0] == name]
        whole.fold(name, batch)
        for entry in batch:
            single.fold(name, [entry])
        assert dict(whole.states[name].items()) == dict(single.states[name].items())
    whole.between.clear()
    single.between.clear()
    assert whole.net() == single.net()


@settings(max_examples=60)
@given(worlds(("inspection.released", "transport.departed", "seallock.opened", PING)), seeds)
def test_a_reference_that_was_linked_and_unlinked_is_as_if_it_never_had_been(
    facts: list[Fact], seed: int
) -> None:
    chain = deliver(facts, seed)
    stage, state = chain.stages["references"], chain.states["references"]
    before, net = dict(state.items()), chain.net()
    named = sorted({reference for fact in facts for reference in fact.references} | {DEVICE})
    both = (linked("L9", units=("U9",), consignments=("C9",), from_ms=0), linked("L9"))
    for message in both:
        chain.fold("references", [("references", name, message) for name in named])
    assert dict(state.items()) == before
    assert chain.net() == net
    assert stage.name == "references"


@settings(max_examples=60)
@given(worlds(), seeds)
def test_what_is_told_again_changes_nothing(facts: list[Fact], seed: int) -> None:
    chain = deliver(facts, seed)
    told = len(chain.said)
    for name, state in chain.states.items():
        before = dict(state.items())
        for fact in facts:
            batch = [entry for entry in messages(fact) if entry[0] == name]
            chain.fold(name, batch)
        assert dict(state.items()) == before
    assert len(chain.said) == told
    assert not any(chain.between.values())


@settings(max_examples=40)
@given(worlds())
def test_folding_does_not_change_the_state_it_reads(facts: list[Fact]) -> None:
    chain = Chain()
    state = MemoryState()
    sent = [entry for fact in facts for entry in messages(fact) if entry[0] == "references"]
    records = [Inbound(key, message) for _, key, message in sent]
    context = Context(0, frozenset())
    outcome = chain.stages["references"].fold(state, records, POLICY, context)
    assert not state.cells
    again = chain.stages["references"].fold(state, records, POLICY, context)
    assert (outcome.changed, outcome.outputs) == (again.changed, again.outputs)
