"""What the publishing commands share: families of an option, and the topic of an event."""

from collections.abc import Callable, Collection
from typing import Any

import click

from sstl.agents.topics import Topics
from sstl.errors import UserError
from sstl.publish.routing import FAMILIES, family_of
from sstl.settings import Settings


def split(names: str, known: Collection[str], option: str) -> list[str]:
    """Return the names of an option that takes several, separated by commas."""
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    unknown = sorted(set(chosen) - set(known))
    if unknown or not chosen:
        message = f"{', '.join(unknown) or 'none'}: known are {', '.join(sorted(known))}"
        raise click.BadParameter(message, param_hint=option)
    return chosen


def backfill_families(settings: Settings, option: str | None, used: tuple[str, ...]) -> list[str]:
    """Return the families whose topics are a backfill: the option, else the setting, else those used."""
    if option is not None:
        return split(option, FAMILIES, "--backfill")
    return sorted(settings.backfill) or list(used)


def topic_of(topics: Topics) -> Callable[[dict[str, Any]], str]:
    """Return what gives the real topic of an event."""

    def topic(event: dict[str, Any]) -> str:
        family = family_of(str(event.get("type")))
        if family is None:
            raise UserError(f"event {event.get('id')}: no topic for type {event.get('type')!r}")
        return topics[family].name

    return topic
