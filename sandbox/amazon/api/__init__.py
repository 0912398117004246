"""The operations that the simulated Amazon serves, one module per published model or family of models.

Nothing else is served: a path that is not here is refused as one that the caller may not use.
"""
