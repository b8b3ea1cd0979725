"""What real devices and systems add to the truth without meaning anything: bounce, drift, duplicates, gaps.

The figures are in ``noise.yaml`` beside this file, each with its reason; they were fixed before any threshold was
tuned against them. Noise never adds a fact that an officer should act on: whatever is flagged on a clean journey with
noise is a false flag.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Any

import yaml

from sstl.synthetic.log import Report, text

_POSITION = "org.sstl.seallock.position.v1"
_ARMED = "org.sstl.seallock.armed.v1"
_OPENED = "org.sstl.seallock.opened.v1"
_KM_PER_DEGREE = 111.2
_MOVES = ("gated_in", "loaded", "discharged")
"""When a box is handled roughly."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How much of each; shares are 0 to 1."""

    bounce_share: float
    bounces_most: int
    bounce_seconds_most: float
    drift_seconds_a_day_most: float
    minute_stamps_share: float
    double_send_share: float
    position_gap_share: float
    silence_share: float
    silence_hours_most: float
    position_spread_km: float
    wild_position_share: float
    wild_position_km: float
    battery_spread_pct: float
    handling_shock_share: float

    @classmethod
    def shipped(cls) -> "Noise":
        """Return the noise of ``noise.yaml``."""
        stated = yaml.safe_load(files("sstl.synthetic").joinpath("noise.yaml").read_text("utf-8"))
        return cls(**{one.name: stated[one.name]["value"] for one in fields(cls)})


def disturb(reports: list[Report], noise: Noise, random: Random) -> list[Report]:
    """Return the reports of one shipment with noise; the same draws give the same noise."""
    by_device: dict[str, list[Report]] = {}
    kept: list[Report] = []
    for report in reports:
        device = _device(report)
        if device is None:
            kept.append(report)
        else:
            by_device.setdefault(device, []).append(report)
    moves = [report for report in kept if _kind(report) in _MOVES and "data" in report.event]
    for device in sorted(by_device):
        kept += _device_noise(by_device[device], moves, noise, random)
    doubled = [_again(report) for report in kept if random.random() < noise.double_send_share]
    return sorted(kept + doubled, key=lambda report: (report.recorded, report.event["id"]))


def _device(report: Report) -> str | None:
    device = report.event.get("data", {}).get("deviceId")
    return None if device is None else f"{device['manufacturerId']}/{device['tagSerial']}"


def _kind(report: Report) -> str:
    return str(report.event["type"]).split(".")[-2]


def _device_noise(
    reports: list[Report], moves: list[Report], noise: Noise, random: Random
) -> Iterator[Report]:
    armed = next((one for one in reports if one.event["type"] == _ARMED), None)
    opened = next((one for one in reports if one.event["type"] == _OPENED), None)
    drift = random.uniform(-1, 1) * noise.drift_seconds_a_day_most
    by_minute = random.random() < noise.minute_stamps_share
    silence = _silence(armed, opened, noise, random)
    for report in reports:
        if report.event["type"] == _POSITION:
            if random.random() < noise.position_gap_share or _within(report, silence):
                continue
            report = _moved(report, noise, random)  # noqa: PLW2901 - the same report, less exact
        if report.event["source"].endswith(":locks"):
            report = _by_device_clock(report, armed, drift, noise, random, by_minute=by_minute)  # noqa: PLW2901
        yield report
    if armed is None or opened is None:
        return
    if random.random() < noise.bounce_share:
        yield from _bounces(armed, opened, noise, random)
    unit = armed.event["data"]["equipmentReference"]
    for move in moves:
        at = _instant(move)
        named = move.event["data"].get("equipmentReference") == unit
        if named and at > _instant(armed) and random.random() < noise.handling_shock_share:
            body = {**_named(armed), "kind": "SHOCK"}
            yield _report(armed, f"shock-{_kind(move)}", "alarm", at, body)


def _silence(
    armed: Report | None, opened: Report | None, noise: Noise, random: Random
) -> tuple[datetime, datetime] | None:
    if armed is None or opened is None or random.random() >= noise.silence_share:
        return None
    begins = _instant(armed) + (_instant(opened) - _instant(armed)) * random.random()
    return begins, begins + timedelta(hours=random.uniform(1, noise.silence_hours_most))


def _within(report: Report, silence: tuple[datetime, datetime] | None) -> bool:
    return silence is not None and silence[0] <= _instant(report) <= silence[1]


def _moved(report: Report, noise: Noise, random: Random) -> Report:
    wild = random.random() < noise.wild_position_share
    spread = (noise.wild_position_km if wild else noise.position_spread_km) / _KM_PER_DEGREE
    body = dict(report.event["data"])
    latitude = body["latitude"] + random.gauss(0, spread)
    body["latitude"] = round(max(-89.0, min(89.0, latitude)), 5)
    body["longitude"] = round((body["longitude"] + random.gauss(0, spread) + 180) % 360 - 180, 5)
    return Report(report.recorded, {**report.event, "data": body}, report.good)


def _by_device_clock(
    report: Report,
    armed: Report | None,
    drift: float,
    noise: Noise,
    random: Random,
    *,
    by_minute: bool,
) -> Report:
    """Stamp a report as the device's clock would: it runs a little fast or slow, some know only minutes."""
    if "data" not in report.event:
        return report
    at = _instant(report)
    days = 0.0 if armed is None else max(0.0, (at - _instant(armed)) / timedelta(days=1))
    stamped = at + timedelta(seconds=drift * days)
    if by_minute:
        stamped = stamped.replace(second=0, microsecond=0)
    body = {**report.event["data"], "deviceTime": text(stamped)}
    if isinstance(body.get("batteryPct"), float):
        spread = random.uniform(-1, 1) * noise.battery_spread_pct
        body["batteryPct"] = round(max(0.0, min(100.0, body["batteryPct"] + spread)), 1)
    recorded = max(report.recorded, stamped)
    event = {**report.event, "time": text(stamped), "recordedtime": text(recorded), "data": body}
    return Report(recorded, event, report.good)


def _bounces(armed: Report, opened: Report, noise: Noise, random: Random) -> Iterator[Report]:
    """A contact that opens and closes again within seconds while the lock is armed."""
    span = _instant(opened) - _instant(armed)
    for number in range(random.randint(1, noise.bounces_most)):
        at = _instant(armed) + span * random.uniform(0.05, 0.95)
        lasts = timedelta(seconds=random.uniform(0.2, noise.bounce_seconds_most))
        yield _report(armed, f"bounce-{number}-o", "opened", at, _named(armed))
        yield _report(armed, f"bounce-{number}-c", "closed", at + lasts, _named(armed))


def _again(report: Report) -> Report:
    """The same report under another id: a system that sends twice after a time-out."""
    event = {**report.event, "id": f"{report.event['id']}-again"}
    return Report(report.recorded, event, report.good)


def _named(armed: Report) -> dict[str, Any]:
    body = armed.event["data"]
    return {name: body[name] for name in ("equipmentReference", "deviceId", "bootId")}


def _report(armed: Report, name: str, kind: str, at: datetime, body: dict[str, Any]) -> Report:
    recorded = at + timedelta(seconds=40)
    event = {
        **armed.event,
        "id": f"{armed.event['id']}-{name}",
        "type": f"org.sstl.seallock.{kind}.v1",
        "time": text(at),
        "recordedtime": text(recorded),
        "data": body,
    }
    return Report(recorded, event)


def _instant(report: Report) -> datetime:
    return datetime.fromisoformat(report.event["time"])
