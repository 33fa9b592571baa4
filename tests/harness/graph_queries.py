"""Queries of Resource Graph, sent to a sandbox in this process."""

from __future__ import annotations

from typing import Any

from sandbox.core.web import Reply
from tests.harness.in_process_azure import Azure

PATH = "/providers/Microsoft.ResourceGraph/resources"


def send(
    azure: Azure, query: Any, *, version: str = "2024-04-01", options: Any = None, as_: Any = None, **body: Any
) -> Reply:
    """Sends a query, by default as the owner. `body` is the rest of its body, such as `subscriptions`."""
    given = {"query": query, **body, **({} if options is None else {"options": options})}
    return azure.send("POST", f"{PATH}?api-version={version}", given, as_=as_)


def ask(azure: Azure, query: str, **how: Any) -> list[dict[str, Any]]:
    """The rows that a query returns, in one page."""
    reply = send(azure, query, **how)
    assert reply.status == 200, reply
    return reply.body["data"]


def refusal(azure: Azure, query: Any, **how: Any) -> tuple[int, str, list[str]]:
    """The error of a query: status, code, and the codes of the details."""
    reply = send(azure, query, **how)
    assert reply.status >= 400, reply
    error = reply.body["error"]
    return reply.status, error["code"], [detail["code"] for detail in error.get("details", ())]
