"""The pure core: money, deadlines, policies and what follows from an observation. Standard library only."""
