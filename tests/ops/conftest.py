"""Fixtures of the command's tests."""

from __future__ import annotations

from tests.ops.world import world

__all__ = ["world"]
