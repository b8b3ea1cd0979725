"""The stage [manifests]: keeps the versions of a manifest and tells what its effective version links.

=================  =====================  ==============================================================
key                part                   cell
=================  =====================  ==============================================================
``filings/LRN``    digest of event        `Filing`, one an event of the manifest
``told/LRN``       ``<topic>|<key>``      `Told`, one a reference, unit or consignment that was told
=================  =====================  ==============================================================
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from sstl.core.links import nothing, tell
from sstl.core.manifest_content import Content, read_content
from sstl.core.referrals import ANSWERED, RAISED, bare
from sstl.core.registers import Register, merge, part_of, placed, withdrawn
from sstl.core.shares import Answer, Effective
from sstl.core.stage import (
    Context,
    Inbound,
    Outcome,
    Reached,
    StateReader,
    Work,
    take_heartbeat,
    watermark,
)
from sstl.core.wakeups import Wake, take_due, wake_at
from sstl.models.policy import Policy
from sstl.models.records import (
    Event,
    Heartbeat,
    Linked,
    ManifestsMessage,
    Placed,
    Version,
    Withdrawn,
)

LODGED = "manifest.lodged"
AMENDED = "manifest.amended"
INVALIDATED = "manifest.invalidated"
REGISTERED = "manifest.registered"
ASSESSED = "manifest.assessed"

_MANIFEST = "m"


class Filing(msgspec.Struct, frozen=True, tag="filing.1", omit_defaults=True):
    """Greatest version of one event of a manifest that was seen under this LRN."""

    identity: str
    register: Register
    """The event, of a lodgement or amendment without its body."""
    content: Content | None = None
    """The body of a lodgement or amendment that counts."""


class Told(msgspec.Struct, frozen=True, tag="told.1"):
    """What one reference, unit or consignment was told last."""

    digest: str
    """128 bits of BLAKE2b of the message, hexadecimal."""


ManifestsCell = Filing | Told | Wake | Reached


class ManifestsStage:
    """Key: a manifest (its LRN).

    The effective version is the greatest by (event time, recorded time, identity) among the lodgements and
    amendments that count; where a counting invalidation is greater still, nothing is linked. So the retraction
    of an amendment brings the version before it back.
    """

    name = "manifests"
    message_type: Any = ManifestsMessage
    cell_type: Any = ManifestsCell
    ticks = False

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold a batch. Each manifest is compared with what it told once a batch, before a heartbeat passes."""
        work = Work(state, policy, context)
        changed: set[str] = set()
        for record in records:
            match record.message:
                case Placed(event=event):
                    _take(work, record.key, _filing(event), changed)
                case Withdrawn(identity=identity, version=version):
                    _take(work, record.key, Filing(identity, withdrawn(version)), changed)
                case Heartbeat():
                    _settle(work, changed)
                    self._beat(work, record.message)
        _settle(work, changed)
        return work.outcome

    def _beat(self, work: Work, beat: Heartbeat) -> None:
        downstream = ("references", "journeys", "consignments")
        if take_heartbeat(work, beat, name=self.name, downstream=downstream):
            now_ms = watermark(work)
            if now_ms is not None:
                for _, _, manifest_id in take_due(work, now_ms):
                    _drop(work, manifest_id, now_ms)

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Do nothing: this stage has nothing that waits for a pause."""
        return Work(state, policy, context).outcome


def _filing(event: Event) -> Filing:
    if event.type not in (LODGED, AMENDED) or event.version.retracted:
        return Filing(event.identity, placed(event))
    bare = msgspec.structs.replace(event, data={})
    return Filing(event.identity, placed(bare), read_content(event.data))


def _filings_key(manifest_id: str) -> str:
    return f"filings/{manifest_id}"


def _told_key(manifest_id: str) -> str:
    return f"told/{manifest_id}"


def _take(work: Work, manifest_id: str, seen: Filing, changed: set[str]) -> None:
    key, part = _filings_key(manifest_id), part_of(seen.identity)
    known: Filing | None = work.get(key, part)
    register = merge(None if known is None else known.register, seen.register)
    if known is not None and register == known.register:
        return
    newer = known is None or known.register.version < seen.register.version
    # Copies of one version have the same body; one side may be mere word that it lies elsewhere.
    content = seen.content if newer or known is None else seen.content or known.content
    work.put(key, part, Filing(seen.identity, register, content))
    changed.add(manifest_id)


def _filings(work: Work, manifest_id: str) -> list[Filing]:
    key = _filings_key(manifest_id)
    found = (work.get(key, part) for part in work.parts(key))
    return [filing for filing in found if filing is not None]


def _order(filing: Filing) -> tuple[int, int, str]:
    event = filing.register.event
    at_ms = 0 if event is None else event.event_ms
    return (at_ms, filing.register.version.recorded_ms, filing.identity)


def effective(manifest_id: str, filings: Sequence[Filing]) -> Effective | None:
    """Return what counts of a manifest, None where nothing does.

    T0 is the first lodgement since the last invalidation that is older than the effective version. Filings, referrals
    and assessments count from that invalidation on; registrations always do.
    """
    counting = sorted(
        (filing for filing in filings if filing.register.event is not None), key=_order
    )
    lodged_ms: int | None = None
    filed: list[tuple[Event, Content]] = []
    mrns: set[tuple[str, str | None]] = set()
    answers: dict[str, list[Answer]] = {RAISED: [], ANSWERED: [], ASSESSED: []}
    for filing in counting:
        event = filing.register.event
        if event is None:
            continue
        if event.type == INVALIDATED:
            lodged_ms, filed, answers = None, [], {name: [] for name in answers}
        elif event.type in (LODGED, AMENDED):
            if event.type == LODGED and lodged_ms is None:
                lodged_ms = event.event_ms
            if filing.content is not None:
                filed.append((event, filing.content))
        elif event.type == REGISTERED and event.data.get("mrn"):
            mrns.add((event.data["mrn"], event.data.get("consignmentId")))
        elif event.type in answers:
            answers[event.type].append(
                Answer(bare(event), event.data.get("consignmentId"), event.data.get("mrn"))
            )
    if not filed:
        return None
    evidence, content = filed[-1]
    by_mrn = tuple(sorted(mrns, key=lambda entry: (entry[0], entry[1] or "")))
    return Effective(
        manifest_id,
        content,
        evidence,
        lodged_ms,
        by_mrn,
        filings=tuple(filed),
        raised=tuple(answers[RAISED]),
        answered=tuple(answers[ANSWERED]),
        assessed=tuple(answers[ASSESSED]),
    )


def _settle(work: Work, changed: set[str]) -> None:
    """Tell what the changed manifests say now and did not say before. Costs what each of them links."""
    for manifest_id in sorted(changed):
        filings = _filings(work, manifest_id)
        now = effective(manifest_id, filings)
        told = {} if now is None else tell(now, work.policy)
        key = _told_key(manifest_id)
        parts = {f"{topic}|{name}": (topic, name) for topic, name in told}
        for part in work.parts(key):
            if part not in parts:
                topic, _, name = part.partition("|")
                work.put(key, part, None)
                work.emit(topic, name, nothing(manifest_id, topic))
        for part in sorted(parts):
            topic, name = parts[part]
            message = told[topic, name]
            said = Told(_digest(message))
            if work.get(key, part) != said:
                work.put(key, part, said)
                work.emit(topic, name, message)
        wake_at(work, _kept_until_ms(filings, work.policy), _MANIFEST, "", manifest_id)
    changed.clear()


def _digest(message: msgspec.Struct) -> str:
    return hashlib.blake2b(msgspec.json.encode(message), digest_size=16).hexdigest()


def _kept_until_ms(filings: Sequence[Filing], policy: Policy) -> int:
    """Return when nothing can arrive any more that needs this manifest."""
    latest = 0
    for filing in filings:
        latest = max(latest, _latest_ms(filing.register.version, filing))
    return latest + (policy.max_lateness_s + policy.parking_horizon_s) * 1000


def _latest_ms(version: Version, filing: Filing) -> int:
    instants = [version.recorded_ms]
    event, content = filing.register.event, filing.content
    if event is not None:
        instants += [event.event_ms, event.arrival_ms]
    if content is not None:
        ends = [
            content.etd_ms,
            content.atd_ms,
            content.eta_ms,
            *(leg.planned_end_ms for leg in content.legs),
        ]
        instants += [end for end in ends if end is not None]
    return max(instants)


def _drop(work: Work, manifest_id: str, now_ms: int) -> None:
    """Let a manifest past its horizon go. What it told stays; references may drop its links."""
    filings = _filings(work, manifest_id)
    if not filings:
        return
    until_ms = _kept_until_ms(filings, work.policy)
    if now_ms < until_ms:
        wake_at(work, until_ms, _MANIFEST, "", manifest_id)
        return
    for part in work.parts(_told_key(manifest_id)):
        topic, _, name = part.partition("|")
        if topic == "references":
            work.emit(topic, name, Linked(manifest_id=manifest_id, forgotten=True))
        work.put(_told_key(manifest_id), part, None)
    for part in work.parts(_filings_key(manifest_id)):
        work.put(_filings_key(manifest_id), part, None)
