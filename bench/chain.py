"""The whole chain on Cargo 2000: events a second and core, CPU for each event, split by stage; cost of transactions.

One worker with all seven agents takes the backlog of 3,942 shipments (manifests and air transport events), then
rests, then takes a trickle of one event at a time. From the backlog: events a second, CPU for each input event, the
share of each stage (wall time between taking a batch and handing it to its transaction, from /metrics;
on a busy machine more than its CPU). From rest and
trickle: transactions a second and, as the difference of the two, CPU for each transaction of worker and broker;
that includes the little folding and reading that a transaction of few records brings.
"""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass

import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench import lab
from bench.latency import paced
from bench.traffic import Traffic, wall
from sstl.agents.topics import Topics
from sstl.embedded.ports import free_port

FILE = lab.ROOT / "tests" / "data" / "cargo2000" / "c2k_data_comma.csv.gz"
BACKFILL = "manifest,transport"
DRAIN_S = 420


@dataclass(frozen=True, slots=True)
class Seen:
    """What worker and broker had used and done at one moment; what is by stage is summed over partitions."""

    at: float
    worker_s: float
    broker_s: float
    records: dict[str, float]
    seconds: dict[str, float]
    transactions: dict[str, float]
    commit_s: dict[str, float]
    lag: float


class Probe:
    """Looks at worker and broker."""

    def __init__(self, port: int, worker: psutil.Process, broker: psutil.Process) -> None:
        self._address = f"http://127.0.0.1:{port}/metrics"
        self._worker, self._broker = worker, broker

    def look(self) -> Seen:
        """Return where they stand."""
        by_name: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        with urllib.request.urlopen(self._address, timeout=5) as answer:  # noqa: S310 - our own
            for family in text_string_to_metric_families(answer.read().decode()):
                for sample in family.samples:
                    by_name[sample.name][sample.labels.get("stage", "")] += sample.value
        return Seen(
            time.monotonic(),
            lab.cpu_s(self._worker),
            lab.cpu_s(self._broker),
            by_name["sstl_events_in_total"],
            by_name["sstl_processing_seconds_sum"],
            by_name["sstl_transaction_seconds_count"],
            by_name["sstl_transaction_seconds_sum"],
            sum(by_name["sstl_consumer_lag_records"].values()),
        )

    def up(self) -> bool:
        """Tell whether the worker answers."""
        try:
            self.look()
        except OSError:
            return False
        return True


def by_stage(then: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    """Return the growth of each stage, intake's families as one."""
    grown: dict[str, float] = defaultdict(float)
    for stage, value in now.items():
        grown["intake" if stage.startswith("intake-") else stage] += value - then.get(stage, 0.0)
    return grown


def publish(lab_: lab.Lab, prefix: str, shipments: int | None) -> None:
    """Publish Cargo 2000 with the command of the project."""
    command = [sys.executable, "-m", "sstl", "publish", "cargo2000", str(FILE)]
    command += ["--state-dir", str(lab_.directory / "published")]
    if shipments is not None:
        command += ["--limit", str(shipments)]
    environment = lab_.environment(prefix, {"BACKFILL": BACKFILL})
    subprocess.run(command, env=environment, check=True, timeout=300, capture_output=True)


def drain(probe: Probe, worker: psutil.Process) -> tuple[Seen, Seen]:
    """Return the moment at which the first batch was done, and that at which nothing was left."""
    lab.await_true(probe.up, worker, timeout_s=60, what="the worker")
    lab.await_true(
        lambda: sum(probe.look().records.values()) > 0, worker, timeout_s=60, what="the first batch"
    )
    first, calm, last = probe.look(), 0, probe.look()
    done = last
    deadline = time.monotonic() + DRAIN_S
    while calm < 8:
        time.sleep(0.5)
        before, last = last, probe.look()
        grown = by_stage(before.records, last.records)
        # heartbeats alone make a few records in half a second
        calm = calm + 1 if last.lag < 50 and sum(grown.values()) < 60 else 0
        done = last if calm == 0 else done
        if time.monotonic() > deadline:
            raise TimeoutError("the backlog was not done in time")
    return first, done


def show_backlog(first: Seen, done: Seen, total: Seen) -> None:
    """Print what the backlog cost."""
    records = by_stage({}, total.records)
    events, took = records["intake"], done.at - first.at
    events_meanwhile = by_stage(first.records, done.records)["intake"]
    cpu = done.worker_s - first.worker_s
    lab.say(f"   {events:,.0f} input events, all stages done {took:.1f} s after the first batch")
    lab.say(
        f"   {events_meanwhile / took:,.0f} events/s; worker {cpu / took:.2f} cores,"
        f" {events_meanwhile / cpu:,.0f} events/s a core, {cpu / events_meanwhile * 1e6:,.0f} us/event;"
        f" broker {(done.broker_s - first.broker_s) / events_meanwhile * 1e6:,.0f} us/event"
    )
    seconds, transactions = by_stage({}, total.seconds), by_stage({}, total.transactions)
    commits = by_stage({}, total.commit_s)
    whole = sum(seconds.values())
    lab.say("   stage          records  records/event  share  us/record  transactions  ms each")
    for stage in sorted(records, key=lambda name: -seconds[name]):
        lab.say(
            f"   {stage:13}{records[stage]:9,.0f} {records[stage] / events:14.2f}"
            f" {seconds[stage] / whole:6.0%} {seconds[stage] / max(records[stage], 1) * 1e6:10.1f}"
            f" {transactions[stage]:13,.0f}"
            f" {commits[stage] / max(transactions[stage], 1) * 1e3:8.1f}"
        )
    rest = cpu - sum(by_stage(first.seconds, done.seconds).values())
    if rest > 0:
        lab.say(
            "   reading, transactions and the rest of the worker:"
            f" {rest / events_meanwhile * 1e6:.1f} us/event"
        )
    else:
        lab.say(
            "   the stages waited for a core longer than all the rest took: the machine is busy"
        )


def rate_of(then: Seen, now: Seen) -> tuple[float, float, float]:
    """Return transactions a second, and busy cores of worker and broker."""
    took = now.at - then.at
    done = sum(now.transactions.values()) - sum(then.transactions.values())
    return done / took, (now.worker_s - then.worker_s) / took, (now.broker_s - then.broker_s) / took


def show_transactions(lab_: lab.Lab, topics: Topics, probe: Probe, seconds: float) -> None:
    """Print what rest and trickle cost, and from their difference what a transaction costs."""
    then = probe.look()
    time.sleep(seconds)
    idle = rate_of(then, probe.look())
    traffic = Traffic(wall(time.time()), by_document=False)
    then = probe.look()
    asyncio.run(paced(lab_.bootstrap, topics, traffic, int(20 * seconds), 20.0))
    load = rate_of(then, probe.look())
    for name, (number, worker, broker) in (("at rest", idle), ("20 events/s", load)):
        lab.say(
            f"   {name:12} {number:6.1f} transactions/s, busy cores: worker {worker:.3f}, broker {broker:.3f}"
        )
    more = load[0] - idle[0]
    lab.say(
        f"   a transaction: worker {(load[1] - idle[1]) / more * 1e3:.1f} ms of CPU,"
        f" broker {(load[2] - idle[2]) / more * 1e3:.1f} ms"
    )


def main() -> None:
    """Measure the backlog, then rest and trickle."""
    parser = lab.arguments(__doc__)
    parser.add_argument("--shipments", type=int, help="of 3,942 [default: all; quick 400]")
    options = parser.parse_args()
    shipments = options.shipments or (400 if options.quick else None)
    lab.title("chain: all seven agents on Cargo 2000")
    with lab.lab() as lab_:
        topics = lab_.topics("chain")
        publish(lab_, topics.prefix, shipments)
        port = free_port()
        environment = lab_.environment(
            topics.prefix,
            {"BACKFILL": BACKFILL, "METRICS_PORT": str(port), "LOG_LEVEL": "WARNING"},
        )
        with lab.process(lab_, "chain", lab.worker_command(), environment) as worker:
            probe = Probe(port, worker, psutil.Process(lab_.broker_pid))
            others = lab.Others(worker, psutil.Process(lab_.broker_pid))
            first, done = drain(probe, worker)
            lab.say(f"   others kept {others.cores():.2f} cores busy meanwhile")
            show_backlog(first, done, probe.look())
            show_transactions(lab_, topics, probe, 5.0 if options.quick else 15.0)


if __name__ == "__main__":
    main()
