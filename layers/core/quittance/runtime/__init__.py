"""What a function needs around a use case: settings, wiring, batches, logs, clock and secrets."""
