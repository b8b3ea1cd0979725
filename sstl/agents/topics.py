"""Every topic of the project: names, partitions, retention, cleanup. The one place where they are declared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NEVER_MS = str(2**63 - 1)
FAMILIES = ("manifest", "seallock", "inspection", "transport", "feedback", "registry", "action")
"""Input families; each has its own topic ``<prefix>.<family>.v1``."""

STAGE_SOURCE = {
    "manifests": "manifests",
    "references": "references",
    "journeys": "journeys",
    "consignments": "consignments",
    "flags": "findings",
    "lanes": "observations",
}
"""Stage to the logical name of its one source topic; intake runs one instance for each family instead."""

UPSTREAM: Mapping[str, tuple[str, ...]] = {
    "manifests": ("intake",),
    "references": ("intake", "manifests"),
    "journeys": ("intake", "manifests", "references"),
    "consignments": ("manifests", "references", "journeys"),
    "flags": ("intake-feedback", "intake-action", "references", "journeys", "consignments"),
    "lanes": ("journeys", "consignments"),
}
"""Stage to those whose heartbeats make its watermark."""

MAX_INPUT_BYTES = 1_048_576
MAX_INTERNAL_BYTES = 1_048_576
MAX_REJECTED_BYTES = 4 * 1_048_576


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic. Retention and sizes are in ``config``, in the broker's own terms."""

    logical: str
    name: str
    partitions: int
    config: Mapping[str, str]
    max_bytes: int = MAX_INTERNAL_BYTES


@dataclass(frozen=True)
class Topics:
    """All topics under one prefix.

    Args:
        prefix: What every name begins with; also the consumer group and the transactional ids.
        partitions: Logical name to partition count; ``*`` is the default for all, 1 without it.
    """

    prefix: str
    partitions: Mapping[str, int] = field(default_factory=dict)

    def count(self, logical: str) -> int:
        """Return the declared number of partitions of a logical topic."""
        return self.partitions.get(logical, self.partitions.get("*", 1))

    def __getitem__(self, logical: str) -> TopicSpec:
        """Return the topic of a logical name; KeyError when there is none."""
        return self.all[logical]

    @property
    def all(self) -> Mapping[str, TopicSpec]:
        """Every topic by its logical name."""
        cached: dict[str, TopicSpec] | None = self.__dict__.get("_all")
        if cached is None:
            cached = {spec.logical: spec for spec in self._declare()}
            self.__dict__["_all"] = cached
        return cached

    @property
    def by_name(self) -> Mapping[str, TopicSpec]:
        """Every topic by its real name."""
        return {spec.name: spec for spec in self.all.values()}

    def stages(self) -> Iterator[tuple[str, str]]:
        """Yield (stage instance, logical source topic): ``intake-transport`` reads ``transport``."""
        for family in FAMILIES:
            yield f"intake-{family}", family
        yield from STAGE_SOURCE.items()

    def sources(self, stage: str) -> frozenset[str]:
        """Return the source partitions (``journeys/0``) whose heartbeats a stage waits for."""
        names: set[str] = set()
        for upstream in UPSTREAM.get(stage, ()):
            for instance, source in self.stages():
                if instance == upstream or (
                    upstream == "intake" and instance.startswith("intake-")
                ):
                    names.update(f"{instance}/{p}" for p in range(self.count(source)))
        return frozenset(names)

    def _declare(self) -> Iterator[TopicSpec]:
        for family in FAMILIES:
            yield self._spec(
                family,
                f"{family}.v1",
                {
                    "cleanup.policy": "delete",
                    "retention.ms": str(120 * DAY_MS),
                    # the append time is the arrival time, from which watermarks and lateness are made
                    "message.timestamp.type": "LogAppendTime",
                },
                MAX_INPUT_BYTES,
            )
        for logical in ("manifests", "references", "journeys", "consignments", "findings"):
            yield self._spec(logical, f"{logical}.v1", _delete(14))
        # compacted: the latest message of an observation is its value, so lanes can be rebuilt from it
        yield self._spec("observations", "observations.v1", _compact())
        yield self._spec("risk-flags", "risk-flags.v1", _delete(400))
        yield self._spec("supervisor-flags", "supervisor-flags.v1", _delete(400))
        yield self._spec("shadow-findings", "shadow-findings.v1", _delete(120))
        yield self._spec("notices", "notices.v1", _delete(120))
        # compacted: the last record of a group is its score; what nobody has scored for long goes
        yield self._spec("scores", "scores.v1", _delete(400) | {"cleanup.policy": "compact,delete"})
        yield self._spec("indicators", "indicators.v1", _compact())
        yield self._spec("rejected", "rejected.v1", _delete(120), MAX_REJECTED_BYTES)
        yield self._spec("unbound", "unbound.v1", _delete(120))
        yield self._spec("quarantine", "quarantine.v1", _delete(120), MAX_REJECTED_BYTES)
        # every version stays, superseded ones too: what governed an instant must be found again on every replay
        forever = {"message.timestamp.type": "LogAppendTime", "min.compaction.lag.ms": NEVER_MS}
        yield self._spec("policy", "policy.v1", _compact() | forever, partitions=1)
        for stage, source in self.stages():
            # one changelog for each stage, partitioned as its source: what a partition knows moves with it
            yield self._spec(
                f"changelog-{stage}",
                f"{stage}.changelog.v1",
                _compact() | {"segment.bytes": str(64 << 20), "min.cleanable.dirty.ratio": "0.1"},
                partitions=self.count(source),
            )

    def _spec(
        self,
        logical: str,
        suffix: str,
        config: Mapping[str, str],
        max_bytes: int = MAX_INTERNAL_BYTES,
        *,
        partitions: int | None = None,
    ) -> TopicSpec:
        count = self.count(logical) if partitions is None else partitions
        config = {**config, "max.message.bytes": str(max_bytes)}
        return TopicSpec(logical, f"{self.prefix}.{suffix}", count, config, max_bytes)


def _delete(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}


def _compact() -> dict[str, str]:
    return {"cleanup.policy": "compact", "delete.retention.ms": str(DAY_MS)}
