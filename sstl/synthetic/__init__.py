"""A made-up corridor between China and the EU, with planted and known incidents; deterministic by seed."""
