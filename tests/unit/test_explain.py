"""The story of a unit, a consignment and a flag, as data and as text."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from sstl.cli import main
from sstl.cli.explaining import foreign_policy
from sstl.core.consignments import ConsignmentsStage
from sstl.core.explain import (
    FORMAT,
    FlagStory,
    Story,
    consignment_story,
    flag_story,
    journey_stories,
    lines,
    reached_ms,
    read_consignment,
    read_unit,
)
from sstl.core.explain.text import WIDTH, display_width, wrapped
from sstl.core.flags import FlagsStage
from sstl.core.flags.cells import FLAG
from sstl.core.journeys.assess import assess
from sstl.core.journeys.stage import JourneysStage
from sstl.core.stage import MemoryState
from sstl.errors import ExitCode
from sstl.models.policy import Policy
from sstl.models.records import (
    Filing,
    Finding,
    Heartbeat,
    Placed,
    Referral,
    Shared,
    UnitMilestones,
)
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, Chain, event, share

POLICY = Policy.model_validate(
    {"lanes": {LANE: {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA", "sealed": True}}}
)
DEVICE: dict[str, Any] = {
    "deviceId": {"manufacturerId": "LOCKS", "tagSerial": "1"},
    "sealNumber": "CN1234567",
}


def unit_chain() -> Chain:
    """A unit on its way whose lock was opened at a rest area by nobody known."""
    chain = Chain(JourneysStage(), POLICY)
    chain.feed(
        Shared(manifest_id="LRN1", share=share(consignments=("H1",), seals=("CN1234567",))),
        Placed(event=event("seallock.armed", START + HOUR, place="CNYTN", **DEVICE)),
        Placed(event=event("transport.departed", START + DAY, place="CNYTN")),
        Placed(
            event=event("seallock.position", START + DAY, latitude=1.5, longitude=104.0, **DEVICE)
        ),
        Placed(event=event("seallock.opened", START + 2 * DAY, **DEVICE)),
    )
    return chain


def flags_of(chain: Chain) -> MemoryState:
    flags = Chain(FlagsStage(), POLICY)
    for output in chain.outputs:
        if isinstance(output.message, Finding):
            flags.feed(output.message, key=output.key)
    return flags.state


def story(**more: Any) -> Story:
    chain = unit_chain()
    assessment = read_unit(chain.state, UNIT, POLICY)
    assert assessment is not None
    known: dict[str, Any] = {
        "asked": UNIT,
        "kind": "unit",
        "as_of": None,
        "flag": None,
        "journeys": journey_stories(assessment, POLICY),
        "consignments": (),
        "flags": told_flags(chain),
    }
    return Story(format=FORMAT, policy_version="1", policy=POLICY.hash, **(known | more))


def told_flags(chain: Chain) -> tuple[FlagStory, ...]:
    state = flags_of(chain)
    cells = [state.get(name, FLAG) for name in sorted(state.cells)]
    return tuple(flag_story(cell) for cell in cells if cell is not None)


def test_what_is_told_of_a_unit_is_what_the_stage_found() -> None:
    chain = unit_chain()
    assessment = read_unit(chain.state, UNIT, POLICY)
    assert assessment is not None
    assert assessment.findings == chain.findings()
    assert {one.flag for one in story().flags} == set(chain.findings())


def test_a_unit_that_no_cell_names_is_not_known() -> None:
    assert read_unit(unit_chain().state, "CSQU3054383", POLICY) is None
    assert read_consignment(MemoryState(), "H1", POLICY) is None


def test_a_story_is_told_as_of_the_watermark() -> None:
    chain = unit_chain()
    assert reached_ms(chain.state) is None
    beat = Heartbeat(source="intake-transport/0", reached_ms=START + 9 * DAY, caught_up=True)
    chain.feed(beat, key="~heartbeat")
    assert reached_ms(chain.state) == START + 9 * DAY
    assessment = read_unit(chain.state, UNIT, POLICY)
    assert assessment is not None
    assert assessment.as_of_ms == START + 9 * DAY
    assert assessment.findings == chain.findings()


def test_a_story_has_the_timeline_the_milestones_and_the_seals() -> None:
    (journey,) = story().journeys
    assert (journey.journey, journey.lane, journey.closed) == (UNIT, LANE, False)
    assert [one.type for one in journey.timeline] == [
        "seallock.armed",
        "transport.departed",
        "seallock.opened",
    ]
    departed = journey.timeline[1]
    assert departed.milestones == ("T5",)
    assert departed.place == "CNYTN"
    assert {one.milestone for one in journey.milestones} >= {"T0", "T5"}
    assert journey.next is not None
    assert journey.next.milestone == "T6"
    assert [one.kind for one in journey.seals] == ["armed", "opened"]
    assert journey.seals[1].authorised is False
    assert journey.positions is not None
    assert journey.positions.first.latitude == 1.5


def test_a_hit_says_what_it_saw_its_flag_and_the_events_behind_it() -> None:
    told = story()
    (journey,) = told.journeys
    hits = [one for one in journey.rules if one.answer == "hit"]
    assert "seal-opened-unauthorised" in {one.rule for one in hits}
    assert {one.flag for one in hits} == {one.flag for one in told.flags}
    for one in hits:
        assert one.evidence
        assert one.text["en"]
        assert one.text["zh"]
        assert one.policy == POLICY.hash
    assert [one.answer for one in journey.rules] == sorted(
        (one.answer for one in journey.rules),
        key=("hit", "not_evaluable", "no_hit").index,
    )
    assert all(one.missing for one in journey.rules if one.answer == "not_evaluable")
    answered = {one.rule for one in journey.rules}
    assert answered.isdisjoint(journey.not_asked)


def test_a_consignment_has_a_story_too() -> None:
    chain = Chain(ConsignmentsStage(), POLICY)
    chain.feed(
        Shared(manifest_id="LRN1", share=share(), units=(UNIT,)),
        UnitMilestones(unit=UNIT, milestones={"T5": START + DAY}),
        Placed(event=event("inspection.released", START + 5 * DAY, place="NLRTM", side="IMPORT")),
        key="H1",
    )
    assessment = read_consignment(chain.state, "H1", POLICY)
    assert assessment is not None
    told = consignment_story(assessment, POLICY)
    assert (told.consignment, told.units, told.lane) == ("H1", (UNIT,), LANE)
    assert [one.type for one in told.timeline] == ["inspection.released"]
    text = "\n".join(lines(story(consignments=(told,))))
    assert "Consignment H1: lane CNYTN-NLRTM-SEA" in text


def test_a_consignment_says_which_unit_is_meant_and_what_was_filed() -> None:
    second = "CSQU3054383"
    filings = (
        Filing(event=event("manifest.lodged", START)),
        Filing(event=event("manifest.amended", START + 2 * DAY), changed=("value",)),
    )
    raised = event("manifest.referral.raised", START + DAY, referralType="RFI")
    answered = event("manifest.referral.answered", START + 3 * DAY, referralType="RFI")
    filed = share(
        filings=filings, referrals=(Referral(kind="RFI", raised=raised, answered=answered),)
    )
    chain = Chain(ConsignmentsStage(), POLICY)
    chain.feed(
        Shared(manifest_id="LRN1", share=filed, units=(UNIT, second)),
        Placed(event=event("inspection.released", START + 5 * DAY, equipmentReference=second)),
        key="H1",
    )
    assessment = read_consignment(chain.state, "H1", POLICY)
    assert assessment is not None
    told = consignment_story(assessment, POLICY)
    assert [(one.type, one.says) for one in told.timeline] == [
        ("manifest.lodged", {}),
        ("manifest.referral.raised", {"referralType": "RFI"}),
        ("manifest.amended", {}),
        ("manifest.referral.answered", {"referralType": "RFI"}),
        ("inspection.released", {"equipmentReference": second}),
    ]


def test_a_referral_that_came_by_mrn_is_told_once() -> None:
    chain = Chain(ConsignmentsStage(), POLICY)
    raised = event("manifest.referral.raised", START + DAY, referralType="RFI")
    chain.feed(
        Shared(manifest_id="LRN1", share=share(), units=(UNIT,)), Placed(event=raised), key="H1"
    )
    assessment = read_consignment(chain.state, "H1", POLICY)
    assert assessment is not None
    told = consignment_story(assessment, POLICY)
    assert [one.type for one in told.timeline] == ["manifest.referral.raised"]


def test_a_report_that_names_no_place_says_its_position() -> None:
    chain = Chain(JourneysStage(), POLICY)
    chain.feed(
        Placed(event=event("seallock.armed", START, place="CNYTN", latitude=22.5, **DEVICE)),
        Placed(event=event("seallock.opened", START + 1, latitude=52, longitude=20.9, **DEVICE)),
    )
    assessment = read_unit(chain.state, UNIT, POLICY)
    assert assessment is not None
    (journey,) = journey_stories(assessment, POLICY)
    assert [one.says.get("position") for one in journey.timeline] == [None, "52.0000, 20.9000"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_line_is_wider_than_a_terminal(language: Any) -> None:
    told = story()
    shown = lines(told, language) + lines(story(flag=told.flags[0]), language)
    assert max(map(display_width, shown)) <= WIDTH
    assert len(shown) > 20


def test_the_chinese_story_is_in_chinese() -> None:
    text = "\n".join(lines(story(), "zh"))
    for word in ("行程", "里程碑", "封志与电子锁", "规则", "命中", "未授权", "风险提示"):
        assert word in text
    for word in ("Journey", "Milestones", "Rules", "not evaluable"):
        assert word not in text


def test_every_flag_in_the_text_says_what_to_do_and_under_which_policy() -> None:
    text = "\n".join(lines(story()))
    for flag in story().flags:
        assert flag.flag in text
        assert flag.recommended_control in text
    assert POLICY.hash[:12] in text
    assert "evidence: 2026-01-03T00:00:00Z seallock.opened" in text


def test_a_word_wider_than_a_line_is_broken_not_hidden() -> None:
    found = wrapped("a " + "x" * 30 + " b", 20, "  ", "    ")
    assert max(map(display_width, found)) <= 20
    assert "".join("".join(found).split()) == "a" + "x" * 30 + "b"


def test_chinese_is_broken_between_characters() -> None:
    found = wrapped("电子锁" * 10, 21, "", "  ")
    assert max(map(display_width, found)) <= 21
    assert "".join("".join(found).split()) == "电子锁" * 10


def test_the_json_has_the_documented_fields() -> None:
    page = (Path(__file__).parents[2] / "docs/explain.md").read_text(encoding="utf-8")
    shape = msgspec.to_builtins(story(flag=told_flags(unit_chain())[0]))
    table = set(re.findall(r"^\| `([^`]+)` \|", page, flags=re.MULTILINE))
    found = set(shape)
    found |= {f"journeys[].{name}" for name in shape["journeys"][0]}
    found |= {f"journeys[].rules[].{name}" for name in shape["journeys"][0]["rules"][0]}
    found |= {f"journeys[].timeline[].{name}" for name in shape["journeys"][0]["timeline"][0]}
    found |= {f"flag.{name}" for name in shape["flag"]}
    assert found <= table, sorted(found - table)
    assert shape["format"] == FORMAT


class _Knows:
    """A teller that knows one flag and nothing else."""

    def __init__(self, *_: Any) -> None:
        self.closed = False

    def of_flag(self, _: str) -> Story:
        return story()

    def of_subject(self, _: Any) -> None:
        return None

    def foreign_policy(self, _: Story) -> str | None:
        return "f" * 64

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def one_flag_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sstl.cli.explaining.Teller", _Knows)


@pytest.mark.usefixtures("one_flag_known")
def test_a_unit_that_nobody_knows_is_one_line_and_an_exit_code() -> None:
    result = CliRunner().invoke(main, ["explain", "CSQU3054383"])
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert re.fullmatch(r"sstl: nobody knows CSQU3054383[^\n]*\n", result.stderr)


@pytest.mark.usefixtures("one_flag_known")
def test_a_flag_is_told_as_text_or_as_json() -> None:
    name = story().flags[0].flag
    assert UNIT in CliRunner().invoke(main, ["explain", name, "--lang", "zh"]).stdout
    result = CliRunner().invoke(main, ["explain", name, "--json"])
    told = result.stdout
    assert result.stderr.startswith("sstl: the workers judged by policy ffffffffffff, ")
    assert msgspec.json.decode(told) == msgspec.json.decode(msgspec.json.encode(story()))


def test_what_is_not_due_yet_is_told_by_the_version_that_will_judge_it() -> None:
    limit = [{"start": "T5", "end": "T6", "limit_hours": 240}]
    lane = {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA", "stages": limit}
    first = Policy.model_validate({"lanes": {LANE: lane}})
    second = Policy.model_validate(
        {
            "valid_from": "2026-01-05T00:00:00Z",
            "lanes": {LANE: lane},
            "rules": {"milestone-overdue": {"mode": "shadow"}},
        }
    ).after(first)
    departed = event("transport.departed", START + DAY, place="CNYTN")
    assessment = assess(UNIT, [departed], [share()], second, as_of_ms=START + 6 * DAY)
    (journey,) = journey_stories(assessment, second)
    (waits,) = [one for one in journey.rules if one.rule == "milestone-overdue"]
    assert waits.due == "2026-01-12T00:00:00Z"
    assert (waits.mode, waits.policy) == ("live", first.hash)


@pytest.mark.usefixtures("one_flag_known")
def test_a_container_that_was_mistyped_is_told_its_check_digit() -> None:
    result = CliRunner().invoke(main, ["explain", "csqu 305438-4"])
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.endswith("; mistyped? expected check digit 3 (ISO 6346)\n")
    blank = CliRunner().invoke(main, ["explain", " "])
    assert blank.exit_code == ExitCode.USAGE
    assert "name a flag, a unit or a consignment" in blank.stderr


ANSWERED = {
    "acknowledged": {"atMs": START, "by": "p:1", "office": "NLRTM1", "actionId": "ack-1"},
    "feedback": {"feedbackId": "FB-1", "recordedMs": START + DAY, "late": True, "count": 1},
}


def test_what_people_said_is_told_with_instants_and_in_the_language() -> None:
    flag = msgspec.structs.replace(story().flags[0], answered=ANSWERED)
    told = " ".join(" ".join(lines(story(flag=flag))).split())
    assert (
        "said about it: acknowledged at 2026-01-01T00:00:00Z, done by p:1, office NLRTM1, actionId ack-1"
        in told
    )
    assert (
        "said about it: feedback feedbackId FB-1, recorded 2026-01-02T00:00:00Z, late yes, count 1"
        in told
    )
    chinese = " ".join(lines(story(flag=flag), "zh"))
    assert "处理情况: 已接手 于 2026-01-01T00:00:00Z, 操作人 p:1" in chinese


def test_a_text_that_was_observed_has_no_unit() -> None:
    flag = msgspec.structs.replace(
        story().flags[0], observed="TAMPER", expected="RIGHT", unit="reports"
    )
    assert "      observed TAMPER, expected RIGHT" in lines(story(flag=flag))
    measured = msgspec.structs.replace(flag, observed=3.0, expected=2.0)
    assert "      observed 3.0 reports, expected 2.0 reports" in lines(story(flag=measured))


def test_a_flag_that_has_no_story_is_told_alone() -> None:
    flag = story().flags[0]
    told = lines(story(asked=flag.flag, flag=flag, journeys=(), flags=(flag,)))
    assert told[0] == flag.flag
    assert not any(line.startswith("Flags") or "as of" in line for line in told)
    assert "Other flags: 0" in lines(story(asked=flag.flag, flag=flag, flags=(flag,)))


@pytest.mark.parametrize(
    ("own", "told", "expected"),
    [
        pytest.param(POLICY, True, None, id="the-policy-of-the-workers"),
        pytest.param(Policy(), True, POLICY.hash, id="another-one"),
        pytest.param(POLICY, False, None, id="the-policy-of-flags-elsewhere"),
        pytest.param(Policy(), False, POLICY.hash, id="another-one-and-no-flag-here"),
        pytest.param(Policy(version="2").after(POLICY), True, None, id="an-earlier-version"),
    ],
)
def test_a_story_by_another_policy_than_the_workers_is_noticed(
    own: Policy, told: bool, expected: str | None
) -> None:
    shown = story() if told else story(flags=())
    assert foreign_policy(shown, own, {POLICY.hash}) == expected
    assert foreign_policy(story(flags=()), own, set()) is None
