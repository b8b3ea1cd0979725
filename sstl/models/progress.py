"""Progress of a backfill (``org.sstl.progress.v1``)."""

from sstl.models.common import Instant, WireModel


class ProgressBody(WireModel):
    """Nothing with an earlier recorded time follows on this partition."""

    reached: Instant
