# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""What the rules say in English and Chinese."""

from collections.abc import Sequence

from sstl.core.rules.base import Text, instant_text

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
_MOST_MINUTES = 120

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
    late = lasting(actual_ms - planned_ms)
    at, due = instant_text(actual_ms), instant_text(planned_ms)
    return Text(
        f"{name.en} was {late.en} later than planned: {at} instead of {due}.",
        f"{name.zh}比计划晚 {late.zh}：实际 {at}，计划 {due}。",
    )


def expected_late(name: Text, estimated_ms: int, planned_ms: int) -> Text:
    """Tell that something is expected later than planned."""
    late = lasting(estimated_ms - planned_ms)
    at, due = instant_text(estimated_ms), instant_text(planned_ms)
    return Text(
        f"{name.en} is expected {late.en} later than planned: {at} instead of {due}.",
        f"{name.zh}预计比计划晚 {late.zh}：预计 {at}，计划 {due}。",
    )


def longer(leg_id: str, way: str, actual_ms: int, planned_ms: int) -> Text:
    """Tell that a leg took longer than planned."""
    took, allowed, over = lasting(actual_ms), lasting(planned_ms), lasting(actual_ms - planned_ms)
    return Text(
        f"Leg {leg_id} ({way}) took {took.en}, {over.en} longer than the {allowed.en} planned.",
        f"运输段 {leg_id}（{way}）用时 {took.zh}，比计划的 {allowed.zh}多 {over.zh}。",
    )


def lasting(duration_ms: int) -> Text:
    """Return a duration for people: minutes up to two hours, hours beyond, a decimal where it is not whole."""
    if duration_ms <= _MOST_MINUTES * MINUTE_MS:
        said = _decimal(duration_ms, MINUTE_MS)
        return Text(f"{said} min", f"{said} 分钟")
    said = _decimal(duration_ms, HOUR_MS)
    return Text(f"{said} h", f"{said} 小时")


def _decimal(duration_ms: int, unit_ms: int) -> str:
    whole, rest = divmod(duration_ms, unit_ms)
    return str(whole) if rest == 0 else f"{duration_ms / unit_ms:.1f}"
