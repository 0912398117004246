"""Makes the AWS clients of a function, with time-outs that end before the function does.

Refuses to wait: one retry, a second to connect; who called tries again later, by queue or by sender.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# What the SDK's import made stays until the process ends. Without this the imports that follow set off one more search
# of all of it for garbage: 30 ms of a cold start.
gc.freeze()

# Everything that boto3 raises for a call that did not succeed.
AWS_ERRORS: Final = (BotoCoreError, ClientError)

USER_AGENT: Final = "quittance"


def aws_client(service: str, *, read_timeout: float = 5, attempts: int = 2) -> Any:
    """Return the low-level client of `service` for this process's region and role; times in seconds.

    `attempts` counts the first one. An AWS_ENDPOINT_URL in the environment is obeyed by the SDK itself.
    """
    create: Callable[..., Any] = boto3.client
    return create(
        service,
        config=Config(
            connect_timeout=1,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            # Said once: the SDK builds its long one anew for every call, a fifth of what a call costs here.
            user_agent=USER_AGENT,
        ),
    )


def error_code(error: Exception) -> str:
    """Return the service's own code of a refused call, or the name of the error's class; never its text."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__
