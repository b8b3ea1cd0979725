"""What all tests share: one real broker for the session, a topic prefix per test, hypothesis profiles."""

import itertools
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from sstl.embedded import EmbeddedKafka

settings.register_profile(
    "ci", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=2_000)
settings.load_profile(os.environ.get("SSTL_TEST_HYPOTHESIS", "ci"))

KINDS = ("unit", "property", "topology", "simulation", "integration", "crash", "browser")
"""A test's kind is the folder it lies in; each is a marker too."""

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its kind, so that ``-m "not integration"`` works."""
    for item in items:
        for kind in KINDS:
            if f"tests/{kind}/" in item.path.as_posix():
                item.add_marker(kind)


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedKafka]:
    """One real broker for all tests of the session; without it they fail, they do not skip.

    A test that kills or stops a broker makes its own.
    """
    with EmbeddedKafka() as broker:
        yield broker


@pytest.fixture
def topic_prefix() -> str:
    """First part of the names of topics, groups and transactional ids that only this test uses."""
    return f"t{os.getpid()}-{next(_numbers)}"
