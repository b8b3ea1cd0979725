import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from kafka.errors import KafkaTimeoutError

from sstl.cli import COMMANDS, main
from sstl.errors import ExitCode, UserError

README = Path(__file__).parents[2] / "README.md"


def _walk(
    command: click.Command, path: tuple[str, ...]
) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += _walk(child, (*path, name))
    return found


def test_every_command_that_is_promised_exists() -> None:
    assert set(main.list_commands(click.Context(main))) == set(COMMANDS)


def test_every_command_has_help_with_an_example() -> None:
    for path, command in _walk(main, ("sstl",)):
        shown = " ".join(path)
        result = CliRunner().invoke(main, [*path[1:], "--help"])
        assert result.exit_code == 0, result.output
        assert command.help, f"{shown} has no help"
        assert re.search(
            rf"Examples?:\s+sstl .*{path[-1] if len(path) > 1 else ''}", result.output
        ), f"{shown} --help shows no example"


def test_every_option_says_what_it_does() -> None:
    for path, command in _walk(main, ("sstl",)):
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{' '.join(path)} {parameter.opts[0]} has no help"


def test_every_command_stands_in_the_readme() -> None:
    text = README.read_text()
    for path, command in _walk(main, ("sstl",)):
        if not isinstance(command, click.Group):
            assert " ".join(path) in text, f"README.md does not mention {' '.join(path)}"


def test_every_exit_code_stands_in_the_help() -> None:
    shown = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    stated = {int(number) for number in re.findall(r"(?:Exit codes:|,) (\d+) ", shown)}
    assert stated == set(ExitCode)


def test_the_version_is_shown() -> None:
    assert re.fullmatch(r"\S+ \d+\.\d+\.\d+\n", CliRunner().invoke(main, ["--version"]).output)


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["teleport"])
    assert result.exit_code == ExitCode.USAGE
    assert "teleport" in result.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("the lane\nis closed", ExitCode.IN_USE), ExitCode.IN_USE),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
)
def test_what_the_caller_can_put_right_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: ExitCode
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(main, "get_command", lambda *_: failing)
    result = CliRunner().invoke(main, ["failing"])
    assert result.exit_code == code
    assert result.stdout == ""
    assert re.fullmatch(r"\s*sstl: [^\n]+\n", result.stderr)


def test_a_broker_that_cannot_be_reached_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def failing() -> None:
        raise KafkaTimeoutError

    monkeypatch.setattr(main, "get_command", lambda *_: failing)
    result = CliRunner().invoke(main, ["failing"])
    assert result.exit_code == ExitCode.UNREACHABLE
    assert result.stderr.startswith("sstl: cannot reach Kafka")


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def failing() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(main, "get_command", lambda *_: failing)
    assert isinstance(CliRunner().invoke(main, ["failing"]).exception, ZeroDivisionError)
