"""The domain: pure functions of events and policy. No clock, no randomness, no Kafka."""
