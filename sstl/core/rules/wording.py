# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""What the rules say in English and Chinese."""

from collections.abc import Sequence

from sstl.core.rules.base import Text, instant_text

MINUTE_MS = 60_000

SERVICES = {
    "gated_in": Text("Gate-in", "进场"),
    "rcs": Text("Received from shipper (RCS)", "收运（RCS）"),
    "loaded": Text("Loading", "装载"),
    "man": Text("Manifesting (MAN)", "配载（MAN）"),
    "departed": Text("Departure", "启运"),
    "dep": Text("Departure (DEP)", "起飞（DEP）"),
    "arrived": Text("Arrival", "到达"),
    "arr": Text("Arrival (ARR)", "到达（ARR）"),
    "discharged": Text("Discharge", "卸载"),
    "rcf": Text("Received from flight (RCF)", "进港接收（RCF）"),
    "gated_out": Text("Gate-out", "出场"),
    "dlv": Text("Delivery (DLV)", "交付（DLV）"),
    "stripped": Text("Stripping", "拆箱"),
    "crossed": Text("Border crossing", "过境"),
}
"""Kind of transport event to what it is called."""

_MOST_NAMED = 5


def listed(names: Sequence[str]) -> Text:
    """List documents or units, of many the first and how many more there are."""
    shown, more = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    en, zh = ", ".join(shown), "、".join(shown)
    return Text(f"{en} and {more} more", f"{zh} 等另外 {more} 个") if more > 0 else Text(en, zh)


def service(kind: str, place: str | None, leg_id: str | None) -> Text:
    """Name a service with its place and leg, where it has them."""
    name = SERVICES[kind]
    en, zh = name.en, name.zh
    if place is not None:
        en, zh = f"{en} at {place}", f"{place} {zh}"
    if leg_id is not None:
        en, zh = f"Leg {leg_id}: {en}", f"运输段 {leg_id}：{zh}"
    return Text(en, zh)


def later(name: Text, actual_ms: int, planned_ms: int) -> Text:
    """Tell that something happened later than planned."""
    late = minutes(actual_ms - planned_ms)
    at, due = instant_text(actual_ms), instant_text(planned_ms)
    return Text(
        f"{name.en} was {late} min later than planned: {at} instead of {due}.",
        f"{name.zh}比计划晚 {late} 分钟：实际 {at}，计划 {due}。",
    )


def expected_late(name: Text, estimated_ms: int, planned_ms: int) -> Text:
    """Tell that something is expected later than planned."""
    late = minutes(estimated_ms - planned_ms)
    at, due = instant_text(estimated_ms), instant_text(planned_ms)
    return Text(
        f"{name.en} is expected {late} min later than planned: {at} instead of {due}.",
        f"{name.zh}预计比计划晚 {late} 分钟：预计 {at}，计划 {due}。",
    )


def longer(leg_id: str, way: str, actual_ms: int, planned_ms: int) -> Text:
    """Tell that a leg took longer than planned."""
    took, allowed, over = minutes(actual_ms), minutes(planned_ms), minutes(actual_ms - planned_ms)
    return Text(
        f"Leg {leg_id} ({way}) took {took} min, {over} min longer than the {allowed} min planned.",
        f"运输段 {leg_id}（{way}）用时 {took} 分钟，比计划的 {allowed} 分钟多 {over} 分钟。",
    )


def minutes(duration_ms: int) -> str:
    """Return a duration in minutes, with one decimal where it is not whole."""
    whole, rest = divmod(duration_ms, MINUTE_MS)
    return str(whole) if rest == 0 else f"{duration_ms / MINUTE_MS:.1f}"
