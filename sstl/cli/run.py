"""``sstl run``: one worker, or several supervised ones."""

import click

from sstl.cli.common import declared_topics, read_policy, read_settings
from sstl.cli.supervise import supervise

AGENTS = ("intake", "manifests", "references", "journeys", "consignments", "flags", "lanes")


@click.command()
@click.option(
    "--agents",
    default=",".join(AGENTS),
    show_default=True,
    help="Agents that this worker runs, separated by commas, so that stages can scale apart.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Start and supervise this many processes; worker i serves its metrics on port + i.",
)
def command(agents: str, workers: int) -> None:
    """Run the stream processors until Ctrl-C or SIGTERM.

    \b
    Example:
      sstl run
      sstl run --workers 2
      sstl run --agents journeys,flags
    """
    chosen = [name.strip() for name in agents.split(",") if name.strip()]
    unknown = sorted(set(chosen) - set(AGENTS))
    if unknown or not chosen:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'none'}: known agents are {', '.join(AGENTS)}",
            param_hint="--agents",
        )
    settings = read_settings()
    if workers > 1:
        raise SystemExit(supervise(chosen, workers, settings))
    policy, topics = read_policy(settings), declared_topics(settings)
    # importing Faust takes a second, which help and mistakes need not wait for
    from sstl.agents.worker import run

    run(settings, topics, policy, chosen)
