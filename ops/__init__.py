"""The `quittance` command for those who run a stack, and the pages that are generated from the code."""
