"""Polls through the deployed function: what no webhook told is found and goes on to the bulk queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ops.account import SOURCES
from quittance.application.ports import Poll
from quittance.storage import keys
from tests.functions.stack import Stack, stack
from tests.support.deployed import STORE, wake

__all__ = ["stack"]  # fixture
