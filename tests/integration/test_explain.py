"""``sstl explain`` on what a real worker has committed to a real broker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from sstl.agents.topics import FAMILIES
from sstl.core.explain.text import WIDTH, display_width
from sstl.embedded import EmbeddedKafka
from sstl.errors import ExitCode
from sstl.publish.routing import family_of
from tests.harness import Lab
from tests.integration.test_stories import STORIES, events_of, shipment_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
POLICY = Path(__file__).parents[2] / "policy"
STORY = STORIES["tampered at a rest area and resealed"]
UNIT = shipment_of(STORY).units[0].reference


@pytest.fixture(scope="module")
def lab(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The story of a lock that was forced, told by one worker on two partitions."""
    settings = {"SSTL_BACKFILL": ",".join(FAMILIES), "SSTL_POLICY_FILE": str(POLICY)}
    directory = tmp_path_factory.mktemp("explain")
    prefix = f"explain-{os.getpid()}"
    with Lab(kafka.bootstrap, prefix, directory, partitions=2, settings=settings) as lab:
        lab.start()
        lab.publish((family_of(one["type"]) or "transport", one) for one in events_of(STORY))
        lab.await_quiet("journeys", "consignments", "findings", "risk-flags", timeout_s=150)
        yield lab


def explain(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sstl", "explain", *arguments],
        env=lab.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_a_unit_tells_what_the_flags_say_and_why(lab: Lab) -> None:
    told = explain(lab, UNIT, "--json")
    assert told.returncode == ExitCode.OK, told.stderr
    story = orjson.loads(told.stdout)
    published = {
        flag_id: flag
        for flag_id, flag in lab.net_flags().items()
        if flag["subject"].get("equipmentReference") == UNIT
    }
    assert {flag["rule"] for flag in story["flags"]} >= STORY.flags
    assert published.keys() <= {flag["flag"] for flag in story["flags"]}
    hits = {
        rule["flag"]
        for part in (*story["journeys"], *story["consignments"])
        for rule in part["rules"]
        if rule["answer"] == "hit"
    }
    assert {flag_id for flag_id in published if flag_id in hits}
    (journey,) = story["journeys"]
    assert journey["timeline"]
    assert [one["units"] for one in story["consignments"]] == [[UNIT]]


def test_a_flag_leads_to_its_unit(lab: Lab) -> None:
    flag_id, flag = next(
        (name, one)
        for name, one in sorted(lab.net_flags().items())
        if one["indicators"][0]["ruleId"] == "seal-tampered"
    )
    story = orjson.loads(explain(lab, flag_id, "--json").stdout)
    assert story["kind"] == "flag"
    assert story["flag"]["text"] == flag["text"]
    assert [one["unit"] for one in story["journeys"]] == [UNIT]
    evidence = {(one["source"], one["id"]) for one in story["flag"]["evidence"]}
    assert evidence == {(one["eventSource"], one["eventId"]) for one in flag["evidence"]}


def test_the_text_fits_a_terminal_in_both_languages(lab: Lab) -> None:
    for language in ("en", "zh"):
        told = explain(lab, UNIT, "--lang", language)
        assert told.returncode == ExitCode.OK, told.stderr
        shown = told.stdout.splitlines()
        assert max(map(display_width, shown)) <= WIDTH
        assert any("seal-tampered" in line for line in shown)


def test_a_unit_that_nobody_knows_is_said_in_one_line(lab: Lab) -> None:
    told = explain(lab, "CSQU3054383")
    assert told.returncode == ExitCode.USAGE
    assert told.stdout == ""
    assert told.stderr.startswith("sstl: nobody knows CSQU3054383")
