"""The table: its keys, its items and how a commit is written to it."""
