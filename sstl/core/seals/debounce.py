"""When a signal of a device counts: contacts bounce, sensors repeat themselves.

All in event time, so that a replay hears the same: a signal must hold for a time (until the opposite signal, or still
on), be reported so often within the quiet period, and reports closer to each other than that are one episode.
"""

from collections.abc import Iterable, Sequence

from sstl.models.policy import Debounce, Policy
from sstl.models.records import Event

DEFAULT = Debounce()
_OPPOSITE = {"opened": ("closed", "armed", "resealed")}


def rule_for(policy: Policy, lock: str, signal: str) -> Debounce:
    """Return when a signal counts: the manufacturer's own, else that of all others (``*``), else at once.

    Args:
        policy: The one in force at the journey's first event.
        lock: ``device:MANUFACTURER/SERIAL`` or a seal.
        signal: ``opened`` or ``alarm.KIND``.
    """
    if not policy.vendors:
        return DEFAULT
    if lock.startswith("device:"):
        maker = lock[7:].partition("/")[0]
        found = policy.vendors.get(maker, {}).get(signal)
        if found is not None:
            return found
    return policy.vendors.get("*", {}).get(signal, DEFAULT)


def dropped(
    reports: Sequence[tuple[str, Event]], lock: str, policy: Policy
) -> tuple[frozenset[str], dict[str, int]]:
    """Return the identities of the reports that do not count, and of openings not yet closed until when they might not.

    Args:
        reports: (what it is to the machine, event) of one lock, in its order.
        lock: Its name.
        policy: The one in force at the journey's first event.
    """
    if not policy.vendors:
        return frozenset(), {}
    signals: dict[str, list[int]] = {}
    for index, (symbol, event) in enumerate(reports):
        if symbol == "opened":
            signals.setdefault("opened", []).append(index)
        elif symbol.startswith("alarm"):
            signals.setdefault(f"alarm.{event.data.get('kind')}", []).append(index)
    none: set[str] = set()
    settles: dict[str, int] = {}
    for signal, indices in signals.items():
        rule = rule_for(policy, lock, signal)
        if rule is not DEFAULT:
            lasting = _lasting(reports, indices, signal, int(rule.hold_for_s * 1000), settles)
            none.update(reports[index][1].identity for index in indices)
            for episode in episodes(lasting, rule.quiet_s):
                if often_enough(episode, rule):
                    none.difference_update(event.identity for event in episode)
    return frozenset(none), settles


def _lasting(
    reports: Sequence[tuple[str, Event]],
    indices: Iterable[int],
    signal: str,
    hold_ms: int,
    settles: dict[str, int],
) -> list[Event]:
    """Return the reports that hold long enough or are still on; of those note until when the opposite would matter."""
    found = []
    for index in indices:
        event = reports[index][1]
        until = _opposite(reports, index, signal)
        if until is not None and until - event.event_ms < hold_ms:
            continue
        if until is None and hold_ms:
            settles[event.identity] = event.event_ms + hold_ms
        found.append(event)
    return found


def _opposite(reports: Sequence[tuple[str, Event]], index: int, signal: str) -> int | None:
    """Return when the opposite signal came; alarms have none, they are on until a snapshot says otherwise."""
    opposite = _OPPOSITE.get(signal)
    for symbol, event in reports[index + 1 :]:
        if opposite is None:
            if symbol.startswith("state.") and symbol != "state.ALARM":
                return event.event_ms
        elif symbol in opposite:
            return event.event_ms
    return None


def episodes(events: Iterable[Event], quiet_s: float) -> list[list[Event]]:
    """Part reports (ascending) into episodes: closer than the quiet period is the same one."""
    found: list[list[Event]] = []
    for event in events:
        if found and event.event_ms - found[-1][-1].event_ms < quiet_s * 1000:
            found[-1].append(event)
        else:
            found.append([event])
    return found


def often_enough(episode: Sequence[Event], rule: Debounce) -> bool:
    """Tell whether an episode has so many reports within one quiet period as the signal needs to count."""
    many = rule.min_repeat
    if many <= 1:
        return True
    return any(
        last.event_ms - first.event_ms < rule.quiet_s * 1000
        for first, last in zip(episode, episode[many - 1 :], strict=False)
    )
