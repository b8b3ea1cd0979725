"""The independent computation over the Cargo 2000 file agrees with what is published about it."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from tests.reference_cargo2000 import FILE, LEGS, SERVICES, Reference, statistics


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


def test_the_shipped_file_is_the_one_its_source_note_names() -> None:
    digest = hashlib.sha256(gzip.decompress(FILE.read_bytes())).hexdigest()
    assert digest in Path(FILE.with_name("SOURCE.txt")).read_text(encoding="utf-8")


def test_the_published_counts_are_reproduced(reference: Reference) -> None:
    assert (reference.processes, reference.incoming_legs, reference.services) == (
        3942,
        7932,
        56082,
    )


def test_leg_lanes_are_those_of_incoming_and_outgoing_legs_together(
    reference: Reference,
) -> None:
    sizes = [len(legs) for legs in reference.leg_lanes().values()]
    assert (len(sizes), sum(size >= 30 for size in sizes)) == (2119, 75)


def test_the_known_oddities_of_the_file_are_there(reference: Reference) -> None:
    assert reference.disagreeing_joins() == 3
    assert sum(leg.lane[0] == leg.lane[1] for leg in reference.legs()) == 7


def test_no_duration_of_a_service_is_zero_or_negative(reference: Reference) -> None:
    for leg in LEGS:
        hops = reference.column(f"{leg}_hops")
        for service in SERVICES:
            hop = int(service[-1]) if service[-1].isdigit() else 1
            for kind in "pe":
                assert (reference.column(f"{leg}_{service}_{kind}")[hops >= hop] > 0).all()


def test_lateness_of_processes_is_strict(reference: Reference) -> None:
    effective, planned = reference.process_minutes("e"), reference.process_minutes("p")
    summary = statistics(effective, planned)
    assert (summary.n, int(reference.late.sum())) == (3942, 1048)
    assert summary.mean == pytest.approx(16412.2428, abs=1e-4)


def test_quantiles_are_order_statistics_and_never_interpolated() -> None:
    minutes = np.array([40, 10, 30, 20])
    summary = statistics(minutes, np.array([40, 9, 30, 30]))
    assert (summary.median, summary.p90, summary.share_late) == (20, 40, 0.25)
