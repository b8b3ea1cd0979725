"""Policy as files: what is merged, what is refused, and where the message points."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from sstl.models.policy import Policy
from sstl.policy_files import Location, PolicyError, load_policy

pytestmark = pytest.mark.unit


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory


def problems(path: Path) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    directory = path if path.is_dir() else path.parent
    return [str(one).replace(f"{directory}/", "") for one in caught.value.problems]


LANE = "{origin: CNYTN, destination: NLRTM, mode: SEA}"


def test_the_files_of_a_directory_are_one_policy(tmp_path: Path) -> None:
    write(
        tmp_path,
        main="version: a1\n",
        sea=f"lanes:\n  CNYTN-NLRTM-SEA: {LANE}\n",
        more=f"lanes:\n  CNYTN-NLRTM-SEA-2: {LANE}\n",
        empty="# nothing yet\n",
    )
    policy = load_policy(tmp_path)
    assert policy.version == "a1"
    assert set(policy.lanes) == {"CNYTN-NLRTM-SEA", "CNYTN-NLRTM-SEA-2"}


def test_one_file_is_a_policy_too(tmp_path: Path) -> None:
    write(tmp_path, main="max_crashes: 7\n")
    assert load_policy(tmp_path / "main.yaml").max_crashes == 7


def test_a_file_that_says_nothing_is_the_policy_that_needs_no_file(tmp_path: Path) -> None:
    write(tmp_path, main="")
    assert load_policy(tmp_path).hash == Policy().hash


def test_words_mean_what_they_say_whatever_a_version_of_yaml_makes_of_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        main="""
version: 2026.10
rules:
  a: {mode: off, thresholds: {limit: 1e1}, valid_from: 2026-01-01T00:00:00Z}
watch_lists:
  fish: {risk_area: WASTE_CITES, hs_prefixes: [0301], countries_of_origin: [NO], source: an act}
lanes:
  x: {origin: A, destination: B, mode: SEA, sealed: true, seal_grade: null, silences: [{start: T4, end: T7}]}
""",
    )
    policy = load_policy(tmp_path)
    assert policy.version == "2026.10"
    assert policy.rules["a"].mode == "off"
    assert policy.rules["a"].thresholds == {"limit": 10.0}
    assert policy.watch_lists["fish"].hs_prefixes == ("0301",)
    assert policy.watch_lists["fish"].countries_of_origin == ("NO",)
    assert policy.lanes["x"].sealed is True
    assert policy.lanes["x"].seal_grade is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "lanez: {}\n",
            "main.yaml:1:1: lanez: unknown key, did you mean lanes?",
            id="unknown-key-at-the-top",
        ),
        pytest.param(
            f"lanes:\n  L:\n    {LANE[1:-1].replace(', ', chr(10) + '    ')}\n    seal_grad: H\n",
            "main.yaml:6:5: lanes.L.seal_grad: unknown key, did you mean seal_grade?",
            id="unknown-key-of-a-lane",
        ),
        pytest.param(
            "geofences:\n  yard: {centre: [1, 2], radius: 3}\n",
            "main.yaml:2:26: geofences.yard.radius: unknown key, did you mean radius_km?",
            id="unknown-key-of-a-geofence",
        ),
        pytest.param(
            "lanes:\n  L: {origin: CNYTN, mode: SEA}\n",
            "main.yaml:2:3: lanes.L.destination: is missing",
            id="missing-key",
        ),
        pytest.param(
            "max_crashes: many\n",
            "main.yaml:1:14: max_crashes: expected a whole number, got 'many'",
            id="wrong-value",
        ),
        pytest.param(
            "rules:\n  r:\n    thresholds:\n      limit: nan\n",
            "main.yaml:4:14: rules.r.thresholds.limit: expected a finite number, got 'nan'",
            id="a-limit-that-is-no-number",
        ),
        pytest.param(
            "rules:\n  r:\n    valid_from: 2026-01-01T00:00\n",
            "main.yaml:3:17: rules.r.valid_from: expected an instant with its offset, like "
            "2026-03-01T08:00:00Z, got '2026-01-01T00:00'",
            id="instant-without-offset",
        ),
        pytest.param(
            "lanes:\n  L: {origin: A, destination: B, mode: SEA, zones: {origin: Europe/Amsterdm}}\n",
            "main.yaml:2:61: lanes.L.zones.origin: no time zone of the IANA database, like "
            "Europe/Amsterdam, got 'Europe/Amsterdm'",
            id="unknown-zone",
        ),
        pytest.param(
            "lanes:\n  L: {origin: A, destination: B, mode: SEA, publishers: {T99: x}}\n",
            "main.yaml:2:58: lanes.L.publishers.T99: expected 'T0', 'T1',",
            id="unknown-milestone",
        ),
        pytest.param(
            "geofences:\n  yard: {centre: [91, 2], radius_km: 3}\n",
            "main.yaml:2:19: geofences.yard.centre.0: expected at most 90, got '91'",
            id="a-latitude-beyond-the-pole",
        ),
        pytest.param(
            "geofences:\n  yard: {centre: [9, 2]}\n",
            "main.yaml:2:9: geofences.yard: a geofence is a centre with radius_km, or a polygon",
            id="half-a-circle",
        ),
        pytest.param(
            "version: a\nversion: b\n",
            "main.yaml:2:1: version: given twice, first at main.yaml:1:1",
            id="a-key-twice",
        ),
        pytest.param("lanes: [\n", "main.yaml:2:1: no YAML: ", id="no-yaml"),
        pytest.param("a: b: c\n", "main.yaml:1:5: no YAML: mapping values", id="no-yaml-either"),
        pytest.param("- a\n", "main.yaml:1:1: expected keys with values", id="a-list"),
        pytest.param("lanes: &l [*l]\n", "main.yaml:1:8: lanes.0: an alias leads back", id="loop"),
        pytest.param(
            "? [a]\n: b\n", "main.yaml:1:3: a key must be a text", id="a-key-that-is-a-list"
        ),
    ],
)
def test_what_is_wrong_is_refused_with_file_line_and_column(
    tmp_path: Path, text: str, expected: str
) -> None:
    found = problems(write(tmp_path, main=text))
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_a_lane_stands_in_one_file_only(tmp_path: Path) -> None:
    write(tmp_path, a=f"lanes:\n  L: {LANE}\n", b=f"lanes:\n  L: {LANE}\n")
    assert problems(tmp_path) == ["b.yaml:2:3: lanes.L: given twice, first at a.yaml:2:3"]


def test_a_list_stands_in_one_file_only(tmp_path: Path) -> None:
    write(tmp_path, a="vague_words: [parts]\n", b="vague_words: [goods]\n")
    assert problems(tmp_path) == ["b.yaml:1:1: vague_words: given twice, first at a.yaml:1:1"]


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, a="max_crashes: -1\n", b="ping_bucket_s: 0\nlanez: {}\n")
    assert len(problems(tmp_path)) == 3


def test_the_message_of_the_error_is_the_first_problem_and_how_many_more(tmp_path: Path) -> None:
    write(tmp_path, a="max_crashes: -1\nping_bucket_s: 0\n")
    with pytest.raises(PolicyError, match=r"a\.yaml:1:14: max_crashes: .* \(and 1 more\)$"):
        load_policy(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_bytes(b"\xff\xfe\x00a")
    assert problems(tmp_path) == ["main.yaml:1:1: not UTF-8: byte 0xff"]


@pytest.mark.parametrize("name", ["gone", "gone.yaml"])
def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path, name: str) -> None:
    assert problems(tmp_path / name) == [f"{name}: no such file or directory"]


def test_a_directory_without_a_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    assert "holds no file *.yaml" in problems(tmp_path)[0]


def test_what_a_further_check_finds_is_told_with_its_line(tmp_path: Path) -> None:
    def check(_: Policy) -> Iterable[tuple[Location, str]]:
        yield ("rules", "r", "thresholds", "limt"), "unknown parameter"
        yield ("issuer",), "no issuer"

    write(tmp_path, main="rules:\n  r:\n    thresholds: {limt: 3}\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(tmp_path, check)
    found = [str(one) for one in caught.value.problems]
    assert found[0] == f"{tmp_path}/main.yaml:3:18: rules.r.thresholds.limt: unknown parameter"
    assert found[1] == f"{tmp_path}: issuer: no issuer"


BOMB = "".join(
    f"{name}: &{name} [{', '.join([before] * 10)}]\n"
    for name, before in zip("abcdefgh", ["x", *(f"*{one}" for one in "abcdefg")], strict=True)
)
"""Eight lines that stand for a hundred million values."""


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(
            BOMB.encode(), "main.yaml:1:4: aliases repeat what stands here", id="alias-bomb"
        ),
        pytest.param(
            b"lanes: " + b"[" * 3000 + b"]" * 3000, "main.yaml:1:", id="nested-beyond-all-bounds"
        ),
        pytest.param(
            b"version: '1'\nlanes: {\xff: 1}\n",
            "main.yaml:2:9: not UTF-8: byte 0xff",
            id="not-utf-8",
        ),
        pytest.param(
            b"version: '1'\n# \x00\n",
            "main.yaml:2:3: no YAML: the character U+0000 may not stand in it",
            id="a-character-that-yaml-has-not",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_where_it_goes_wrong(
    tmp_path: Path, raw: bytes, expected: str
) -> None:
    (tmp_path / "main.yaml").write_bytes(raw)
    found = problems(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_an_alias_may_repeat_what_it_likes_within_reason(tmp_path: Path) -> None:
    write(tmp_path, main=f"lanes:\n  A-B-SEA: &lane {LANE}\n  C-D-SEA: *lane\n")
    policy = load_policy(tmp_path)
    assert policy.lanes["A-B-SEA"] == policy.lanes["C-D-SEA"]


def test_a_link_that_leads_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path, main="max_crashes: 7\n")
    (tmp_path / "rules.yaml").symlink_to(tmp_path / "gone.yaml")
    assert problems(tmp_path) == ["rules.yaml: cannot be read: No such file or directory"]
