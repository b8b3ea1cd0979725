"""Policy as files: YAML read strictly, merged, and judged with file, line and column of what is wrong.

Every plain scalar stays text until the model says what it is. So ``off`` is a mode and not a truth value, ``NO`` is
Norway, ``0902`` keeps its zero and an instant its offset, whatever a version of YAML makes of them.
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from sstl.errors import UserError
from sstl.models import wording
from sstl.models.policy import Policy

SUFFIXES = (".yaml", ".yml")
Location = tuple[str | int, ...]
"""Keys and indices from the top of the policy."""
Check = Callable[[Policy], Iterable[tuple[Location, str]]]
"""What a valid policy may still have wrong: (where, what)."""
_NULL = frozenset({"", "~", "null"})
_SHOWN = 60
_MOST_REPEATED = 100_000
"""Values that the aliases of a file may stand for; those of its anchors do not count."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a policy."""

    where: str
    """``file:line:column``; the file alone where there is no line."""
    path: str
    """Where in the policy, with dots; empty at the top."""
    message: str

    def __str__(self) -> str:
        """Return it as one line."""
        return ": ".join(part for part in (self.where, self.path, self.message) if part)


class PolicyError(UserError):
    """A policy that cannot be taken; says all that is wrong with it.

    Args:
        problems: At least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class _UnreadableError(Exception):
    """A file that nothing can be taken from."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where
        self.message = message


class _Reader:
    """Turns the nodes of YAML documents into plain values and remembers where each stood."""

    def __init__(self) -> None:
        self.keys: dict[Location, _Place] = {}
        self.values: dict[Location, _Place] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._seen: set[int] = set()
        self._repeated = 0

    def read(self, path: Path) -> dict[str, Any]:
        """Return the top-level mapping of a file; what is wrong with it is kept in `problems`."""
        try:
            node = self._compose(path)
        except OSError as error:
            self.problems.append(Problem(str(path), "", f"cannot be read: {error.strerror}"))
            return {}
        except _UnreadableError as error:
            self.problems.append(Problem(error.where, "", error.message))
            return {}
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._wrong(path, node, (), "expected keys with values at the top of the file")
            return {}
        try:
            found = self._value(path, node, ())
        except _UnreadableError as error:
            self.problems.append(Problem(error.where, "", error.message))
            return {}
        return found if isinstance(found, dict) else {}

    def _compose(self, path: Path) -> yaml.Node | None:
        raw = path.read_bytes()
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            before = raw[: error.start].decode()
            message = f"not UTF-8: byte 0x{raw[error.start]:02x}"
            raise _UnreadableError(_after(path, before), message) from error
        loader = None
        try:
            loader = yaml.SafeLoader(text)
            node: yaml.Node | None = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            where = str(path) if mark is None else str(_place(path, mark))
            raise _UnreadableError(where, f"no YAML: {error.problem or error.context}") from error
        except yaml.reader.ReaderError as error:
            message = f"no YAML: the character U+{error.character:04X} may not stand in it"
            raise _UnreadableError(_after(path, text[: error.position]), message) from error
        except RecursionError as error:
            where = str(path) if loader is None else str(_place(path, loader.get_mark()))
            raise _UnreadableError(where, "nested too deeply") from error
        return node

    def at(self, location: Location, *, key: bool = False) -> str:
        """Return the place of a value, or of its key; of the nearest above where it has none."""
        for end in range(len(location), 0, -1):
            first, second = (self.keys, self.values) if key else (self.values, self.keys)
            place = first.get(location[:end]) or second.get(location[:end])
            if place is not None:
                return str(place)
        return ""

    def _value(self, path: Path, node: yaml.Node, location: Location) -> Any:
        self.values.setdefault(location, _place(path, node.start_mark))
        if isinstance(node, yaml.ScalarNode):
            return None if node.style is None and node.value in _NULL else node.value
        if id(node) in self._open:
            self._wrong(path, node, location, "an alias leads back to itself")
            return None
        if id(node) in self._seen:
            # a few lines of aliases of aliases can stand for more values than a machine holds
            self._repeated += 1 + len(node.value)
            if self._repeated > _MOST_REPEATED:
                where = str(_place(path, node.start_mark))
                message = (
                    f"aliases repeat what stands here, more than {_MOST_REPEATED:,} values in all"
                )
                raise _UnreadableError(where, message)
        self._seen.add(id(node))
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [
                    self._value(path, item, (*location, number))
                    for number, item in enumerate(node.value)
                ]
            return self._mapping(path, node, location)
        finally:
            self._open.discard(id(node))

    def _mapping(self, path: Path, node: yaml.Node, location: Location) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong(path, key_node, location, "a key must be a text")
                continue
            name = key_node.value
            inner = (*location, name)
            if name in found:
                self._twice(path, key_node, inner)
                continue
            # a key of the top level may stand in several files, see `_merge`
            self.keys.setdefault(inner, _place(path, key_node.start_mark))
            found[name] = self._value(path, value_node, inner)
        return found

    def _twice(self, path: Path, node: yaml.Node, location: Location) -> None:
        message = f"given twice, first at {self.at(location, key=True)}"
        self._wrong(path, node, location, message)

    def _wrong(self, path: Path, node: yaml.Node, location: Location, message: str) -> None:
        where = str(_place(path, node.start_mark))
        self.problems.append(Problem(where, _dotted(location), message))


def policy_paths(path: Path) -> list[Path]:
    """Return the files of a policy: the file itself, or the YAML files of a directory in the order of their names.

    Raises:
        PolicyError: There is none.
    """
    if path.is_dir():
        # a link that leads nowhere is one of the files: it is refused, not passed over
        found = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and not p.is_dir())
        if not found:
            raise PolicyError([Problem(str(path), "", f"holds no file *{' or *'.join(SUFFIXES)}")])
        return found
    if not path.exists():
        raise PolicyError([Problem(str(path), "", "no such file or directory")])
    return [path]


def load_policy(path: Path, check: Check | None = None) -> Policy:
    """Return the policy of a file, or of all YAML files of a directory.

    Files are merged at the top level: ``lanes`` may stand in several files, each lane in one only.

    Args:
        path: File or directory.
        check: What a policy must fulfil beside the model.

    Raises:
        PolicyError: With everything that is wrong, each with file, line and column.
    """
    reader = _Reader()
    merged: dict[str, Any] = {}
    for file in policy_paths(path):
        _merge(reader, merged, file)
    if reader.problems:
        raise PolicyError(reader.problems)
    try:
        policy = Policy.model_validate(merged)
    except ValidationError as error:
        found = [_problem(reader, path, one) for one in error.errors()]
        raise PolicyError(sorted(found, key=_order)) from error
    wrong = [
        Problem(reader.at(location, key=True) or str(path), _dotted(location), message)
        for location, message in (() if check is None else check(policy))
    ]
    if wrong:
        raise PolicyError(wrong)
    return policy


def _merge(reader: _Reader, merged: dict[str, Any], file: Path) -> None:
    own = _Reader()
    found = own.read(file)
    reader.problems += own.problems
    for name, value in found.items():
        known = merged.get(name)
        if name not in merged:
            merged[name] = value
        elif isinstance(known, dict) and isinstance(value, dict):
            for inner, entry in value.items():
                if inner in known:
                    _clash(reader, own, (name, inner))
                else:
                    known[inner] = entry
        else:
            _clash(reader, own, (name,))
    for places, more in ((reader.keys, own.keys), (reader.values, own.values)):
        for location, place in more.items():
            places.setdefault(location, place)


def _clash(reader: _Reader, own: _Reader, location: Location) -> None:
    message = f"given twice, first at {reader.at(location, key=True)}"
    reader.problems.append(Problem(own.at(location, key=True), _dotted(location), message))


def _problem(reader: _Reader, path: Path, detail: Any) -> Problem:
    kind = detail["type"]
    location = tuple(part for part in detail["loc"] if part != "[key]")
    of_key = kind in {"extra_forbidden", "missing"} or "[key]" in detail["loc"]
    if kind == "extra_forbidden":
        message = f"unknown key{likely(str(location[-1]), _fields_at(location[:-1]))}"
    elif kind == "missing":
        message = "is missing"
    else:
        message = _said(detail)
    where = reader.at(location, key=of_key) or str(path)
    return Problem(where, _dotted(location), message)


def _said(detail: Any) -> str:
    said = wording.expected(detail)
    if detail["type"] != "value_error":
        # what a validator of the model says is a sentence already
        said = f"expected {said}"
    got = detail["input"]
    if isinstance(got, (str, int, float)):
        shown = str(got)
        said += f", got {shown[:_SHOWN]!r}"
    elif got is None:
        said += ", got nothing"
    return said


def _dotted(location: Location) -> str:
    return ".".join(str(part) for part in location)


def likely(name: str, known: Iterable[str]) -> str:
    """Return what to add to "unknown ...": the name that was probably meant, else all known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f", did you mean {near[0]}?"
    return f"; known: {', '.join(names)}" if names else ""


def _fields_at(location: Location) -> list[str]:
    """Return the keys that the model knows at a place of the policy."""
    annotation: Any = Policy
    for part in location:
        model = _model_in(annotation)
        if model is not None:
            if part not in model.model_fields:
                return []
            annotation = model.model_fields[str(part)].annotation
        else:
            # the values of a mapping, the items of a sequence
            inner = [one for one in get_args(annotation) if one is not Ellipsis]
            annotation = inner[-1] if inner else None
    model = _model_in(annotation)
    return [] if model is None else list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation stands for: itself, or the one of a union with None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if type(None) in get_args(annotation):
        for one in get_args(annotation):
            if isinstance(one, type) and issubclass(one, BaseModel):
                return one
    return None


def _order(problem: Problem) -> tuple[str, list[int]]:
    file, *position = problem.where.rsplit(":", 2)
    return file, [int(part) for part in position if part.isdigit()]


def _place(path: Path, mark: Any) -> _Place:
    return _Place(str(path), mark.line + 1, mark.column + 1)


def _after(path: Path, text: str) -> str:
    """Return the place that follows a text from the beginning of a file."""
    last = text.rpartition("\n")[2]
    return str(_Place(str(path), text.count("\n") + 1, len(last) + 1))
