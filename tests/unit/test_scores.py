"""The combined score by which a queue of journeys is ordered."""

from itertools import permutations
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from sstl.core.scores import combined, emit_score
from sstl.core.stage import Context, MemoryState, Work
from sstl.models.group_score import GroupScore
from sstl.models.policy import Policy
from sstl.models.records import Finding
from tests.flag_records import finding

GROUP = "CSQU3054383"


def found(number: int, score: int, **changed: Any) -> Finding:
    flag_id = f"9a0b8f5e-2a43-5c55-8d5f-00000000000{number}"
    return finding(flag_id=flag_id, score=score, group=GROUP, **changed)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([40], 40, id="one-finding-gives-its-own-score"),
        pytest.param([40, 40], 64, id="two-of-40"),
        pytest.param([40, 0], 40, id="a-score-of-0-adds-nothing"),
        pytest.param([33, 33], 55, id="rounded-down-from-55.11"),
        pytest.param([80, 60, 40, 20], 96, id="one-of-each-severity"),
        pytest.param([100, 40], 100, id="certain-stays-certain"),
        pytest.param([99] * 9, 99, id="never-100-by-adding-up"),
        pytest.param([0], 0, id="found-but-worth-nothing"),
    ],
)
def test_scores_of_a_journey_combine_by_noisy_or(scores: list[int], expected: int) -> None:
    result = combined(GROUP, [found(number, score) for number, score in enumerate(scores)])
    assert result is not None
    assert result.score == expected


def test_the_order_of_findings_changes_nothing() -> None:
    findings = [found(1, 33), found(2, 71, severity="HIGH"), found(3, 33), found(4, 12)]
    results = {msgspec.json.encode(combined(GROUP, order)) for order in permutations(findings)}
    assert len(results) == 1


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"state": "CLEARED"}, id="cleared"),
        pytest.param({"mode": "shadow"}, id="shadow"),
        pytest.param({"notice": True}, id="a-notice"),
        pytest.param({"supervisors": True}, id="for-supervisors-only"),
    ],
)
def test_what_does_not_count(changed: dict[str, Any]) -> None:
    assert combined(GROUP, [found(1, 90, **changed)]) is None
    both = combined(GROUP, [found(1, 90, **changed), found(2, 40)])
    assert both == combined(GROUP, [found(2, 40)])


def test_a_score_says_what_it_is_made_of() -> None:
    result = combined(GROUP, [found(1, 20, severity="LOW"), found(2, 60, severity="HIGH")])
    told = GroupScore.model_validate_json(msgspec.json.encode(result))
    assert (told.group, told.score, told.severity) == (GROUP, 68, "HIGH")
    assert [(one.score, one.severity, one.weight) for one in told.contributions] == [
        (60, "HIGH", 1.0),
        (20, "LOW", 1.0),
    ]


def test_a_score_is_told_when_it_changes_and_when_it_ends() -> None:
    work = Work(MemoryState(), Policy(), Context(0, frozenset()))
    emit_score(work, GROUP, [], [found(1, 40)])
    emit_score(work, GROUP, [found(1, 40)], [found(1, 40, text_en="Later still.")])
    emit_score(work, GROUP, [found(1, 40)], [])
    emit_score(work, GROUP, [], [found(1, 40, mode="shadow")])
    assert {(output.topic, output.key) for output in work.outcome.outputs} == {("scores", GROUP)}
    told = [
        GroupScore.model_validate_json(msgspec.json.encode(output.message))
        for output in work.outcome.outputs
    ]
    assert [one.score for one in told] == [40, 0]
    assert told[1].severity is None


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"score": 101}, id="over-100"),
        pytest.param({"score": 5}, id="a-score-of-nothing"),
        pytest.param({"severity": "LOW"}, id="a-severity-of-nothing"),
    ],
)
def test_a_score_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GroupScore.model_validate({"group": GROUP, "score": 0, **wrong})
