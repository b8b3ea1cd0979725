"""Publishing CloudEvents to Kafka: batched, acknowledged, resumable."""
