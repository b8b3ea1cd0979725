"""What ends a worker, and what the broker says that a retry cannot mend."""

from aiokafka import errors as kafka_errors

FENCED = (
    kafka_errors.ProducerFenced,
    kafka_errors.InvalidProducerEpoch,
    kafka_errors.InvalidProducerIdMapping,
    kafka_errors.UnknownProducerId,
    kafka_errors.OutOfOrderSequenceNumber,
)
"""Somebody else has become the owner, or the broker has forgotten us."""
REFUSED = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.RecordTooLargeError,
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.TransactionalIdAuthorizationFailed,
)
"""The broker will refuse them again: somebody has to change a topic or a right."""


class StopError(Exception):
    """The process must stop, loudly, with nothing of the batch committed."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
