"""A whole world on one machine: the cloud, the channels, the clock and the scenarios.

It may import `quittance`; nothing that is deployed may import it.
"""
