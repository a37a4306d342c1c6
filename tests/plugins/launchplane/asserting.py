"""What answers of a served host must say."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


def for_the_real(*values: Any) -> list[Any]:
    """Parameters that are shown without a process in CI, where time is dear."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.launchplane)
        for value in values
    ]


def refused(answer: httpx.Response, code: str = "policy_denied") -> str:
    """The message of a refusal in the host's envelope."""
    told = answer.json()
    assert (answer.status_code, told["status"], told["error"]["code"]) == (409, "rejected", code), told
    assert told["trace_id"]
    return str(told["error"]["message"])


def passed(answer: httpx.Response) -> Any:
    told = answer.json()
    assert (answer.status_code, told["status"]) == (202, "accepted"), told
    assert _status(told) == "pass", told["result"]["error_message"]
    return told


def failed(answer: httpx.Response) -> Any:
    """Of what was done and is not proven, or came to nothing: its records, and why."""
    told = answer.json()
    assert (answer.status_code, told["status"], _status(told)) == (202, "accepted", "fail"), told
    assert told["result"]["error_message"] and not told["records"].get("inventory_record_id")
    return told


def kept(answer: httpx.Response) -> Any:
    """The ids of the records that a report left."""
    told = answer.json()
    assert (answer.status_code, told["status"]) == (202, "accepted"), told
    return told["records"]


def _status(told: Any) -> str:
    """Of a deploy or a promotion, and where it has some, of what came after the deploy."""
    result = told["result"]
    fields = ("promotion_status",) if "promotion_status" in result else ("deploy_status", "rollout_status")
    return "pass" if {result[name] for name in fields if name in result} == {"pass"} else "fail"
