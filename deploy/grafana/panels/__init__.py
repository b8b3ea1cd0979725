"""Panels of the dashboard "SSTL lanes": one module a group of rows, `kinds` for what they are made of."""
