"""Supply chain lane monitor: lead times, control effectiveness and risk flags from trade lane events."""
