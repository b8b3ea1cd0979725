"""Laws of publishing: nothing is left out, whatever cuts it off and however often."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.errors import UserError
from sstl.models.identifiers import is_container_number
from sstl.publish.resume import Acknowledged
from sstl.publish.session import publish
from sstl.synthetic import numbers
from sstl.synthetic.corridor import Corridor
from tests.unit.test_publish import FakeSender, _events


@given(
    count=st.integers(0, 40),
    batch=st.integers(1, 7),
    breaks=st.lists(st.integers(0, 12), max_size=6),
)
def test_however_it_is_cut_off_every_event_is_sent_and_none_is_skipped(
    count: int, batch: int, breaks: list[int]
) -> None:
    notes = [Acknowledged()]
    sent: list[str] = []
    for limit in [*breaks, None]:
        sender = FakeSender(break_after=limit)
        try:
            publish(
                _events(count),
                sender,
                lambda _: "t",
                done=notes[-1],
                save=notes.append,
                batch_events=batch,
            )
        except UserError:
            assert len(sender.sent) == limit
        sent += sender.sent
    assert set(sent) == {str(n) for n in range(count)}
    # each run goes on behind what was acknowledged: at most one batch is sent again for each break
    assert len(sent) - count <= len(breaks) * batch


@given(seed=st.integers(0, 10_000), serial=st.integers(0, 2**40))
def test_every_made_up_container_has_a_right_check_digit(seed: int, serial: int) -> None:
    assert is_container_number(numbers.container(seed, serial))


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), cut=st.floats(0, 1), disorder=st.floats(0, 1))
def test_wherever_a_corridor_is_cut_both_parts_together_are_the_whole(
    seed: int, cut: float, disorder: float
) -> None:
    corridor = Corridor(seed=seed, shipments=4, spacing=timedelta(days=3), disorder=disorder)
    whole = list(corridor.deliveries())
    middle = whole[int(cut * (len(whole) - 1))].at
    rest = list(corridor.deliveries(after=middle))
    assert [one for one in whole if one.at <= middle] + rest == whole
