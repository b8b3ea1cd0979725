"""What is said of counting units that have not ended: how long they are followed, and figures that count them."""

import doctest
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from sstl.core.histogram import Histogram, bucket_of, value_of
from sstl.core.lanes.followed import ENDED, Horizon, cohort, follow_up, horizon
from sstl.models.follow_up import FollowUp

HOUR, DAY = 3_600, 86_400
T0_MS = 1_714_521_600_000
"""Midnight of 2024-05-01 UTC."""
T0_MIN = T0_MS // 60_000
FOR_EVER = Horizon(T0_MS + 10 * DAY * 1000)


def ms(hours: float) -> int:
    return T0_MS + round(hours * HOUR * 1000)


@pytest.mark.parametrize(
    ("reached", "ends", "expected"),
    [
        pytest.param(5.99, 24, Horizon(ms(5), 48 * HOUR), id="last-full-hour"),
        pytest.param(6, 24, Horizon(ms(6), 48 * HOUR), id="on-the-hour"),
        pytest.param(71.9, 24, Horizon(ms(71), 48 * HOUR), id="follow-up-just-not-ended"),
        pytest.param(90, 24, Horizon(ms(72), 48 * HOUR), id="follow-up-ended"),
        pytest.param(90, None, Horizon(ms(90), None), id="of-the-whole-it-never-ends"),
    ],
)
def test_a_cohort_is_followed_to_the_last_full_hour_at_most_to_the_end_of_its_follow_up(
    reached: float, ends: float | None, expected: Horizon
) -> None:
    ends_ms = None if ends is None else ms(ends)
    assert horizon(ms(reached), ends_ms, 48 * HOUR * 1000) == expected


def test_without_a_watermark_nothing_is_said_of_what_is_open() -> None:
    unknown = horizon(None, ms(24), DAY * 1000)
    assert unknown == Horizon(None, DAY)
    assert follow_up(Histogram.of([5]), {}, {T0_MIN: 1}, unknown) is None
    # of what has ended the same is said as later
    late = horizon(ms(90), ms(24), DAY * 1000)
    ended = Histogram.of([5, 2 * DAY])
    assert follow_up(ended, {}, {}, unknown) == follow_up(ended, {}, {}, late) is not None


@pytest.mark.parametrize(
    ("heard", "silent"),
    [
        pytest.param(None, None, id="nobody-named-or-never-heard-of"),
        pytest.param(4, 4, id="limit-passed"),
        pytest.param(5, 5, id="limit-just-passed"),
        pytest.param(5.01, None, id="limit-not-passed"),
        pytest.param(30, None, id="heard-of-since"),
    ],
)
def test_a_publisher_is_silent_when_it_was_not_heard_of_for_the_limit(
    heard: float | None, silent: float | None
) -> None:
    found = horizon(
        ms(6.5),
        None,
        0,
        heard_ms=None if heard is None else ms(heard),
        silence_ms=HOUR * 1000,
    )
    assert found.last_contact_ms == (None if silent is None else ms(silent))


def said(
    ended: Sequence[int] = (),
    still_open: Mapping[int, int] | None = None,
    until: Horizon = FOR_EVER,
    **competing: Sequence[int],
) -> FollowUp:
    others = {outcome: Histogram.of(times) for outcome, times in competing.items()}
    fields = follow_up(Histogram.of(ended), others, still_open or {}, until)
    assert fields is not None
    return FollowUp.model_validate(fields)


def test_what_begins_after_the_hour_is_not_yet_at_risk() -> None:
    begun = {T0_MIN - 1: 1, T0_MIN: 1, T0_MIN + 1: 1}
    told = said([60], begun, Horizon(T0_MS))
    assert (told.n, told.n_open, told.exposure_s) == (3, 2, 120)


def test_a_quantile_that_is_not_reached_takes_longer_than_anybody_was_followed_for() -> None:
    told = said([3600], {T0_MIN: 3}, Horizon(ms(2)))
    assert told.median is not None
    assert (told.median.reached, told.median.value_s) == (False, None)
    assert told.median.longer_than_s == told.followed_to_s == value_of(bucket_of(2 * HOUR))
    assert told.median.high_s is None


def test_the_median_moves_up_with_what_is_still_open() -> None:
    alone = said([10, 20, 30])
    waiting = said([10, 20, 30], {T0_MIN: 2}, Horizon(ms(1)))
    assert alone.median is not None
    assert waiting.median is not None
    assert (alone.median.value_s, waiting.median.value_s) == (20, 30)
    assert (alone.as_of, alone.n_open) == (None, 0)


def test_after_its_follow_up_a_window_says_nothing_of_longer_times() -> None:
    longest = 2 * DAY
    until = Horizon(T0_MS + 3 * DAY * 1000, longest)
    told = said([HOUR, 5 * DAY], {T0_MIN: 1, T0_MIN + 600: 1}, until, SEIZED=[4 * DAY, 2 * HOUR])
    assert (told.n, told.n_open, told.competing) == (6, 4, {"SEIZED": 1})
    assert told.followed_to_s == longest
    assert told.p90 is not None
    assert told.p90.longer_than_s == longest
    # the same as long as it is provisional, of those that were followed so long
    assert said([5 * DAY], {}, Horizon(T0_MS + 8 * DAY * 1000, longest)).n_open == 1


def test_those_of_a_silent_publisher_are_censored_at_its_last_contact_and_counted_apart() -> None:
    begun = {T0_MIN: 2, T0_MIN + 600: 1}
    told = said([HOUR], begun, Horizon(ms(30), None, ms(5)))
    assert (told.n_open, told.n_silent) == (0, 3)
    # those that began after the last contact add no time
    assert told.exposure_s == value_of(bucket_of(HOUR)) + 2 * value_of(bucket_of(5 * HOUR))
    # who was heard of until the follow-up ended was followed to its end
    until = Horizon(ms(72), 4 * HOUR, ms(5))
    late = said([HOUR], begun, until)
    assert (late.n_open, late.n_silent) == (2, 1)


def test_incidences_and_the_share_waiting_add_up_and_the_end_itself_has_quantiles() -> None:
    told = said([10, 20, 30, 40], {}, FOR_EVER, SEIZED=[15], RETURNED=[25, 35, 45])
    assert {name: one.share for name, one in told.incidence.items()} == {
        "ENDED": 0.5,
        "SEIZED": 0.125,
        "RETURNED": 0.375,
    }
    assert told.ended_median is not None
    assert told.ended_median.value_s == 40
    assert told.ended_p90 is not None
    assert not told.ended_p90.reached
    assert told.median is not None
    assert told.median.value_s == 25
    plain = said([10, 20])
    assert (plain.incidence, plain.ended_median, plain.competing_method) == ({}, None, None)


def test_too_few_have_counts_and_no_figures() -> None:
    fields = follow_up(Histogram.of([10]), {}, {T0_MIN: 1}, FOR_EVER, minimum_n=3)
    assert fields is not None
    told = FollowUp.model_validate(fields)
    assert (told.n, told.n_open, told.median, told.followed_to_s) == (2, 1, None, None)


World = tuple[list[int], dict[str, list[int]], dict[int, int], Horizon]


def world(seed: int) -> World:
    """Return a small world: starts over a day, waits of hours, some open, some ended otherwise."""
    draw = random.Random(seed)
    as_of_ms = T0_MS + draw.randint(1, 40) * HOUR * 1000
    ended: list[int] = []
    others: dict[str, list[int]] = {"SEIZED": [], "RETURNED": []}
    still_open: dict[int, int] = {}
    for _ in range(draw.randint(1, 40)):
        start_min = T0_MIN + draw.randint(0, 24 * 60)
        takes_s = round(draw.expovariate(1 / (8 * HOUR))) if draw.random() < 0.8 else 60
        if start_min * 60 + takes_s > as_of_ms // 1000:
            still_open[start_min] = still_open.get(start_min, 0) + 1
        elif draw.random() < 0.2:
            others[draw.choice(["SEIZED", "RETURNED"])].append(takes_s)
        else:
            ended.append(takes_s)
    outcomes = {name: times for name, times in others.items() if times}
    return ended, outcomes, still_open, Horizon(as_of_ms)


def rows(seed: int) -> list[tuple[int, str | None]]:
    """Return (time, how it ended), one a unit, as the histogram rounds times; None: censored."""
    ended, others, still_open, until = world(seed)
    found: list[tuple[int, str | None]] = [(time, ENDED) for time in ended]
    found += [(time, name) for name, times in others.items() for time in times]
    for start, count in still_open.items():
        assert until.as_of_ms is not None
        waited = (until.as_of_ms - start * 60_000) // 1000
        found += [(waited, None)] * (count if waited >= 0 else 0)
    return [(value_of(bucket_of(time)), how) for time, how in found]


def by_definition(units: Sequence[tuple[int, str | None]], p: Fraction) -> int | None:
    """Return the Kaplan-Meier quantile as its definition says, in exact arithmetic."""
    waiting = Fraction(1)
    for time in sorted({time for time, how in units if how is not None}):
        at_risk = sum(other >= time for other, _ in units)
        ended = sum(other == time and how is not None for other, how in units)
        waiting *= 1 - Fraction(ended, at_risk)
        if 1 - waiting >= p:
            return time
    return None


def incidence_by_definition(units: Sequence[tuple[int, str | None]], outcome: str) -> Fraction:
    waiting, share = Fraction(1), Fraction(0)
    for time in sorted({time for time, how in units if how is not None}):
        at_risk = sum(other >= time for other, _ in units)
        here = [how for other, how in units if other == time and how is not None]
        share += waiting * Fraction(here.count(outcome), at_risk)
        waiting *= 1 - Fraction(len(here), at_risk)
    return share


@pytest.mark.parametrize("seed", range(60))
def test_figures_equal_those_computed_by_definition(seed: int) -> None:
    ended, others, still_open, until = world(seed)
    units = rows(seed)
    told = said(ended, still_open, until, **others)
    assert told.n == len(units)
    assert told.n_open == sum(how is None for _, how in units)
    assert told.exposure_s == sum(time for time, _ in units)
    if not units:
        return
    for quantile, p in ((told.median, Fraction(1, 2)), (told.p90, Fraction(9, 10))):
        assert quantile is not None
        assert quantile.value_s == by_definition(units, p)
    for outcome, one in told.incidence.items():
        assert one.share == pytest.approx(float(incidence_by_definition(units, outcome)), abs=1e-12)


@pytest.mark.parametrize("seed", range(60, 80))
def test_figures_equal_those_of_statsmodels(seed: int) -> None:
    ended, others, still_open, until = world(seed)
    units = rows(seed)
    told = said(ended, still_open, until, **others)
    times = np.array([time for time, _ in units])
    names = (ENDED, *sorted(others))
    kinds = np.array([0 if how is None else names.index(how) + 1 for _, how in units])
    if not kinds.any():
        return
    curve = SurvfuncRight(times, kinds > 0)
    assert told.median is not None
    half = curve.surv_times[curve.surv_prob <= 0.5 + 1e-12]
    assert told.median.value_s == (half[0] if len(half) else None)
    if others and (kinds == 1).any():
        with np.errstate(
            divide="ignore", invalid="ignore"
        ):  # of the errors where the last one ends
            shares = CumIncidenceRight(times, kinds).cinc
        for name, share in zip(names, shares, strict=True):
            assert told.incidence[name].share == pytest.approx(share[-1])


def test_a_young_cohort_looks_faster_by_those_that_have_ended_than_it_is() -> None:
    """Each hour a consignment arrives; they take 1 to 48 hours; after two days half are still open."""
    draw = random.Random(1)
    as_of = 48
    ended: list[int] = []
    still_open: dict[int, int] = {}
    truth: list[int] = []
    for start in range(as_of):
        for _ in range(20):
            takes = draw.randint(1, 48)
            truth.append(takes)
            if start + takes <= as_of:
                ended.append(takes * HOUR)
            else:
                minute = T0_MIN + start * 60
                still_open[minute] = still_open.get(minute, 0) + 1
    told = said(ended, still_open, Horizon(ms(as_of)))
    naive_median = sorted(ended)[len(ended) // 2]
    assert told.median is not None
    assert told.median.value_s is not None
    assert fmean(ended) < 0.75 * fmean(truth) * HOUR
    assert naive_median < 0.75 * told.median.value_s
    assert told.median.value_s == pytest.approx(24.5 * HOUR, rel=0.1)
    assert told.median.low_s is not None
    assert told.median.high_s is not None
    assert told.median.low_s <= 24.5 * HOUR <= told.median.high_s


def test_a_cohort_adds_up_by_outcome() -> None:
    whole = cohort(Histogram.of([5, 5]), {"SEIZED": Histogram.of([7])}, {T0_MIN: 2}, Horizon(T0_MS))
    assert whole.ended == {ENDED: {5: 2}, "SEIZED": {7: 1}}
    assert whole.still_open == {0: 2}


def test_the_example_on_the_page_runs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "indicators.md").read_text()
    example = doctest.DocTestParser().get_doctest(page, {}, "indicators", "docs/indicators.md", 0)
    said: list[str] = []
    assert len(example.examples) > 5
    assert doctest.DocTestRunner().run(example, out=said.append).failed == 0, "".join(said)
