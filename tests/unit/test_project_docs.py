"""README.md and docs/ say what the code says: settings, exit codes, topics, formats, files."""

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from sstl.agents.store import Position
from sstl.agents.topics import DAY_MS, FAMILIES, STAGE_SOURCE, Topics
from sstl.agents.worker import KEYED
from sstl.core.stage import Stage
from sstl.errors import ExitCode
from sstl.intake.stage import IntakeStage
from sstl.models.records import Unbound
from sstl.settings import DEVELOPMENT_PSEUDONYM_KEY, Settings

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for pattern in ("*.md", "docs/*.md", "docs/rules/*.md")
    for path in sorted(ROOT.glob(pattern))
]
STAGES: dict[str, Stage] = {name: agent.stage_of() for name, agent in KEYED.items()}


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def rows(page: str, section: str, *, marked: bool = True) -> list[list[str]]:
    """Return the cells of a table: between marks, or under a heading."""
    if marked:
        body = text(page).partition(f"<!-- {section} -->")[2].partition("<!-- end")[0]
    else:
        body = text(page).partition(f"{section}\n")[2].partition("\n#")[0]
    found = [line for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[2:]]


def plain(cell: str) -> str:
    return cell.strip("`")


def test_every_setting_stands_in_the_readme_with_its_default() -> None:
    table = {plain(name): plain(default) for name, default, _ in rows("README.md", "settings")}
    assert list(table) == [one.metadata["variable"] for one in fields(Settings)]
    for one in fields(Settings):
        shown = table[one.metadata["variable"]]
        if one.default == DEVELOPMENT_PSEUDONYM_KEY:
            assert "development key" in shown
        elif shown:
            assert one.metadata["parse"](shown) == one.default
        else:
            assert one.default is None or not one.default


def test_every_exit_code_stands_in_the_readme() -> None:
    table = rows("README.md", "### Exit codes", marked=False)
    assert [int(code) for code, _ in table] == list(ExitCode)


def kept(config: dict[str, str]) -> str:
    retention = config.get("retention.ms")
    return "for good" if retention is None else f"{int(retention) // DAY_MS} days"


def test_every_topic_is_documented_as_it_is_declared() -> None:
    topics = Topics("sstl")
    declared = {k: spec for k, spec in topics.all.items() if not k.startswith("changelog-")}
    table = {plain(row[0]): row for row in rows("docs/topics.md", "topics")}
    assert list(table) == list(declared)
    readers = {source: stage for stage, source in STAGE_SOURCE.items()}
    for logical, spec in declared.items():
        _, name, _, _, cleanup, days, largest, _, reader = table[logical]
        assert plain(name) == spec.name
        assert (cleanup, days) == (spec.config["cleanup.policy"], kept(dict(spec.config)))
        assert largest == f"{spec.max_bytes >> 20} MiB"
        assert reader == ("intake" if logical in FAMILIES else readers.get(logical, "anybody"))


def test_every_changelog_is_documented_beside_its_source() -> None:
    topics = Topics("sstl")
    expected = [
        [f"changelog-{stage}", topics[f"changelog-{stage}"].name, f"as `{topics[source].name}`"]
        for stage, source in topics.stages()
    ]
    table = rows("docs/topics.md", "changelogs")
    assert [[plain(logical), plain(name), how] for logical, name, how in table] == expected


def tags(union: Any) -> dict[str, str]:
    """Return tag to class name of a union of tagged structures."""
    kinds = get_args(union) or (union,)
    return {kind.__struct_config__.tag: kind.__name__ for kind in kinds}


def test_every_message_and_the_topics_it_travels_on_stand_among_the_formats() -> None:
    expected = {(tag, name): {"unbound (public)"} for tag, name in tags(Unbound).items()}
    for stage in STAGES.values():
        for tag, name in tags(stage.message_type).items():
            expected.setdefault((tag, name), set()).add(STAGE_SOURCE[stage.name])
    table = rows("docs/formats.md", "## Messages on internal topics", marked=False)
    assert {(plain(tag), name): set(on.split(", ")) for tag, name, on, *_ in table} == expected


def test_every_cell_and_the_stages_that_keep_it_stand_among_the_formats() -> None:
    expected = {("position.1", "Position"): {"all (the shell)"}}
    assert tags(Position) == {"position.1": "Position"}
    for tag, name in tags(IntakeStage.cell_type).items():
        expected[tag, name] = {"intake"}
    for stage in STAGES.values():
        for tag, name in tags(stage.cell_type).items():
            expected.setdefault((tag, name), set()).add(stage.name)
    table = rows("docs/formats.md", "## Cells in changelogs", marked=False)
    assert {(plain(tag), name): set(of.split(", ")) for tag, name, of, *_ in table} == expected


def test_no_tagged_structure_is_forgotten_by_the_formats() -> None:
    page = text("docs/formats.md")
    for path in sorted((ROOT / "sstl").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                for keyword in node.keywords:
                    if keyword.arg == "tag" and isinstance(keyword.value, ast.Constant):
                        row = f"| `{keyword.value.value!s}` | {node.name} |"
                        assert row in page, f"{path.name}: {node.name}"


def test_every_tag_carries_its_version() -> None:
    for stage in STAGES.values():
        for tag in (*tags(stage.message_type), *tags(stage.cell_type)):
            assert re.fullmatch(r"[a-z-]+\.[1-9][0-9]*", tag)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target
