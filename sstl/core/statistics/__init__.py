"""Estimates with the intervals they are published with, from sums of integers.

Plain Python, without clock or randomness; the formulas, their sources and when an estimate is refused
are in ``docs/statistics.md``. Import from the modules: ``result`` (what every estimate is),
``proportions``, ``rates``, ``recall``, ``ranking`` and those of durations and comparisons.
"""
