"""Documented bodies, and answers served in a provider's name without a connection."""

import json
from pathlib import Path
from typing import Any

import responses

FIXTURES = Path(__file__).parents[1] / "fixtures"
ANYWHERE = "https://provider.example"


def documented(name: str) -> Any:
    """The body of a provider's document: `commbox/validatecontact_valid`."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


def answer(
    provider: responses.RequestsMock,
    method: str,
    path: str,
    body: Any,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> responses.BaseResponse:
    """Answer the next call to `path` with a JSON value, or with bytes as they are."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider.add(method, ANYWHERE + path, body=payload, status=status, headers=headers)


def sent(provider: responses.RequestsMock, index: int = 0) -> Any:
    """The JSON body of a request that was made."""
    return json.loads(provider.calls[index].request.body or b"null")
