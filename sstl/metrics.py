"""Every Prometheus metric of sstl, one file.

Names begin with ``sstl_`` and end in a base unit or ``_total``. Labels are bounded: stage, topic,
partition, reason, rule and the like; lanes only within a budget. A unit, a seal, a consignment or a
party never is a label. The stage of intake is ``intake-<family>``, for each family has partitions
of its own.

Counters speak for this process since its start. What belongs to a partition (lag, state size,
indicators) is published by the worker that owns it, and `forget_partition` takes it back when
ownership moves, so that sums over workers count nothing twice.
"""

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import Metric

from sstl.core.lanes.zones import begin_in
from sstl.models.indicator import Indicator
from sstl.series import (
    ALL,
    LabelBudget,
    LagCollector,
    LaneFigure,
    LaneRow,
    LaneTable,
    Measured,
)

REGISTRY: Final = CollectorRegistry(auto_describe=True)
"""The live worker's registry; a replay in the same process must not add to it."""

# A second series beside every counter, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

LABEL_BUDGET: Final = 256
"""Values of one label that comes from data (reason, rule, type); further ones become `other`."""

SERIES_BUDGET: Final = 20_000
"""Series of lanes that one worker shows unless its settings say otherwise; the rest is summed up as lane `other`."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_RECORDS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)

WORKER_INFO = Gauge(
    "sstl_worker_info",
    "Always 1; the labels say which release this worker runs and which policy it was started with.",
    ["version", "policy_hash", "worker"],
    registry=REGISTRY,
)
EVENTS_IN = Counter(
    "sstl_events_in_total",
    "Records read, committed batches only.",
    ["stage", "topic"],
    registry=REGISTRY,
)
ACCEPTED = Counter(
    "sstl_events_accepted_total",
    "Input events that passed intake.",
    ["family"],
    registry=REGISTRY,
)
REJECTED = Counter(
    "sstl_events_rejected_total",
    "Input messages refused by intake.",
    ["reason"],
    registry=REGISTRY,
)
QUARANTINED = Counter(
    "sstl_events_quarantined_total",
    "Records set aside because our code failed on them; each one is a defect to look at.",
    ["stage"],
    registry=REGISTRY,
)
UNKNOWN_FIELDS = Counter(
    "sstl_unknown_fields_total",
    "Fields of accepted events that the models do not know; they are kept.",
    ["family"],
    registry=REGISTRY,
)
UNBOUND = Counter(
    "sstl_events_unbound_total",
    "Events that no manifest bound to a unit within the parking horizon.",
    ["kind"],
    registry=REGISTRY,
)
FOLDED = Counter(
    "sstl_events_folded_total",
    "Events taken into a subject's record.",
    ["stage"],
    registry=REGISTRY,
)
UNUSED = Counter(
    "sstl_events_unused_total",
    "Accepted events that no rule or milestone of the stage uses.",
    ["stage", "kind"],
    registry=REGISTRY,
)
OUTPUTS = Counter(
    "sstl_outputs_total",
    "Messages sent, committed transactions only.",
    ["stage", "topic"],
    registry=REGISTRY,
)
OBSERVATIONS = Counter(
    "sstl_observations_total",
    "Observations that lanes added or took back; a correction is both.",
    ["indicator", "change"],
    registry=REGISTRY,
)
OBSERVED_EVENTS = Counter(
    "sstl_observed_events_total",
    "Events in the observations of shares and rates that lanes added or took back: controls, hits and the like.",
    ["indicator", "change"],
    registry=REGISTRY,
)
RULES = Counter(
    "sstl_rule_evaluations_total",
    "Answers of rules: hit, no hit, not evaluable.",
    ["rule", "outcome"],
    registry=REGISTRY,
)
FLAGS = Counter(
    "sstl_flags_total",
    "Revisions of risk flags published, by their new status. rule is empty where not told.",
    ["status", "severity", "rule"],
    registry=REGISTRY,
)
DRAWS = Counter(
    "sstl_draws_total",
    "Consignments that came onto a lane with a least random rate while this worker draws, by what became of them.",
    ["outcome"],
    registry=REGISTRY,
)
DRAW_KEYS_MISSING = Gauge(
    "sstl_draw_keys_missing",
    "Lanes with a least random rate for which this worker, which is to draw, has no key of today.",
    registry=REGISTRY,
)
FEEDBACK_LATE = Counter(
    "sstl_feedback_late_total",
    "Feedback that was recorded after it was due.",
    registry=REGISTRY,
)
ALARMS = Counter(
    "sstl_alarms_total",
    "Things that should not happen and that somebody should look at.",
    ["stage", "kind"],
    registry=REGISTRY,
)
STAGE_COUNTS = Counter(
    "sstl_stage_counts_total",
    "What a stage counts beside the above.",
    ["stage", "what", "label"],
    registry=REGISTRY,
)
LABEL_OVERFLOWS = Counter(
    "sstl_label_overflows_total",
    "Counts booked under 'other' because a label had used up its budget of values.",
    ["metric"],
    registry=REGISTRY,
)
PROCESSING = Histogram(
    "sstl_processing_seconds",
    "Decoding, folding and encoding of one batch, without its transaction.",
    ["stage"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
BATCH = Histogram(
    "sstl_batch_size_records",
    "Records of one batch.",
    ["stage"],
    buckets=_RECORDS,
    registry=REGISTRY,
)
TRANSACTION = Histogram(
    "sstl_transaction_seconds",
    "One Kafka transaction from begin to its outcome: committed, aborted or fenced.",
    ["stage", "outcome"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
STALE_BATCHES = Counter(
    "sstl_stale_batches_total",
    "Batches dropped because the partition had moved since they were read.",
    ["stage"],
    registry=REGISTRY,
)
REBALANCES = Counter(
    "sstl_rebalances_total",
    "Assignments that the consumer group gave to this worker.",
    registry=REGISTRY,
)
LAG_RECORDS = Gauge(
    "sstl_consumer_lag_records",
    "Records still to read in a source partition.",
    ["stage", "topic", "partition"],
    registry=REGISTRY,
)
WATERMARK = Gauge(
    "sstl_watermark_timestamp_seconds",
    "Arrival time up to which the stage has seen everything, Unix seconds.",
    ["stage", "partition"],
    registry=REGISTRY,
)
RESTORE_RECORDS = Gauge(
    "sstl_restore_records",
    "Changelog records read by the running or last restore.",
    ["stage", "partition"],
    registry=REGISTRY,
)
RESTORE_EXPECTED = Gauge(
    "sstl_restore_expected_records",
    "Changelog records that the running or last restore has to read.",
    ["stage", "partition"],
    registry=REGISTRY,
)
RESTORE_SECONDS = Gauge(
    "sstl_restore_seconds",
    "Duration so far of the running restore, or of the last one.",
    ["stage", "partition"],
    registry=REGISTRY,
)
RESTORING = Gauge(
    "sstl_restore_in_progress",
    "1 while the partition's state is being restored, else 0.",
    ["stage", "partition"],
    registry=REGISTRY,
)
STATE_CELLS = Gauge(
    "sstl_state_cells",
    "Cells in the partition's state.",
    ["stage", "partition"],
    registry=REGISTRY,
)
STATE_BYTES = Gauge(
    "sstl_state_bytes",
    "Encoded size of the partition's state.",
    ["stage", "partition"],
    registry=REGISTRY,
)
POLICY_INFO = Gauge(
    "sstl_policy_info",
    "Always 1; the labels say which version of the policy governs now.",
    ["policy_hash", "policy_version"],
    registry=REGISTRY,
)
POLICY_VALID_FROM = Gauge(
    "sstl_policy_valid_from_timestamp_seconds",
    "From when the version that governs now has governed, Unix seconds; 0: always.",
    registry=REGISTRY,
)
POLICY_VERSIONS = Gauge(
    "sstl_policy_versions",
    "Accepted versions, with the one that the worker was started with and those that do not govern yet.",
    registry=REGISTRY,
)
POLICY_CONFIRMED = Gauge(
    "sstl_policy_confirmed_timestamp_seconds",
    "When this worker last saw the end of the policy topic, Unix seconds; work pauses when that is a minute ago.",
    registry=REGISTRY,
)
POLICY_REFUSED = Counter(
    "sstl_policy_refused_total",
    "Messages on the policy topic that this worker read and did not accept, since its start.",
    ["reason"],
    registry=REGISTRY,
)
_PARTITION_GAUGES = (
    WATERMARK,
    RESTORE_RECORDS,
    RESTORE_EXPECTED,
    RESTORE_SECONDS,
    RESTORING,
    STATE_CELLS,
    STATE_BYTES,
)


_labels = LabelBudget(LABEL_BUDGET, lambda metric, by: LABEL_OVERFLOWS.labels(metric).inc(by))


_lag = LagCollector(
    "sstl_event_lag_seconds",
    "How far the stage's watermark, in arrival time, is behind now: our delay only.",
    now=time.time,
)
REGISTRY.register(_lag)


def _value_figures() -> Iterator[LaneFigure]:
    """Yield what is estimated and its bounds, each as a gauge for its own unit."""
    of: Mapping[str, Callable[[LaneRow], float | None]] = {
        "value": lambda row: row.value,
        "low": lambda row: row.low,
        "high": lambda row: row.high,
    }
    says = {
        "value": "A share, a rate as events per unit of exposure, or a figure that is derived from counts",
        "low": "Lower bound of the 95 % interval of the value",
        "high": "Upper bound of the 95 % interval of the value",
    }
    units: Mapping[Measured, tuple[str, str]] = {
        "ratio": ("_ratio", ""),
        "seconds": ("_seconds", ", where it is a time"),
        "other": ("", ", in the indicator's own unit (docs/indicators.md)"),
    }
    for name, figure in of.items():
        for measured, (suffix, where) in units.items():
            yield (
                f"sstl_lane_{name}{suffix}",
                f"{says[name]}{where}.",
                lambda row, figure=figure, measured=measured: (  # type: ignore[misc]
                    figure(row) if row.measured == measured else None
                ),
            )


_LANE_FIGURES: Final[tuple[LaneFigure, ...]] = (
    *_value_figures(),
    (
        "sstl_lane_events",
        "Observations of a share that have it; events of a rate.",
        lambda row: row.events,
    ),
    (
        "sstl_lane_exposure",
        "What the events of a rate are counted over, in the indicator's unit of exposure.",
        lambda row: row.exposure,
    ),
    (
        "sstl_lane_late_observations",
        "Observations that took longer than planned.",
        lambda row: row.n_late,
    ),
    (
        "sstl_lane_late_ratio",
        "Share of observations that took longer than planned, of those with a plan.",
        lambda row: row.late_ratio,
    ),
    ("sstl_lane_mean_seconds", "Mean duration.", lambda row: row.mean_s),
    ("sstl_lane_median_seconds", "Median duration.", lambda row: row.median_s),
    ("sstl_lane_observations", "Observations counted.", lambda row: row.n),
    (
        "sstl_lane_open_observations",
        "What has begun and not ended yet, beside the observations; those that wait longest are among them.",
        lambda row: row.n_open,
    ),
    ("sstl_lane_p90_seconds", "90th percentile of the durations.", lambda row: row.p90_s),
    ("sstl_lane_p95_seconds", "95th percentile of the durations.", lambda row: row.p95_s),
    (
        "sstl_lane_planned_observations",
        "Observations that have a planned duration.",
        lambda row: row.n_planned,
    ),
    (
        "sstl_lane_provisional",
        "1 while slow ones may still be missing from the window, else 0.",
        lambda row: row.provisional,
    ),
    (
        "sstl_lane_target_observations",
        "Observations for which a target was promised.",
        lambda row: row.n_target,
    ),
    (
        "sstl_lane_window_start_timestamp_seconds",
        "Beginning of the day, week or month that is shown, the newest one published, Unix seconds.",
        lambda row: row.start_s,
    ),
    (
        "sstl_lane_within_target_observations",
        "Observations within their target.",
        lambda row: row.n_within,
    ),
    (
        "sstl_lane_within_target_ratio",
        "Share of observations within their target, of those for which one was promised.",
        lambda row: row.within_ratio,
    ),
)


LANES: Final = LaneTable(
    _LANE_FIGURES,
    reasons=(
        "sstl_lane_without_figure",
        "1 where no statistic is given: insufficient_data (n is below the least n) or not_estimable.",
    ),
    hidden=(
        "sstl_series_hidden",
        "Series of lanes beyond the budget, summed up under lane 'other' as far as they add up.",
    ),
    budget=SERIES_BUDGET,
)
"""Current figures of this worker's lanes; `LaneTable.name_lanes` takes the policy's. Not in `REGISTRY`, which takes too
long for so many: the web server adds `LaneTable.exposition`."""


def set_worker_info(*, version: str, policy_hash: str, worker: str) -> None:
    """Say which release and policy this process runs; replaces what was said before."""
    WORKER_INFO.clear()
    WORKER_INFO.labels(version, policy_hash[:12], worker).set(1)


def set_policy(
    *, policy_hash: str, version: str, valid_from: float | None, versions: int, confirmed: float
) -> None:
    """Show which version of the policy governs now; ``valid_from`` and ``confirmed`` in Unix seconds."""
    POLICY_INFO.clear()
    POLICY_INFO.labels(policy_hash[:12], version).set(1)
    POLICY_VALID_FROM.set(valid_from or 0)
    POLICY_VERSIONS.set(versions)
    POLICY_CONFIRMED.set(confirmed)


def set_watermark(stage: str, partition: int, reached_ms: int, *, live: bool = True) -> None:
    """Show how far a stage has come in arrival time (ms since the epoch).

    Args:
        stage: The stage instance.
        partition: Its partition.
        reached_ms: The watermark.
        live: False in a backfill, whose arrival times lie in the past: it has a watermark but no lag.
    """
    WATERMARK.labels(stage, partition).set(reached_ms / 1000)
    if live:
        _lag.reach(stage, partition, reached_ms / 1000)


def set_restore(
    stage: str,
    partition: int,
    *,
    records: int,
    expected: int,
    seconds: float,
    running: bool,
) -> None:
    """Show a restore's progress; call once more with ``running`` False when it has ended."""
    RESTORE_RECORDS.labels(stage, partition).set(records)
    RESTORE_EXPECTED.labels(stage, partition).set(expected)
    RESTORE_SECONDS.labels(stage, partition).set(seconds)
    RESTORING.labels(stage, partition).set(1 if running else 0)


def forget_partition(stage: str, topic: str, partition: int) -> None:
    """Take back every gauge of a partition that was given up, so that no two workers show it."""
    LAG_RECORDS.remove_by_labels({"stage": stage, "topic": topic, "partition": str(partition)})
    for gauge in _PARTITION_GAUGES:
        gauge.remove_by_labels({"stage": stage, "partition": str(partition)})
    _lag.forget(stage, partition)
    if stage == "lanes":
        LANES.forget(partition)


_BY_LABEL: Final = {
    "accepted": ACCEPTED,
    "rejected": REJECTED,
    "unknown_fields": UNKNOWN_FIELDS,
    "unbound": UNBOUND,
    "draw": DRAWS,
}
_BY_INDICATOR: Final = {"observation": OBSERVATIONS, "observed_events": OBSERVED_EVENTS}


def observe_counts(stage: str, counts: Tally[tuple[str, str]]) -> None:
    """Show what a fold counted (`Outcome.counts`); call it after the commit.

    Known counts have a metric of their own, ``rule``, ``flag`` and ``observation`` carry several labels separated by
    colons; whatever else a stage counts appears in ``sstl_stage_counts_total``.
    """
    for (what, label), by in counts.items():
        if what in _BY_LABEL:
            _BY_LABEL[what].labels(_labels.admit(what, label, by)).inc(by)
        elif what in _BY_INDICATOR:
            indicator, _, change = label.rpartition(":")
            _BY_INDICATOR[what].labels(
                _labels.admit("indicator", indicator, by),
                _labels.admit("observation change", change, by),
            ).inc(by)
        elif what == "rule":
            rule, _, outcome = label.partition(":")
            RULES.labels(
                _labels.admit("rule", rule, by),
                _labels.admit("rule outcome", outcome, by),
            ).inc(by)
        elif what == "flag":
            status, severity, rule = (*label.split(":", 2), "", "")[:3]
            FLAGS.labels(
                _labels.admit("flag status", status, by),
                _labels.admit("flag severity", severity, by),
                _labels.admit("flag rule", rule, by),
            ).inc(by)
        elif what == "alarm" or what.endswith("_alarm"):
            ALARMS.labels(stage, _labels.admit("alarm", label, by)).inc(by)
        elif what == "events_folded":
            FOLDED.labels(stage).inc(by)
        elif what == "unused_event":
            UNUSED.labels(stage, _labels.admit("unused_event", label, by)).inc(by)
        elif what == "feedback_late":
            FEEDBACK_LATE.inc(by)
        else:
            name = _labels.admit("stage count", what, by)
            value = _labels.admit(f"stage count {name}", label, by)
            STAGE_COUNTS.labels(stage, name, value).inc(by)


def observe_indicator(indicator: Indicator, *, partition: int = 0) -> None:
    """Show an indicator of the whole period, or of a day, week or month if no newer one is known; hours are not shown.

    An indicator without observations takes its row away. ``partition`` is the lanes stage's own.
    """
    window = indicator.window
    if window.kind == "PT1H" or window.by == "END":
        return
    _, _, _, _, stratum, _ = indicator.key.split("|")
    interval = indicator.interval
    followed = indicator.follow_up
    measured, scale = _measured(indicator)
    LANES.show(
        (
            indicator.lane_id,
            indicator.mode,
            indicator.indicator,
            indicator.counting_unit,
            stratum or ALL,
        ),
        window.kind,
        LaneRow(
            n=indicator.n,
            start_s=None if window.kind == "TOTAL" else begin_in(window.name, window.zone) / 1000,
            provisional=indicator.provisional,
            reason=_REASONS.get(indicator.state) if indicator.n else None,
            n_open=None if followed is None else followed.n_open,
            mean_s=indicator.mean,
            median_s=indicator.median,
            p90_s=indicator.p90,
            p95_s=indicator.p95,
            n_planned=indicator.n_planned or None,
            n_late=indicator.n_late if indicator.n_planned else None,
            n_target=indicator.n_target or None,
            n_within=indicator.n_within if indicator.n_target else None,
            events=indicator.k,
            exposure=_times(indicator.exposure, 1 / scale),
            measured=measured,
            value=_times(indicator.value if indicator.share is None else indicator.share, scale),
            low=None if interval is None else _times(interval.low, scale),
            high=None if interval is None else _times(interval.high, scale),
        ),
        partition=partition,
    )


_REASONS: Final = {"INSUFFICIENT_DATA": "insufficient_data", "NOT_ESTIMABLE": "not_estimable"}


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _measured(indicator: Indicator) -> tuple[Measured, float]:
    """Return in what its value is shown, and by what to multiply it: rates are shown per unit of exposure."""
    if indicator.unit == "1":
        return "ratio", 1
    if indicator.unit == "s":
        return "seconds", 1
    per, _, rest = indicator.unit.partition(" ")
    number, _, _ = rest.partition(" ")
    if per != "per":
        return "other", 1
    return "ratio", 1 / int(number) if number.isdigit() else 1


def families() -> list[Metric]:
    """Return every metric of sstl's own, for the documentation and for checks of dashboards."""
    everything = (*REGISTRY.collect(), *LANES.collect())
    found = [family for family in everything if family.name.startswith("sstl_")]
    return sorted(found, key=lambda family: family.name)
