"""The numbers that say at a glance whether things work."""

from panels.kinds import GREEN, ORANGE, RED, YELLOW, Grid, stat, steps
from panels.lead_times import LANES


def tiles(grid: Grid) -> None:
    """Place the numbers that say at a glance whether things work."""
    bad_above_zero = steps((None, GREEN), (1, RED))
    grid.add(
        stat(
            "Events accepted",
            "Input events that passed intake, per second, all workers.",
            "sum(rate(sstl_events_accepted_total[$__rate_interval]))",
            unit="suffix: /s",
            decimals=1,
            levels=steps((None, GREEN)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Share rejected",
            "Messages that intake refused, of all it judged in the period shown.",
            "(sum(increase(sstl_events_rejected_total[$__range])) or vector(0)) / "
            "((sum(increase(sstl_events_accepted_total[$__range])) or vector(0)) + "
            "(sum(increase(sstl_events_rejected_total[$__range])) or vector(0)) > 0)",
            unit="percentunit",
            decimals=2,
            levels=steps((None, GREEN), (0.01, YELLOW), (0.05, RED)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Flags ≥ HIGH",
            "Risk flags of severity HIGH and CRITICAL issued in the period shown.",
            'sum(increase(sstl_flags_total{status="ISSUED",severity=~"HIGH|CRITICAL"}[$__range])) '
            "or vector(0)",
            levels=steps((None, GREEN), (1, ORANGE)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Share late",
            "Observations that took longer than planned, of those with a plan, over the lanes chosen above.",
            f"sum(sstl_lane_late_observations{{{LANES}}}) / "
            f"(sum(sstl_lane_planned_observations{{{LANES}}}) > 0)",
            unit="percentunit",
            decimals=1,
            levels=steps((None, GREEN), (0.1, YELLOW), (0.25, ORANGE), (0.5, RED)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Event lag",
            "How far the slowest stage is behind now, in arrival time. "
            "Our own delay, not the sources'. A backfill has none.",
            "max(sstl_event_lag_seconds)",
            unit="s",
            decimals=1,
            levels=steps((None, GREEN), (15, YELLOW), (60, RED)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Records to read",
            "Records that wait in all source topics together.",
            "sum(sstl_consumer_lag_records)",
            levels=steps((None, GREEN), (10_000, YELLOW), (100_000, RED)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Quarantined",
            "Records set aside because our code failed on them, since the workers started. Each is a defect.",
            "sum(sstl_events_quarantined_total) or vector(0)",
            levels=bad_above_zero,
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Workers up",
            "Workers that answer, of those that Prometheus knows.",
            'sum(up{job="sstl"})',
            levels=steps((None, RED), (1, GREEN)),
        ),
        width=3,
        height=4,
    )
