"""Benchmarks on the embedded Kafka: ratios of one run, never a timed test."""
