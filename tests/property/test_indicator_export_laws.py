"""Laws of exporting indicators: whatever is published is read back from every format, in one order."""

import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.cli.indicator_formats import as_csv, as_json, write_parquet
from sstl.cli.indicator_slices import Slice
from sstl.models.indicator import Indicator
from tests.indicator_files import from_csv, from_parquet
from tests.published_indicators import gone, published

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
indicators = st.builds(
    published,
    lane=texts,
    day=st.none() | st.dates().map(str),
    strata=st.dictionaries(texts, texts, max_size=2),
    median=st.integers(-(2**63), 2**63 - 1),
    mean=st.none() | numbers,
    standard_deviation=st.none() | numbers.map(abs),
    share_late=st.none() | st.floats(0, 1),
    complete_up_to=st.none() | st.datetimes(timezones=st.timezones()),
)
slices = st.lists(indicators | indicators.map(gone), max_size=5)


@given(slices)
def test_csv_and_json_say_all_that_was_published(chosen: list[Indicator]) -> None:
    assert from_csv(as_csv(chosen)) == chosen
    assert [Indicator.model_validate(one) for one in json.loads(as_json(chosen))] == chosen


@settings(max_examples=30)
@given(slices)
def test_parquet_says_all_that_was_published(chosen: list[Indicator]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "slice.parquet"
        write_parquet(chosen, path)
        assert from_parquet(path) == chosen


@given(st.lists(indicators, max_size=6, unique_by=lambda one: one.key), st.randoms())
def test_a_slice_has_one_order(known: list[Indicator], random: Random) -> None:
    shuffled = known.copy()
    random.shuffle(shuffled)
    for chosen in (Slice(), Slice(latest=True)):
        assert chosen.of(shuffled) == chosen.of(known)
