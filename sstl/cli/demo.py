"""``sstl demo``: broker, worker, corridor and monitoring in one command."""

import os
import shlex
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from sstl.agents.admin import TopicAdmin
from sstl.cli import monitoring
from sstl.cli.board import FLAG, Board, line
from sstl.cli.broker import DownloadProgress
from sstl.cli.children import Children
from sstl.cli.common import declared_topics, read_settings, shipped_policy
from sstl.cli.outputs import Outputs
from sstl.cli.signals import stop_on_signals
from sstl.cli.watch import POLL_S, watch_live
from sstl.cli.writing import make_directory
from sstl.embedded import EmbeddedKafka
from sstl.embedded.ports import free_port, is_free
from sstl.errors import ExitCode, UserError
from sstl.publish.routing import FAMILIES
from sstl.settings import Settings

DATA_DIR = Path(".sstl/demo")
RATE = 200.0
INCIDENT_SHARE = 0.15
SPEED = 21_600.0
"""Six simulated hours a second: an air shipment takes seconds, a voyage three minutes."""
REPORT_S = 5.0
SHOWN_FLAGS = 3
PORT_ATTEMPTS = 5


@click.command()
@click.option(
    "--fresh", is_flag=True, help="Begin with empty topics, without what an earlier demo left."
)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    help="End after so many seconds.  [default: Ctrl-C]",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=RATE,
    show_default=True,
    help="About so many events a second, once the corridor is full.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=SPEED,
    show_default=True,
    help="Simulated seconds for each real one.",
)
@click.option(
    "--workers", type=click.IntRange(1, 8), default=1, show_default=True, help="Worker processes."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Kafka's port.  [default: any free one]",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=DATA_DIR,
    show_default=True,
    help="Where data and logs lie.",
)
@click.option(
    "--monitoring/--no-monitoring",
    "with_monitoring",
    default=True,
    help="Start Prometheus and Grafana where installed.",
)
def command(
    *,
    fresh: bool,
    duration: float | None,
    rate: float,
    speed: float,
    workers: int,
    port: int,
    data_dir: Path,
    with_monitoring: bool,
) -> int:
    """Run everything on this machine: a real Kafka, a worker, a made-up corridor, and the view of it.

    The corridor's calendar runs faster than life, so that flags and indicators move within seconds. Ctrl-C
    ends all of it; what was computed is kept for the next time.

    \b
    Example:
      sstl demo
      sstl demo --fresh --rate 300
    """
    console = Console(highlight=False, soft_wrap=True)
    settings = read_settings()
    ready = threading.Event()
    with stop_on_signals(lambda: not ready.is_set()) as stop, ExitStack() as stack:
        if duration is not None:
            timer = threading.Timer(duration, stop.set)
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
        make_directory(data_dir)
        data_dir = data_dir.absolute()
        kafka = stack.enter_context(_kafka(data_dir, port, console, fresh=fresh))
        settings = replace(
            settings,
            bootstrap=kafka.bootstrap,
            backfill=frozenset(FAMILIES),
            metrics_port=_metrics_port(settings.metrics_port, workers),
        )
        _say(console, "Kafka", f"{kafka.bootstrap}  data {kafka.data_dir}")
        topics = declared_topics(settings)
        admin = TopicAdmin(kafka.bootstrap, topics)
        try:
            admin.apply()
        finally:
            admin.close()
        _say(
            console,
            "Topics",
            f"{len(topics.all)} under prefix {settings.prefix}, all partitions {topics.count('*')}",
        )
        children = stack.enter_context(Children(data_dir / "logs", _environment(settings)))
        children.start("worker", ["run", "--workers", str(workers)])
        url = f"http://{settings.metrics_host}:{settings.metrics_port}"
        _say(console, "Worker", f"{url}/metrics  {url}/health/ready  log {children.log('worker')}")
        children.start("corridor", _corridor(data_dir, rate, speed))
        _say(
            console,
            "Corridor",
            f"{rate:g} events a second, {speed / 3600:g} simulated hours each second",
        )
        _say(console, "Commands", _elsewhere(settings))
        if with_monitoring:
            ports = [settings.metrics_port + i for i in range(workers)]
            stack.enter_context(_monitoring(data_dir, ports, console))
        outputs = stack.enter_context(
            Outputs(kafka.bootstrap, topics, Board().filter.kinds, from_beginning=True)
        )
        ready.set()
        _say(
            console, "End", "Ctrl-C ends all of it" if duration is None else f"after {duration:g} s"
        )
        _show(outputs, children, kafka, stop, console)
        console.print("ending worker, corridor and Kafka ...")
    console.print("all ended")
    return int(ExitCode.OK)


def _say(console: Console, what: str, where: str) -> None:
    console.print(f"{what:<10} {where}")


@contextmanager
def _kafka(data_dir: Path, port: int, console: Console, *, fresh: bool) -> Iterator[EmbeddedKafka]:
    note = _note(data_dir)
    if fresh:
        note.unlink(missing_ok=True)
    progress = DownloadProgress(console)
    kafka = EmbeddedKafka(data_dir / "kafka", port=port, fresh=fresh, progress=progress)
    try:
        kafka.start()
        yield kafka
    finally:
        progress.close()
        kafka.stop()


def _environment(settings: Settings) -> Mapping[str, str]:
    """Return the environment of the children: ours, with the broker, the backfill and the policy of the demo."""
    policy = settings.policy_file or shipped_policy()
    return {
        **os.environ,
        **({} if policy is None else {"SSTL_POLICY_FILE": str(policy)}),
        "SSTL_BOOTSTRAP": settings.bootstrap,
        "SSTL_BACKFILL": ",".join(sorted(settings.backfill)),
        "SSTL_METRICS_HOST": settings.metrics_host,
        "SSTL_METRICS_PORT": str(settings.metrics_port),
    }


def _elsewhere(settings: Settings) -> str:
    """Return how another terminal comes to what the demo does."""
    policy = settings.policy_file or shipped_policy()
    said = {"SSTL_BOOTSTRAP": settings.bootstrap}
    if policy is not None:
        said["SSTL_POLICY_FILE"] = str(policy.absolute())
    exported = " ".join(f"{name}={shlex.quote(value)}" for name, value in said.items())
    return f"sstl watch, explain, indicators, in another terminal after: export {exported}"


def _note(data_dir: Path) -> Path:
    return data_dir / "corridor.txt"


def _corridor(data_dir: Path, rate: float, speed: float) -> list[str]:
    # another pace is another corridor: the same ids at other instants would pass for corrections
    seed = zlib.crc32(f"{rate:g}/{speed:g}".encode()) % 100_000
    return [
        *(
            "publish",
            "synthetic",
            "--seed",
            str(seed),
            "--rate",
            f"{rate:g}",
            "--speed",
            f"{speed:g}",
        ),
        *("--incidents", f"{INCIDENT_SHARE:g}"),
        *("--backfill", ",".join(FAMILIES), "--resume", str(_note(data_dir))),
    ]


def _show(
    outputs: Outputs,
    children: Children,
    kafka: EmbeddedKafka,
    stop: threading.Event,
    console: Console,
) -> None:
    board = Board()

    def look() -> str:
        if not kafka.running:
            raise kafka.died()
        children.check()
        return (
            f"Kafka {kafka.bootstrap}  logs {children.log('worker').parent}  Ctrl-C ends all of it"
        )

    if console.is_terminal:
        watch_live(outputs, board, stop, console, look=look)
        return
    begun = told = time.monotonic()
    while not stop.is_set():
        changed = []
        for read in outputs.poll(POLL_S):
            shown = board.take(read.kind, read.key, read.record)
            if shown and read.kind == FLAG and read.record is not None:
                if board.seen[FLAG] == 1:
                    console.print(f"first flag after {time.monotonic() - begun:.1f} s")
                changed.append(line(read.kind, read.record))
        for flag in changed[-SHOWN_FLAGS:]:
            console.print(flag)
        look()
        if time.monotonic() - told >= REPORT_S:
            told = time.monotonic()
            console.print(board.summary())
    console.print(board.summary())


@contextmanager
def _monitoring(data_dir: Path, ports: Sequence[int], console: Console) -> Iterator[None]:
    with monitoring.start(data_dir / "monitoring", ports, os.environ) as started:
        for service in started.services:
            _say(console, service.name, service.url or str(service.reason))
        yield


def _metrics_port(wanted: int, workers: int) -> int:
    """Return the first port for the workers' metrics: the one wanted, or others where one of them is taken."""
    for first in (wanted, *(free_port() for _ in range(PORT_ATTEMPTS))):
        if first and all(is_free(port) for port in range(first, first + workers)):
            return first
    raise UserError("no free ports for the workers' metrics", ExitCode.IN_USE)
