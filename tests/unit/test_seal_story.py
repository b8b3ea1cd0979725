"""What reports on seals and locks amount to: openings, alarms, times of being armed, new seals."""

from typing import Any

import pytest

from sstl.core.seals.story import SealStory, tell
from sstl.models.policy import Policy
from sstl.models.records import Event
from tests.seal_stories import (
    DESTINATION,
    NAME,
    REST,
    SECOND,
    at,
    bolt,
    customs,
    grant,
    lock,
    move,
    text,
)


def told(*events: Event, **vendors: Any) -> SealStory:
    return tell(events, Policy.model_validate({"vendors": vendors}), None, ())


def states(story: SealStory) -> dict[str, str]:
    return dict(story.states)


def test_a_unit_without_seals_has_no_story() -> None:
    assert told(move("gated_in", 1), customs("selected", 2)) == SealStory()


def test_a_lock_is_paired_armed_opened_closed_and_unpaired() -> None:
    story = told(
        lock("paired", 0),
        lock("armed", 1, sealNumber="ab-1", sealGrade="H"),
        lock("opened", 10),
        lock("closed", 11),
        lock("unpaired", 12),
    )
    (opening,) = story.openings
    assert (opening.at_ms, opening.authorised_by, opening.shortcoming) == (at(10), None, None)
    assert opening.closed is not None
    assert opening.closed.event_ms == at(11)
    (armed,) = story.armed
    assert (armed.seal_number, armed.grade, armed.from_ms) == ("AB1", "H", at(1))
    assert states(story) == {NAME: "UNPAIRED"}
    assert story.unknown == ()


def test_doors_that_are_open_for_loading_are_no_opening_of_a_seal() -> None:
    assert (
        told(lock("paired", 0), lock("opened", 1), lock("closed", 2), lock("armed", 3)).openings
        == ()
    )


def test_a_report_that_fits_no_state_goes_to_review_and_is_believed() -> None:
    story = told(lock("armed", 1), lock("unpaired", 2))
    assert [(state, symbol) for state, symbol, _ in story.unknown] == [("ARMED", "unpaired")]
    assert states(story) == {NAME: "UNPAIRED"}


@pytest.mark.parametrize(
    ("opened", "granted", "shortcoming"),
    [
        pytest.param({}, {}, None, id="the-command-that-was-granted"),
        pytest.param({"commandId": None}, {}, None, id="no-command-stated-the-device-and-time-fit"),
        pytest.param(
            {"authorisationOffice": "DE2"}, {"office": "DE1"}, "office", id="other-office"
        ),
        pytest.param({"authorisationOffice": "DE1"}, {"office": "DE1"}, None, id="its-office"),
        pytest.param(
            {"unLocationCode": REST}, {"unLocationCode": DESTINATION}, "place", id="place"
        ),
        pytest.param({}, {"unLocationCode": DESTINATION}, None, id="place-not-stated"),
        pytest.param({"deviceId": SECOND}, {}, "device", id="command-for-another-lock"),
    ],
)
def test_an_opening_is_compared_with_the_grant_of_its_command(
    opened: dict[str, Any], granted: dict[str, Any], shortcoming: str | None
) -> None:
    body = {"commandId": "C1"} | opened
    device = {name: value for name, value in opened.items() if name == "deviceId"}
    story = told(lock("armed", 1, **device), lock("opened", 10, **body), grant(8, 9, 11, **granted))
    (opening,) = story.openings
    assert opening.shortcoming == shortcoming
    assert (opening.authorised_by is None) == (shortcoming is not None)


@pytest.mark.parametrize(
    ("position", "shortcoming"),
    [
        pytest.param((51.95, 4.05), None, id="in-the-terminal"),
        pytest.param((51.92, 4.48), None, id="in-the-town-30-km-away"),
        pytest.param((51.40, 6.76), "place", id="in-another-town-200-km-away"),
        pytest.param((0.0, 0.0), None, id="receiver-without-a-fix"),
    ],
)
def test_a_position_tells_the_place_where_the_report_names_none(
    position: tuple[float, float], shortcoming: str | None
) -> None:
    fence = {"centre": (51.95, 4.05), "radius_km": 15, "un_location_code": DESTINATION}
    by = Policy.model_validate({"geofences": {"terminal": fence}})
    opened = lock("opened", 10, commandId="C1", latitude=position[0], longitude=position[1])
    allowed = grant(8, 9, 11, unLocationCode=DESTINATION)
    (opening,) = tell((lock("armed", 1), opened, allowed), by, None, ()).openings
    assert opening.shortcoming == shortcoming


@pytest.mark.parametrize(
    ("seconds", "allowed"),
    [
        pytest.param(-121, False, id="a-second-more-than-the-tolerance-before"),
        pytest.param(-120, True, id="exactly-the-tolerance-before"),
        pytest.param(3600, True, id="at-the-end-of-the-window"),
        pytest.param(3720, True, id="exactly-the-tolerance-after"),
        pytest.param(3721, False, id="a-second-more-than-the-tolerance-after"),
    ],
)
def test_the_window_of_a_grant_allows_for_the_clock(seconds: int, *, allowed: bool) -> None:
    hours = 10 + seconds / 3600
    story = told(lock("armed", 1), lock("opened", hours, commandId="C1"), grant(8, 10, 11))
    (opening,) = story.openings
    assert opening.shortcoming == (None if allowed else "window")


@pytest.mark.parametrize(
    ("revoked", "shortcoming"),
    [
        pytest.param(9.5, "revoked", id="before-the-opening"),
        pytest.param(10, "revoked", id="at-the-opening"),
        pytest.param(10.5, None, id="after-the-opening"),
    ],
)
def test_a_grant_counts_until_it_is_revoked(revoked: float, shortcoming: str | None) -> None:
    back = lock("authorisation.revoked", revoked, commandId="C1")
    opened = lock("opened", 10, commandId="C1")
    (opening,) = told(lock("armed", 1), opened, grant(8, 9, 11), back).openings
    assert opening.shortcoming == shortcoming


def test_a_grant_for_the_destination_does_not_name_an_opening_days_before() -> None:
    story = told(lock("armed", 1), lock("opened", 10), grant(8, 200, 220))
    assert (story.openings[0].grant, story.openings[0].shortcoming) == (None, None)


@pytest.mark.parametrize(
    ("started", "completed", "place", "allowed"),
    [
        pytest.param(9, 11, DESTINATION, True, id="in-progress-there"),
        pytest.param(9, 11, None, True, id="in-progress-its-place-not-stated"),
        pytest.param(9, 11, REST, False, id="in-progress-elsewhere"),
        pytest.param(5, 6, DESTINATION, False, id="ended-before"),
        pytest.param(9, None, DESTINATION, True, id="its-end-not-reported-yet"),
        pytest.param(-15, None, DESTINATION, False, id="never-ended-a-day-ago"),
    ],
)
def test_a_physical_control_in_progress_allows_an_opening(
    started: float, completed: float | None, place: str | None, *, allowed: bool
) -> None:
    where = {} if place is None else {"unLocationCode": place}
    control = [customs("physical.started", started, inspectionId="I1", **where)]
    if completed is not None:
        control.append(customs("physical.completed", completed, inspectionId="I1"))
    opened = lock("opened", 10, unLocationCode=DESTINATION)
    (opening,) = told(lock("armed", -20), opened, *control).openings
    assert (opening.authorised_by is not None) == allowed


def test_a_scan_opens_nothing_and_so_allows_nothing() -> None:
    scan = (customs("scan.started", 9), customs("scan.completed", 11))
    assert told(lock("armed", 1), lock("opened", 10), *scan).openings[0].authorised_by is None


def test_reports_of_one_minute_are_ordered_by_the_boot_and_its_counter() -> None:
    story = told(
        lock("armed", 1, bootId="9", sequence=900),
        lock("opened", 2, bootId="9", sequence=901, id="z"),
        lock("closed", 2, bootId="9", sequence=902, id="y"),
        # the counter began anew at the boot
        lock("device.status", 1.5, bootId="10", sequence=0),
        lock("armed", 2, bootId="10", sequence=1, id="a"),
    )
    assert states(story) == {NAME: "ARMED"}
    assert story.openings[0].resealed is not None


def test_a_backlog_after_silence_is_put_where_it_belongs() -> None:
    backlog = [lock("opened", 5, recorded_ms=at(30)), lock("closed", 6, recorded_ms=at(30))]
    story = told(lock("device.status", 20), lock("armed", 1), *backlog, lock("armed", 7))
    assert [one.from_ms for one in story.armed] == [at(1), at(7)]
    assert len(story.openings) == 1


def test_a_snapshot_tells_since_when_it_is_open() -> None:
    snapshot = lock("state.reported", 20, state="OPENED", since=text(12))
    story = told(lock("armed", 1), snapshot)
    assert story.openings[0].at_ms == at(12)


def test_a_snapshot_that_contradicts_the_arming_opens_at_the_earliest_then() -> None:
    snapshot = lock("state.reported", 20, state="OPENED", since=text(0))
    assert told(lock("armed", 1), snapshot).openings[0].at_ms == at(1)


def test_a_latched_alarm_is_one_episode_until_it_is_reset() -> None:
    story = told(
        lock("armed", 1),
        *[lock("alarm", hours, kind="TAMPER", latched=True) for hours in (5, 15, 25)],
        lock("armed", 30),
        lock("alarm", 40, kind="TAMPER", latched=True),
    )
    assert [(one.count, one.ended is not None) for one in story.alarms] == [(3, True), (1, False)]
    assert states(story) == {NAME: "ALARM"}


@pytest.mark.parametrize(
    ("seconds", "episodes"),
    [pytest.param(59, 1, id="within-the-quiet-period"), pytest.param(60, 2, id="as-long-as-it")],
)
def test_alarms_close_to_each_other_are_one_episode(seconds: int, episodes: int) -> None:
    second = lock("alarm", 5 + seconds / 3600, kind="TAMPER")
    assert len(told(lock("armed", 1), lock("alarm", 5, kind="TAMPER"), second).alarms) == episodes


@pytest.mark.parametrize(
    ("closed", "openings"),
    [
        pytest.param(9, 0, id="a-bounce"),
        pytest.param(10, 1, id="as-long-as-it-must-hold"),
        pytest.param(None, 1, id="still-open"),
    ],
)
def test_an_opening_must_hold_as_long_as_the_vendor_needs(
    closed: int | None, openings: int
) -> None:
    ends = [] if closed is None else [lock("closed", 5 + closed / 3600)]
    story = told(lock("armed", 1), lock("opened", 5), *ends, LOCKS={"opened": {"hold_for_s": 10}})
    assert len(story.openings) == openings
    assert (
        states(story)[NAME] == {0: "ARMED", 1: "OPENED" if closed is None else "CLOSED"}[openings]
    )
    if closed is None:
        assert story.openings[0].settles_ms == at(5) + 10_000


@pytest.mark.parametrize(
    ("seconds", "alarms"),
    [
        pytest.param((0,), 0, id="once"),
        pytest.param((0, 20), 0, id="twice"),
        pytest.param((0, 20, 59), 1, id="three-times-within-the-quiet-period"),
        pytest.param((0, 30, 60), 0, id="three-times-in-a-longer-time"),
    ],
)
def test_an_alarm_must_be_repeated_as_often_as_the_vendor_needs(
    seconds: tuple[int, ...], alarms: int
) -> None:
    reports = [lock("alarm", 5 + one / 3600, kind="LIGHT") for one in seconds]
    rule = {"alarm.LIGHT": {"min_repeat": 3, "quiet_s": 60}}
    assert len(told(lock("armed", 1), *reports, LOCKS=rule).alarms) == alarms


def test_what_the_policy_says_of_all_other_vendors_holds_for_those_it_does_not_name() -> None:
    rule = {"opened": {"hold_for_s": 10}}
    bounce = (lock("armed", 1), lock("opened", 5), lock("closed", 5.001))
    assert told(*bounce, **{"*": rule}).openings == ()
    assert len(told(*bounce, OTHERS=rule).openings) == 1


def test_two_seals_on_one_unit_are_followed_apart() -> None:
    story = told(bolt("armed", 1, "A 1"), lock("armed", 2), bolt("opened", 5, "a-1"))
    assert states(story) == {NAME: "ARMED", "seal:A1": "OPENED"}
    assert [one.lock for one in story.openings] == ["seal:A1"]


def test_a_number_that_a_lock_carries_is_that_lock() -> None:
    story = told(lock("armed", 1, sealNumber="A1"), bolt("opened", 5, "A1"))
    assert states(story) == {NAME: "OPENED"}


def test_a_report_that_names_neither_lock_nor_number_is_of_the_only_lock() -> None:
    story = told(lock("armed", 1), bolt("opened", 5, None))
    assert [one.lock for one in story.openings] == [NAME]


def test_a_report_that_names_none_of_several_locks_opens_the_door_while_one_is_armed() -> None:
    story = told(lock("armed", 1), bolt("armed", 2, "A1"), bolt("opened", 5, None))
    assert [one.lock for one in story.openings] == ["door"]


def test_a_seal_that_an_inspection_changes_is_armed_under_its_new_number() -> None:
    changed = customs("physical.completed", 10, sealBefore="A1", sealAfter="B 2")
    story = told(bolt("armed", 1, "A1"), changed)
    assert states(story) == {"seal:A1": "UNPAIRED", "seal:B2": "ARMED"}
    (reseal,) = story.reseals
    assert (reseal.old, reseal.new, reseal.authorised_by) == ("A1", "B2", changed)


def test_a_seal_that_an_inspection_found_and_left_is_not_changed() -> None:
    seen = customs("physical.completed", 10, sealBefore="A1", sealAfter="a-1")
    story = told(bolt("armed", 1, "A1"), seen)
    assert (states(story), story.reseals) == ({"seal:A1": "ARMED"}, ())


def test_a_new_number_on_the_same_lock_is_a_new_time_of_being_armed() -> None:
    story = told(
        lock("armed", 1, sealNumber="A1"),
        lock("resealed", 5, sealNumber="B2", oldSealNumber="A1"),
    )
    assert [one.seal_number for one in story.armed] == ["A1", "B2"]
    assert [(one.old, one.new) for one in story.reseals] == [("A1", "B2")]


def test_a_new_number_is_armed_from_its_report_on_whatever_instant_it_states() -> None:
    snapshot = lock("state.reported", 5, state="ARMED", since=text(1), sealNumber="B2")
    story = told(lock("armed", 1, sealNumber="A1"), snapshot)
    assert [(one.seal_number, one.from_ms) for one in story.armed] == [("A1", at(1)), ("B2", at(5))]
    assert story.armed[0].ended == snapshot


def test_a_new_seal_after_an_opening_belongs_to_it() -> None:
    story = told(bolt("armed", 1, "A1"), bolt("opened", 5, "A1"), bolt("armed", 6, "B2"))
    (opening,) = story.openings
    assert opening.resealed is not None
    assert [(one.old, one.new, one.authorised_by) for one in story.reseals] == [("A1", "B2", None)]
