"""Laws of attribution: who the time is put down to is disjoint, leaves nothing out, and follows the precedence."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sstl.core.attribution import PARTS, Interval, Part, attribute, covered_ms, paired
from sstl.core.consignments import Known, assess
from sstl.core.consignments.cells import ShareCell
from sstl.core.milestones import order
from sstl.models.policy import AttributedSpan, Attribution, Policy
from sstl.models.records import Event, Referral, UnitMilestones
from tests.consignment_cases import HOUSE, customs, filed
from tests.journey_events import HOUR, START, event

_instants = st.integers(-3, 30)
_intervals = st.tuples(_instants, _instants)
_parts = st.sampled_from(PARTS)
_spans = st.lists(st.tuples(_parts, st.lists(_intervals, max_size=3)), max_size=5)


Spans = Sequence[tuple[Part, Sequence[Interval]]]


def by_counting(whole: Interval, spans: Spans, default: Part) -> dict[Part, int]:
    """Put each millisecond down by itself."""
    found: dict[Part, int] = dict.fromkeys(PARTS, 0)
    for instant in range(*whole):
        covering = (
            part for part, intervals in spans if any(a <= instant < b for a, b in intervals)
        )
        found[next(covering, default)] += 1
    return found


@given(_intervals, _spans, _parts)
def test_each_instant_goes_to_the_first_span_that_covers_it(
    whole: Interval, spans: list[tuple[Part, list[Interval]]], default: Part
) -> None:
    found = attribute(whole, spans, default)
    assert sum(found.values()) == whole[1] - whole[0]
    if whole[0] < whole[1]:
        assert found == by_counting(whole, spans, default)


@given(_intervals, st.lists(_intervals, max_size=5))
def test_covered_time_is_counted_once_and_in_any_order(
    whole: Interval, intervals: list[Interval]
) -> None:
    counted = sum(any(a <= at < b for a, b in intervals) for at in range(*whole))
    assert covered_ms(whole, intervals) == counted == covered_ms(whole, intervals[::-1])


@given(st.lists(_instants, max_size=6), st.lists(_instants, max_size=6))
def test_pairs_do_not_overlap_and_end_with_a_reported_end(
    starts: list[int], ends: list[int]
) -> None:
    intervals, is_open = paired(starts, ends)
    for (start, end), (later, _) in pairwise(intervals):
        assert start <= end <= later
    assert all(start in starts and end in ends and start <= end for start, end in intervals)
    assert not any(start <= at < end for start, end in intervals for at in ends)
    assert is_open == any(
        start > max(ends, default=-99) and not any(a <= start < b for a, b in intervals)
        for start in starts
    )


_KINDS = (
    "declaration.accepted",
    "inspection.selected",
    "inspection.document.checked",
    "inspection.scan.started",
    "inspection.scan.completed",
    "inspection.oga.started",
    "inspection.oga.completed",
    "inspection.detained",
    "inspection.detention.lifted",
    "inspection.released",
    "duty.paid",
)
_POINTS = ("T6", "T8", "T9", "T10a", "T10b", "T10c", "T11", "T12", "T13", "T14")
_reports = st.lists(
    st.builds(
        lambda kind, hour, number: customs(
            kind, START + hour * HOUR, id=f"{kind}/{number}", inspectionId=f"I{number}"
        ),
        st.sampled_from(_KINDS),
        st.integers(0, 40),
        st.integers(0, 2),
    ),
    max_size=10,
    unique_by=lambda one: one.id,
)
_tables = st.builds(
    Attribution,
    spans=st.lists(
        st.builds(
            AttributedSpan,
            to=st.sampled_from(("CUSTOMS", "OGA", "TRADE")),
            start=st.sampled_from(_POINTS),
            end=st.sampled_from(_POINTS),
        ),
        max_size=4,
    ),
    default=_parts,
)


def _known(reports: list[Event], arrived: list[int], *, asked: bool) -> Known:
    units = {
        f"U{number}": UnitMilestones(
            unit=f"U{number}", milestones={"T6": START + hour * HOUR, "T14": START + 41 * HOUR}
        )
        for number, hour in enumerate(arrived)
    }
    raised = event("manifest.referral.raised", START + 2 * HOUR)
    answered = event("manifest.referral.answered", START + 22 * HOUR)
    referrals = (Referral(kind="RFI", raised=raised, answered=answered),) if asked else ()
    told = ShareCell(filed(referrals=referrals), tuple(units))
    return Known(sorted(reports, key=order), (told,), units, {})


@given(
    _reports,
    st.lists(st.integers(0, 40), min_size=1, max_size=3),
    st.booleans(),
    st.one_of(st.just(Attribution()), _tables),
)
def test_the_shares_are_there_with_the_release_time_and_add_up_to_it(
    reports: list[Event], arrived: list[int], asked: bool, table: Attribution
) -> None:
    policy = Policy(attribution=table)
    found = assess(HOUSE, _known(reports, arrived, asked=asked), policy, -1, ()).observations
    shares = [
        found.get(f"{name}|{HOUSE}")
        for name in ("LT_customs", "LT_oga", "LT_trade", "unattributed")
    ]
    release = found.get(f"LT_release|{HOUSE}")
    if release is None or release.measure.outcome is not None:
        # what is not released yet has no time to put down to anybody
        assert shares == [None] * 4
        return
    assert (
        sum(one.measure.value_ms for one in shares if one is not None) == release.measure.value_ms
    )
    for one in shares:
        assert one is not None
        assert one.measure.start_ms == release.measure.start_ms
        assert one.measure.strata == release.measure.strata
        assert one.measure.value_ms >= 0 or release.measure.value_ms < 0


@given(_reports, st.lists(st.integers(0, 40), min_size=1, max_size=3))
def test_clearance_stages_fit_together(reports: list[Event], arrived: list[int]) -> None:
    found = assess(HOUSE, _known(reports, arrived, asked=False), Policy(), -1, ()).observations
    value = {
        one.indicator: one.measure.value_ms
        for one in found.values()
        if one.counting_unit != "control"
    }
    if {"LT_clear", "LT_clear_declared"} <= value.keys():
        shorter = min(value["LT_release"], value["LT_clear_declared"])
        assert value["LT_clear"] == max(0, shorter)
    if "LT_postrelease" in value:
        left = START + 41 * HOUR
        assert found[f"LT_postrelease|{HOUSE}"].measure.start_ms + value["LT_postrelease"] == left
    if "prearrival_lead" in value:
        assert value["prearrival"] == (value["prearrival_lead"] > 0)
