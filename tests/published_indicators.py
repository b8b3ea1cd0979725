"""Indicators as the stage [lanes] would publish them, for tests of what is done with them."""

from datetime import UTC, datetime
from typing import Any

from sstl.models.indicator import SHARE, Indicator, Window


def published(
    indicator: str = "LT_release",
    lane: str = "CNSHG-NLRTM-SEA",
    *,
    mode: str = "SEA",
    day: str | None = None,
    strata: dict[str, str] | None = None,
    median: int = 187_200,
    **more: Any,
) -> Indicator:
    """Return an indicator of three observations; ``day`` None: of the whole time."""
    window = Window.named("TOTAL" if day is None else f"P1D/{day}")
    split = ";".join(f"{name}={value}" for name, value in sorted((strata or {}).items()))
    content: dict[str, Any] = {
        "key": f"{indicator}|consignment|{lane}|{mode}|{split}|{window.name}",
        "indicator": indicator,
        "counting_unit": "consignment",
        "lane_id": lane,
        "mode": mode,
        "strata": strata or {},
        "window": window,
        "state": "AVAILABLE",
        "n": 3,
        "mean": 200_000.1,
        "median": median,
        "p90": 260_000,
        "min": 45,
        "max": 260_000,
        "n_planned": 3,
        "n_late": 1,
        "share_late": 1 / 3,
        "revision": 2,
        "complete_up_to": datetime(2024, 5, 9, 8, 30, 0, 123_000, tzinfo=UTC),
    }
    return Indicator(**(content | more))


def share(one: Indicator) -> Indicator:
    """Return a share of two in three where there was a duration; its interval has one bound."""
    durations = dict.fromkeys(("mean", "median", "p90", "min", "max", "share_late"))
    interval = {"low": 0.094, "high": None, "level": 0.95, "method": "wilson", "method_version": 1}
    content = {"unit": "1", "method": SHARE, "k": 2, "share": 2 / 3, "interval": interval}
    return Indicator.model_validate(
        one.model_dump() | durations | {"n_planned": 0, "n_late": 0} | content
    )


def gone(one: Indicator) -> Indicator:
    """Return what is published of an indicator when nothing is observed any more."""
    statistics = ("mean", "median", "p90", "min", "max", "share_late")
    counts = {"n": 0, "n_planned": 0, "n_late": 0, "state": "INSUFFICIENT_DATA"}
    return Indicator.model_validate(
        one.model_dump() | counts | dict.fromkeys(statistics) | {"complete_up_to": None}
    )
