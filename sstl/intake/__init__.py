"""The ways in: the Kafka envelope, validation, and files of the past."""
