"""What ``sstl explain`` reads, and how it becomes one story."""

from collections.abc import Iterable

from sstl.agents.changelog import ChangelogReader
from sstl.agents.policy_publish import read_versions
from sstl.agents.store import PartitionStore
from sstl.agents.topics import Topics
from sstl.core.consignments import ConsignmentsStage
from sstl.core.explain import (
    FORMAT,
    ConsignmentStory,
    FlagStory,
    JourneyStory,
    Story,
    consignment_story,
    flag_story,
    journey_stories,
    reached_ms,
    read_consignment,
    read_unit,
)
from sstl.core.flags import FlagsStage
from sstl.core.flags.cells import FLAG, FlagCell
from sstl.core.journeys.stage import JourneysStage
from sstl.core.rules import RULES
from sstl.core.rules.base import instant_text
from sstl.models.policy import Policy

_GRAVITY = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_OVER = frozenset({"WITHDRAWN", "CORRECTED", "EXPIRED", "CLOSED"})


class Teller:
    """Reads the committed state of the workers.

    Args:
        bootstrap: Kafka servers.
        topics: The declared topics.
        first: The policy before the first published version.
    """

    def __init__(self, bootstrap: str, topics: Topics, first: Policy) -> None:
        versions, _ = read_versions(bootstrap, topics["policy"], first)
        self._policy = versions.latest
        self._reader = ChangelogReader(bootstrap, topics)
        self._flags: PartitionStore | None = None

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()

    def foreign_policy(self, story: Story) -> str | None:
        """Return the policy by which the workers judged, where it is none that this story was told by."""
        store = self._all_flags()
        cells = (store.get(name, FLAG) for name in store.keys_with(FLAG))
        return foreign_policy(
            story, self._policy, {cell.finding.policy_hash for cell in cells if cell is not None}
        )

    def of_flag(self, flag_id: str) -> Story | None:
        """Return the story of a flag and its subject, None where no such flag was published."""
        cell: FlagCell | None = self._all_flags().get(flag_id, FLAG)
        if cell is None:
            return None
        flag = flag_story(cell)
        subject = cell.finding.subject
        kind = RULES[cell.finding.rule_id].subject if cell.finding.rule_id in RULES else ""
        journeys: tuple[JourneyStory, ...] = ()
        consignments: tuple[ConsignmentStory, ...] = ()
        as_of = None
        if kind == "consignment":
            consignments, as_of = self._consignments(subject.consignments)
        unit = subject.equipment_reference or (
            subject.transport_document if kind != "consignment" else None
        )
        if unit is not None:
            journeys, told = self._journeys(unit)
            as_of = told or as_of
        flags = self._flags_on({unit} if unit else set(), set(subject.consignments))
        return self._story(flag_id, "flag", as_of, flag, journeys, consignments, flags)

    def of_subject(self, spellings: Iterable[str]) -> Story | None:
        """Return the story of a unit or a consignment, None where nobody knows it."""
        for name in spellings:
            journeys, as_of = self._journeys(name)
            own = {house for one in journeys for house in one.consignments}
            consignments, told = self._consignments(sorted(own | {name}))
            flags = self._flags_on({name}, {one.consignment for one in consignments})
            if journeys or consignments or flags:
                kind = "unit" if journeys or not consignments else "consignment"
                return self._story(name, kind, as_of or told, None, journeys, consignments, flags)
        return None

    def _story(
        self,
        asked: str,
        kind: str,
        as_of: str | None,
        flag: FlagStory | None,
        journeys: tuple[JourneyStory, ...],
        consignments: tuple[ConsignmentStory, ...],
        flags: tuple[FlagStory, ...],
    ) -> Story:
        return Story(
            format=FORMAT,
            asked=asked,
            kind=kind,
            as_of=as_of,
            policy_version=self._policy.version,
            policy=self._policy.hash,
            flag=flag,
            journeys=journeys,
            consignments=consignments,
            flags=flags,
        )

    def _journeys(self, unit: str) -> tuple[tuple[JourneyStory, ...], str | None]:
        for state, _ in self._reader.subjects("journeys", JourneysStage.cell_type, [unit]):
            assessment = read_unit(state, unit, self._policy)
            if assessment is not None:
                return journey_stories(assessment, self._policy), _reached(state)
        return (), None

    def _consignments(
        self, names: Iterable[str]
    ) -> tuple[tuple[ConsignmentStory, ...], str | None]:
        found, as_of = [], None
        cells = ConsignmentsStage.cell_type
        for state, keys in self._reader.subjects("consignments", cells, names):
            for name in keys:
                assessment = read_consignment(state, name, self._policy)
                if assessment is not None:
                    found.append(consignment_story(assessment, self._policy))
                    as_of = _reached(state)
        return tuple(sorted(found, key=lambda one: one.consignment)), as_of

    def _all_flags(self) -> PartitionStore:
        if self._flags is None:
            self._flags = self._reader.parts("flags", FlagsStage.cell_type, FLAG)
        return self._flags

    def _flags_on(self, units: set[str], consignments: set[str]) -> tuple[FlagStory, ...]:
        """Return the flags on units and on consignments themselves, those in force and the gravest first."""
        store = self._all_flags()
        found: list[FlagCell] = []
        for name in store.keys_with(FLAG):
            cell: FlagCell | None = store.get(name, FLAG)
            if cell is None:
                continue
            finding = cell.finding
            group = finding.group.partition("#")[0]
            if group in units | consignments or finding.subject.equipment_reference in units:
                found.append(cell)
        found.sort(key=_order)
        return tuple(flag_story(cell) for cell in found)


def foreign_policy(story: Story, policy: Policy, judged: set[str]) -> str | None:
    """Return the hash of a policy that judged, but not this story.

    A story by another policy says other things than the workers: of lanes that it does not have, nothing.

    Args:
        story: What is told.
        policy: The latest version that it is told by; those before hang on it.
        judged: Hashes of the policies by which the flags of all subjects were judged.
    """
    known = {one.hash for _, one in policy.versions()}
    told = {one.policy for one in story.flags}
    if story.flag is not None:
        told.add(story.flag.policy)
    if told:
        return min(told - known, default=None)
    return None if judged & known else min(judged, default=None)


def _order(cell: FlagCell) -> tuple[bool, int, int, str]:
    finding = cell.finding
    return (
        cell.status in _OVER,
        _GRAVITY.index(finding.severity),
        finding.anchor_ms,
        finding.flag_id,
    )


def _reached(state: PartitionStore) -> str | None:
    reached = reached_ms(state)
    return None if reached is None else instant_text(reached)
