"""What comes in and what is refused."""

from panels.kinds import RED, Grid, query, series


def intake(grid: Grid) -> None:
    """Place what comes in and what is refused."""
    grid.add(
        series(
            "Events in by family",
            "Input events that passed intake, per second.",
            [
                query(
                    "sum by (family) (rate(sstl_events_accepted_total[$__rate_interval]))",
                    "{{family}}",
                )
            ],
            unit="suffix: /s",
            stacked=True,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Rejections by reason",
            "Messages that intake refused, per minute; the originals are on the topic of rejections.",
            [
                query(
                    "sum by (reason) (rate(sstl_events_rejected_total[$__rate_interval])) * 60",
                    "{{reason}}",
                )
            ],
            unit="suffix: /min",
            stacked=True,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Unbound events, unknown fields, alarms",
            "Per minute: events that no manifest bound in time, fields our models do not know, and what "
            "should not happen.",
            [
                query(
                    "sum(rate(sstl_events_unbound_total[$__rate_interval])) * 60", "unbound events"
                ),
                query(
                    "sum(rate(sstl_unknown_fields_total[$__rate_interval])) * 60",
                    "unknown fields",
                    "B",
                ),
                query("sum(rate(sstl_alarms_total[$__rate_interval])) * 60", "alarms", "C"),
            ],
            unit="suffix: /min",
            named={"alarms": RED},
        ),
        width=8,
        height=8,
    )
