"""How the chain itself does."""

from typing import Final

from panels.kinds import GREEN, ORANGE, RED, Grid, query, series

OUTCOMES: Final = {"committed": GREEN, "aborted": ORANGE, "fenced": RED}


def quantile(q: float, metric: str, by: str) -> str:
    """Return a quantile of a histogram over the last minutes."""
    return f"histogram_quantile({q}, sum by (le, {by}) (rate({metric}_bucket[$__rate_interval])))"


def chain(grid: Grid) -> None:
    """Place how the chain itself does."""
    grid.add(
        series(
            "Event lag by stage",
            "How far each stage's watermark, in arrival time, is behind now (the slowest partition). "
            "A backfill has none.",
            [query("max by (stage) (sstl_event_lag_seconds)", "{{stage}}")],
            unit="s",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Records still to read by topic",
            "Records that wait in each source topic.",
            [query("sum by (topic) (sstl_consumer_lag_records)", "{{topic}}")],
            decimals=0,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Records read by stage",
            "Records of committed batches, per second.",
            [query("sum by (stage) (rate(sstl_events_in_total[$__rate_interval]))", "{{stage}}")],
            unit="suffix: /s",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Transactions by outcome",
            "Kafka transactions per second. 'aborted' and 'fenced' lose nothing, the work is done again.",
            [
                query(
                    "sum by (outcome) (rate(sstl_transaction_seconds_count[$__rate_interval]))",
                    "{{outcome}}",
                )
            ],
            unit="suffix: /s",
            stacked=True,
            named=OUTCOMES,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Transaction time, p99 by stage",
            "From begin to commit; 99th percentile.",
            [query(quantile(0.99, "sstl_transaction_seconds", "stage"), "{{stage}}")],
            unit="s",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Processing time of a batch, p99 by stage",
            "Decoding, folding and encoding, without the transaction; 99th percentile.",
            [query(quantile(0.99, "sstl_processing_seconds", "stage"), "{{stage}}")],
            unit="s",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "State by stage",
            "Encoded size of the state that the workers hold.",
            [query("sum by (stage) (sstl_state_bytes)", "{{stage}}")],
            unit="bytes",
            stacked=True,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Records still to restore",
            "Changelog records that running restores still have to read; 0 while none runs.",
            [
                query(
                    "sum by (stage) ((sstl_restore_expected_records - sstl_restore_records) "
                    "* sstl_restore_in_progress)",
                    "{{stage}}",
                )
            ],
            decimals=0,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "CPU of workers",
            "CPU seconds per second; 1 is one core.",
            [
                query(
                    'rate(process_cpu_seconds_total{job="sstl"}[$__rate_interval])',
                    "{{instance}}",
                )
            ],
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Series of lanes beyond the budget",
            "How many are not shown by themselves, by worker; what adds up is lane 'other' (SSTL_SERIES_BUDGET).",
            [query("sstl_series_hidden", "{{instance}}")],
            decimals=0,
        ),
        width=8,
        height=8,
    )
