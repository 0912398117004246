"""Pages that follow from the code: each module makes some, by their path in the repository."""
