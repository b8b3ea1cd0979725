"""``sstl broker``: the embedded Apache Kafka in the foreground."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from sstl.embedded import EmbeddedKafka
from sstl.embedded.jars import broker_lock
from sstl.errors import ExitCode
from sstl.settings import Settings, data_directory

DEFAULT_PORT = 9092
LOOK_SECONDS = 0.5
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class DownloadProgress:
    """Shows the first download: a bar on a terminal, one line before and after it elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._begun = False

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is, in bytes."""
        if not self._begun:
            self._begun = True
            self._console.print(f"First start: downloading {broker_lock().title}")
            if self._console.is_terminal:
                self._bar = Progress(
                    TextColumn("  "),
                    BarColumn(),
                    DownloadColumn(),
                    TransferSpeedColumn(),
                    console=self._console,
                )
                self._bar.add_task("jars", total=total, completed=done)
                self._bar.start()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)
        if done >= total:
            self.close()
            self._console.print("  downloaded and verified")

    def close(self) -> None:
        """Leave the terminal as it was; may be called twice."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="0: any free port.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the data lies and stays.  [default: SSTL_DATA_DIR or the user's data directory, then broker/]",
)
@click.option("--fresh", is_flag=True, help="Empty the data directory first.")
@click.option(
    "--log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The broker's log.  [default: broker.log in the data directory]",
)
def command(port: int, data_dir: Path | None, log: Path | None, *, fresh: bool) -> int:
    """Run a real Apache Kafka of one node on 127.0.0.1 until Ctrl-C.

    Needs no Java, Docker or Maven. The first start downloads the broker (about 45 MB, kept in the user's
    cache directory). When it is ready, its address is printed on standard output, everything else on standard error.

    \b
    Example:
      sstl broker --port 9092 --data-dir ./kafka-data
    """
    console = Console(stderr=True, highlight=False)
    settings = Settings.from_environment(os.environ)
    if data_dir is None:
        data_dir = data_directory(settings, os.environ) / "broker"
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            return
        stop.set()
        if not kafka.ready_seconds:
            raise KeyboardInterrupt

    progress = DownloadProgress(console)
    kafka = EmbeddedKafka(
        data_dir,
        port=port,
        fresh=fresh,
        log=log,
        repository=settings.maven_repository,
        progress=progress,
    )
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, ask)
    try:
        kafka.start()
        console.print(
            f"Apache Kafka {broker_lock().kafka_version} ready in {kafka.ready_seconds:.1f} s, "
            f"process {kafka.pid}\n  data {kafka.data_dir}\n  log  {kafka.log}\nCtrl-C stops it."
        )
        click.echo(kafka.bootstrap)
        sys.stdout.flush()
        while not stop.wait(LOOK_SECONDS):
            if kafka.wait(0):
                raise kafka.died()
    finally:
        progress.close()
        kafka.stop()
    console.print("stopped")
    return ExitCode.OK
