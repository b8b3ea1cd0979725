"""How a change of policy is told: dotted paths, old value, new value."""

from collections.abc import Iterator
from typing import Any

from sstl.models.policy import Policy

NOTHING = "(none)"


def changes(old: Policy, new: Policy) -> list[str]:
    """Return what differs, in the words of the policy and in the order of the model; empty where nothing does."""
    return list(_changes("", old.model_dump(mode="json"), new.model_dump(mode="json")))


def _changes(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in (*old, *(name for name in new if name not in old)):
            inner = f"{path}.{name}" if path else name
            if name not in new:
                yield f"{inner}: removed (was {_shown(old[name])})"
            elif name not in old:
                yield f"{inner}: added {_shown(new[name])}"
            else:
                yield from _changes(inner, old[name], new[name])
    elif isinstance(old, list) and isinstance(new, list):
        yield from _listed(path, old, new)
    else:
        yield f"{path}: {_shown(old)} -> {_shown(new)}"


def _listed(path: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    if _words(old) and _words(new):
        gone = [one for one in old if one not in new]
        come = [one for one in new if one not in old]
        if gone:
            yield f"{path}: without {', '.join(map(_shown, gone))}"
        if come:
            yield f"{path}: with {', '.join(map(_shown, come))}"
        if not gone and not come:
            yield f"{path}: {_shown(old)} -> {_shown(new)}"
        return
    for number in range(max(len(old), len(new))):
        inner = f"{path}.{number}"
        if number >= len(new):
            yield f"{inner}: removed (was {_shown(old[number])})"
        elif number >= len(old):
            yield f"{inner}: added {_shown(new[number])}"
        else:
            yield from _changes(inner, old[number], new[number])


def _words(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _shown(value: Any) -> str:
    if value is None or value in ([], {}):
        return NOTHING
    if isinstance(value, dict):
        inner = (
            f"{name}: {_shown(one)}" for name, one in value.items() if one not in (None, [], {})
        )
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
