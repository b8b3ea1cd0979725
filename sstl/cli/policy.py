"""``sstl policy``: judge, compare, show and publish the policy."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from sstl.cli import policy_propose
from sstl.cli.columns import aligned
from sstl.cli.common import declared_topics, load_checked, read_policy, read_settings
from sstl.cli.policy_words import changes
from sstl.errors import ExitCode, UserError
from sstl.models.common import to_wire
from sstl.models.policy import Policy
from sstl.policy_files import PolicyError

if TYPE_CHECKING:
    from sstl.agents.policy_publish import Told

PUBLISHED = "published"
POLICY = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Judge, compare, show and publish the policy: lanes, rules, lists.

    A policy is one YAML file, or a directory of them; docs/policy.md says what may stand in it.

    \b
    Example:
      sstl policy validate policy/
      sstl policy diff published policy/
    """


@command.command()
@click.argument("path", type=POLICY)
def validate(path: Path) -> int:
    """Judge a policy without a broker; exit code 3 when something is wrong, each problem with file and line.

    \b
    Example:
      sstl policy validate policy/
      sstl policy validate mine.yaml
    """
    try:
        policy = load_checked(path)
    except PolicyError as error:
        for problem in error.problems:
            click.echo(f"sstl: {problem}", err=True)
        return int(ExitCode.SETTINGS)
    click.echo(
        f"valid: version {policy.version}, {len(policy.lanes)} lanes, {len(policy.rules)} rules stated, "
        f"hash {policy.hash}"
    )
    return int(ExitCode.OK)


@command.command()
@click.argument("old", type=POLICY)
@click.argument("new", type=POLICY)
def diff(old: Path, new: Path) -> None:
    """Show what NEW changes against OLD, a line for each change, in the words of the policy.

    Each is a file or a directory, or the word "published" for the version that was published last.

    \b
    Example:
      sstl policy diff policy/ mine/
      sstl policy diff published policy/
    """
    before, after = _named(old), _named(new)
    found = changes(before, after)
    for change in found:
        click.echo(change)
    if not found:
        click.echo("no change")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="The version in force now, whole, as JSON.")
def show(*, as_json: bool) -> None:
    """Show the published versions: from when each governs, which one does now, and what was refused.

    What is listed as "always" is the policy of SSTL_POLICY_FILE, which governs before the first published one.

    \b
    Example:
      sstl policy show
      sstl policy show --json
    """
    from sstl.agents.policy_publish import read_versions

    settings = read_settings()
    first = read_policy(settings)
    versions, told = read_versions(settings.bootstrap, declared_topics(settings)["policy"], first)
    governing = versions.latest.at(_now_ms())
    if as_json:
        click.echo(orjson.dumps(governing.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
        return
    click.echo(versions_table(first, told, governing), nl=False)


def versions_table(first: Policy, told: "Sequence[Told]", governing: Policy) -> str:
    """Return the versions of the topic as lines, as wide as they are: on a pipe nothing is cut off."""
    from sstl.agents.policy_publish import since_text

    rows = [
        ["governs from", "version", "hash", "appended", "offset", "state"],
        ["always", first.version, first.hash[:12], "", "", _state(first, governing)],
    ]
    for one in told:
        said = [to_wire(_instant(one.appended_ms)), str(one.offset)]
        if one.policy is None:
            problem = one.problems[0]
            where = f"{problem.pointer} " if problem.pointer else ""
            rows.append(["", "", "", *said, f"refused: {where}{problem.reason}"])
            continue
        named = [since_text(one.policy), one.policy.version, one.policy.hash[:12]]
        rows.append([*named, *said, _state(one.policy, governing)])
    return aligned(rows, [False, False, False, False, True, False])


@command.command()
@click.argument("path", type=POLICY)
@click.option(
    "--valid-from",
    "valid_from",
    required=True,
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ"]),
    help="From when it governs (UTC, 2027-03-01T00:00Z): five minutes from now or later.",
)
@click.option("--version", "name", help="Name of the version.  [default: the one in the file]")
def publish(path: Path, valid_from: datetime, name: str | None) -> None:
    """Publish a version of the policy; all workers take it over while they run.

    Refused, and nothing written, when it does not validate, begins less than five minutes from now, does not begin
    after the version before, or goes by the name of another one.

    \b
    Example:
      sstl policy publish policy/ --valid-from 2027-03-01T00:00Z
    """
    from sstl.agents.policy_publish import publish as append
    from sstl.agents.policy_publish import read_versions, since_text

    settings = read_settings()
    topic, first = declared_topics(settings)["policy"], read_policy(settings)
    policy = _version(load_checked(path), valid_from.replace(tzinfo=UTC), name)
    before, _ = read_versions(settings.bootstrap, topic, first)
    found = changes(before.latest, policy)
    own = append(settings.bootstrap, topic, policy, first, _now_ms)
    for change in found:
        click.echo(change)
    click.echo(
        f"published version {policy.version}, hash {policy.hash[:12]}, at offset {own.offset} of {topic.name}; "
        f"governs from {since_text(policy)}"
    )


command.add_command(policy_propose.command, "propose")


def _version(policy: Policy, valid_from: datetime, name: str | None) -> Policy:
    stated = policy.model_dump()
    stated["valid_from"] = valid_from
    if name is not None:
        stated["version"] = name
    try:
        return Policy.model_validate(stated)
    except ValueError as error:
        message = (
            f"--version {name}: not a name of a version: 1 to 64 letters, digits, dots, _, + and -"
        )
        raise UserError(message, ExitCode.USAGE) from error


def _named(path: Path) -> Policy:
    if str(path) != PUBLISHED or path.exists():
        return load_checked(path)
    from sstl.agents.policy_publish import read_versions

    settings = read_settings()
    topic = declared_topics(settings)["policy"]
    return read_versions(settings.bootstrap, topic, read_policy(settings))[0].latest


def _state(policy: Policy, governing: Policy) -> str:
    if policy.hash == governing.hash:
        return "in force"
    since = policy.valid_from
    return "next" if since is not None and since > _instant(_now_ms()) else "superseded"


def _now_ms() -> int:
    return int(time.time() * 1000)


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)
