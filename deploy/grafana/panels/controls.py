"""Shares, rates and what targeting finds and misses, each with its interval; random draws."""

from panels.kinds import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    Grid,
    bar_gauge,
    query,
    series,
    steps,
    table,
)
from panels.lead_times import CHOSEN, LANES, SHORT, SHORT_HEADINGS, lane_sum

_WHOLE = f'{CHOSEN},window="TOTAL"'


_NO_AMOUNT = 'indicator!~"revenue_found|sstl_(mass|teu|value)_share"'
"""Rates of events; what is left out has amounts over amounts, or money over consignments."""


def _most(metric: str, *more: str) -> str:
    return f"max by ({SHORT}) ({metric}{{{','.join((LANES, *more))}}})"


def controls(grid: Grid) -> None:
    """Place shares, rates, recall and lift, what has no figure, and draws."""
    value, exposed = _most("sstl_lane_value_ratio"), _most("sstl_lane_exposure")
    grid.add(
        table(
            "Shares, with their 95 % intervals",
            "How many of the counting units have it: controls, hits, recognition and the like, over the whole "
            "period, all strata. Without bounds where sums of hidden lanes are shown (lane 'other').",
            SHORT_HEADINGS,
            [
                (
                    "n",
                    f"{lane_sum('sstl_lane_observations', SHORT)} and on ({SHORT}) {value}",
                    "locale",
                    70,
                ),
                (
                    "Have it",
                    f"{lane_sum('sstl_lane_events', SHORT)} unless on ({SHORT}) {exposed}",
                    "locale",
                    80,
                ),
                (
                    "Share",
                    f"{value} and on ({SHORT}) {_most('sstl_lane_events')} unless on ({SHORT}) {exposed}",
                    "percentunit",
                    80,
                ),
                (
                    "From",
                    f"{_most('sstl_lane_low_ratio')} unless on ({SHORT}) {exposed}",
                    "percentunit",
                    80,
                ),
                (
                    "To",
                    f"{_most('sstl_lane_high_ratio')} unless on ({SHORT}) {exposed}",
                    "percentunit",
                    80,
                ),
            ],
            sort_by="n",
        ),
        width=14,
        height=12,
    )
    grid.add(
        table(
            "No figure: too few, or not estimable",
            "Where no statistic is given, and why: n is below the least n, or the design does not allow it (no "
            "random arm, too few controls in it). Nothing is not zero.",
            SHORT_HEADINGS | {"reason": "Why"},
            [
                (
                    "n",
                    f"sum by ({SHORT}, reason) (sstl_lane_without_figure{{{LANES}}} * on ({SHORT}) group_left "
                    f"{lane_sum('sstl_lane_observations', SHORT)})",
                    "locale",
                    70,
                )
            ],
            sort_by="n",
        ),
        width=10,
        height=12,
    )
    grid.add(
        bar_gauge(
            "Hit rate by basis and lane",
            "Hits of the controls, by what selected them: TARGETED or RANDOM. Intervals are on the topic.",
            "sort_desc(topk(12, max by (lane, stratum) "
            f'(sstl_lane_value_ratio{{{_WHOLE},indicator="hit_rate",stratum=~"basis=[^;]*"}})))',
            "{{lane}} {{stratum}}",
            unit="percentunit",
            levels=steps((None, BLUE)),
            top=1,
        ),
        width=8,
        height=9,
    )
    grid.add(
        bar_gauge(
            "Rates per 1,000 of exposure",
            "Events per 1,000 of what they are counted over (consignments, container-days: docs/indicators.md).",
            f"sort_desc(topk(12, 1000 * {_most('sstl_lane_value_ratio', _NO_AMOUNT)} and on ({SHORT}) {exposed}))",
            "{{lane}} {{indicator}}",
            unit="locale",
            levels=steps((None, BLUE)),
        ),
        width=8,
        height=9,
    )
    grid.add(
        bar_gauge(
            "Recall and leakage of targeting",
            "Share of all hits that targeting, or any control, finds, and that nobody does. Only with a random arm; "
            "what is not estimable is in the table above.",
            "sort_desc(topk(12, max by (lane, indicator) "
            f'(sstl_lane_value_ratio{{{LANES},indicator=~"targeting_recall|overall_recall|leakage"}})))',
            "{{lane}} {{indicator}}",
            unit="percentunit",
            levels=steps((None, BLUE)),
            top=1,
        ),
        width=8,
        height=9,
    )
    grid.add(
        series(
            "Lift of targeting",
            "How much better than chance it is: against what nobody targeted, and against the whole flow.",
            [
                query(
                    "max by (lane, indicator) "
                    f'(sstl_lane_value_ratio{{{LANES},indicator=~"lift_against_.*"}})',
                    "{{lane}} {{indicator}}",
                )
            ],
            decimals=1,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Controls and hits",
            "Per minute, as lanes count them; corrections are in neither.",
            [
                query(
                    "sum by (indicator) (rate(sstl_observed_events_total"
                    '{change="added",indicator=~"inspection_rate.*|hit_rate"}[$__rate_interval])) * 60',
                    "{{indicator}}",
                )
            ],
            unit="suffix: /min",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Random draws by outcome",
            "Consignments that came onto a lane with a least random rate, per minute: drawn or why not. Nothing "
            "where no worker draws; lanes without a key of today are a line of their own.",
            [
                query(
                    "sum by (outcome) (rate(sstl_draws_total[$__rate_interval])) * 60",
                    "{{outcome}}",
                ),
                query("max(sstl_draw_keys_missing)", "lanes without today's key", "B"),
            ],
            named={
                "no_key": RED,
                "rate_too_low": ORANGE,
                "selected": GREEN,
                "channel_assigned": YELLOW,
            },
        ),
        width=8,
        height=8,
    )
