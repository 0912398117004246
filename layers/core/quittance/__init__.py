"""Returns, claims, messages and cancellations of sellers, settled on time and paid exactly once."""
