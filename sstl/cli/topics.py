"""``sstl topics``: the declared topics against the broker."""

from datetime import UTC, datetime

import click

from sstl.agents.admin import OK, Finding, TopicAdmin
from sstl.cli.columns import aligned
from sstl.cli.common import declared_topics, read_settings
from sstl.errors import ExitCode


@click.group()
def command() -> None:
    """Show and make the topics that the workers need.

    \b
    Example:
      sstl topics plan
      sstl topics apply
    """


@command.command()
def plan() -> None:
    """Show what each declared topic is on the broker; exit code 7 when something differs.

    \b
    Example:
      sstl topics plan
      SSTL_BOOTSTRAP=127.0.0.1:9092 sstl topics plan
    """
    admin = _admin()
    try:
        findings = admin.plan()
    finally:
        admin.close()
    _show(findings)
    if any(finding.state != OK for finding in findings):
        raise SystemExit(int(ExitCode.INCOMPATIBLE))


@command.command()
@click.option(
    "--from",
    "from_time",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]),
    help="Where stages that never ran begin to read (append time, UTC); default: the earliest record.",
)
@click.option(
    "--replication",
    type=click.IntRange(1, 9),
    default=1,
    show_default=True,
    help="Replication factor of topics that are made; 3 on a cluster.",
)
def apply(from_time: datetime | None, replication: int) -> None:
    """Make what is missing; running it again changes nothing.

    Refuses, and changes nothing, when a topic has another partition count than declared.

    \b
    Example:
      sstl topics apply
      SSTL_PARTITIONS='*=4' sstl topics apply --replication 3
    """
    admin = _admin(replication)
    from_ms = None if from_time is None else int(from_time.replace(tzinfo=UTC).timestamp() * 1000)
    try:
        done = admin.apply(from_ms=from_ms)
    finally:
        admin.close()
    if done:
        _show(done)
    else:
        click.echo("nothing to do: every topic is as declared")


@command.command()
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0))
@click.confirmation_option(prompt="What lies before the log's first offset is lost. Go on?")
def skip(topic: str, partition: int) -> None:
    """Accept a gap: read PARTITION of TOPIC on from its log's first offset. Stop the workers first.

    \b
    Example:
      sstl topics skip sstl.transport.v1 0
    """
    admin = _admin()
    try:
        position = admin.skip(topic, partition)
    finally:
        admin.close()
    click.echo(f"{topic}/{partition} will be read from offset {position}")


def _admin(replication: int = 1) -> TopicAdmin:
    settings = read_settings()
    return TopicAdmin(settings.bootstrap, declared_topics(settings), replication=replication)


def _show(findings: list[Finding]) -> None:
    rows = [["topic", "state", "detail"]]
    rows += [[finding.topic, finding.state, finding.detail] for finding in findings]
    click.echo(aligned(rows, [False, False, False]), nl=False)
