"""Risk flags and what the rules answered."""

from typing import Final

from panels.kinds import BLUE, ORANGE, RED, YELLOW, Grid, bar_gauge, query, series, steps
from panels.lead_times import LANES

SEVERITIES: Final = {"LOW": BLUE, "MEDIUM": YELLOW, "HIGH": ORANGE, "CRITICAL": RED}


def flags(grid: Grid) -> None:
    """Place risk flags and what the rules answered."""
    grid.add(
        series(
            "Flags issued by severity",
            "Risk flags issued, per minute.",
            [
                query(
                    f'sum(rate(sstl_flags_total{{status="ISSUED",severity="{severity}"}}'
                    "[$__rate_interval])) * 60 or vector(0)",
                    severity,
                    ref,
                )
                for ref, severity in zip("ABCD", SEVERITIES, strict=True)
            ],
            unit="suffix: /min",
            stacked=True,
            named=SEVERITIES,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Revisions of flags by status",
            "What became of flags, per minute: issued, updated, withdrawn, corrected, closed, expired.",
            [
                query(
                    "sum by (status) (rate(sstl_flags_total[$__rate_interval])) * 60", "{{status}}"
                )
            ],
            unit="suffix: /min",
        ),
        width=8,
        height=8,
    )
    grid.add(
        bar_gauge(
            "Answers of rules",
            "How often each rule answered what in the period shown. 'not_evaluable' means a fact was missing: "
            "no all-clear.",
            "sort_desc(topk(12, sum by (rule, outcome) (increase(sstl_rule_evaluations_total[$__range])) > 0))",
            "{{rule}} {{outcome}}",
            unit="locale",
            levels=steps((None, BLUE)),
        ),
        width=8,
        height=8,
    )
    grid.panels[-1]["fieldConfig"]["defaults"]["decimals"] = 0
    quality = "flag_precision|flag_feedback_rate|flag_feedback_late_share|flag_too_late_share"
    grid.add(
        bar_gauge(
            "How good flags were, by lane",
            "From feedback: precision, share answered, answered late, and come too late to act on.",
            "sort_desc(topk(12, max by (lane, indicator) "
            f'(sstl_lane_value_ratio{{{LANES},indicator=~"{quality}"}})))',
            "{{lane}} {{indicator}}",
            unit="percentunit",
            levels=steps((None, BLUE)),
            top=1,
        ),
        width=8,
        height=8,
    )
    topics = "notices|shadow-findings|supervisor-flags|scores"
    grid.add(
        series(
            "Notices, shadow findings, supervisors' flags, scores",
            "Messages per minute by topic: notices, what rules in shadow mode would flag, flags for supervisors only, "
            "and combined scores.",
            [
                query(
                    "sum by (topic) (rate(sstl_outputs_total"
                    f'{{topic=~".+[.]({topics})[.]v[0-9]+"}}[$__rate_interval])) * 60',
                    "{{topic}}",
                )
            ],
            unit="suffix: /min",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Feedback that came late, and alarms",
            "Per minute: feedback recorded after it was due, and what should not happen (by kind).",
            [
                query(
                    "sum(rate(sstl_feedback_late_total[$__rate_interval])) * 60", "late feedback"
                ),
                query(
                    "sum by (kind) (rate(sstl_alarms_total[$__rate_interval])) * 60",
                    "{{kind}}",
                    "B",
                ),
            ],
            unit="suffix: /min",
        ),
        width=8,
        height=8,
    )
