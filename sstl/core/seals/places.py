"""Whether something happened at a place: as its report says, else as near as its position is to the geofences."""

from collections.abc import Sequence

from sstl.core.geo import distance_km, inside, is_plausible, middle_of
from sstl.models.policy import Geofence, Policy
from sstl.models.records import Event

SLACK_KM = 50.0
"""A geofence is a terminal or a yard, a UN/LOCODE a town and its surroundings: so far from it is still that place."""


class Places:
    """The places that the policy has geofences for."""

    def __init__(self, policy: Policy) -> None:
        self._fences: dict[str, list[Geofence]] = {}
        for fence in policy.geofences.values():
            if fence.un_location_code is not None:
                self._fences.setdefault(fence.un_location_code, []).append(fence)

    def contradicts(self, place: str | None, event: Event) -> bool:
        """Tell whether an event was elsewhere. Only what is known can contradict.

        Its own UN/LOCODE decides; without one its position, where it has one and the place has a geofence.
        """
        if place is None:
            return False
        stated = event.data.get("unLocationCode")
        if isinstance(stated, str):
            return stated != place
        fences = self._fences.get(place)
        latitude, longitude = event.data.get("latitude"), event.data.get("longitude")
        if not fences or latitude is None or longitude is None:
            return False
        point = (float(latitude), float(longitude))
        return is_plausible(point) and not _near(point, fences)


def _near(point: tuple[float, float], fences: Sequence[Geofence]) -> bool:
    for fence in fences:
        if inside(point, fence):
            return True
        middle, reach_km = middle_of(fence)
        if distance_km(point, middle) <= reach_km + SLACK_KM:
            return True
    return False
