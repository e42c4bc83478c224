"""
Read one document from an address: a contract, a token. Bounded in time, size and decoding, and never redirected.
"""

from __future__ import annotations

import ssl
import time
import zlib
from dataclasses import dataclass

import httpx

from joinedup.conformance.errors import ConfigurationError, SetupError
from joinedup.conformance.wire import decoded, ending, timed_transport

LARGEST_CONTRACT = 20_000_000
LARGEST_TOKEN_ANSWER = 200_000


class TooLargeError(Exception):
    """Raised when an answer is larger than it may be."""


@dataclass(frozen=True)
class Fetched:
    """Status and body of one answer."""

    status: int
    body: bytes


def fetch(request: httpx.Request, *, timeout_s: float, trust: ssl.SSLContext | None, most: int) -> Fetched:
    """
    Send one request and read its answer within its bounds.

    Raises:
        httpx.HTTPError: no whole answer came in time.
        TooLargeError: the answer is larger than ``most`` bytes.
    """
    transport = timed_transport(trust)
    request.headers["Accept-Encoding"] = "gzip, deflate"
    request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    body = bytearray()
    try:
        with ending(time.monotonic() + timeout_s):
            response = transport.handle_request(request)
            for piece in decoded(response.iter_raw(), response.headers.get("content-encoding", "")):
                body += piece
                if len(body) > most:
                    raise TooLargeError
    except zlib.error as error:
        raise httpx.DecodingError("its content encoding could not be decoded") from error
    finally:
        transport.close()
    return Fetched(response.status_code, bytes(body))


def fetch_bounded(url: str, where: str, *, timeout_s: float, trust: ssl.SSLContext | None) -> bytes:
    """
    The contract at an address.

    Args:
        where: the key of the configuration that names the address.

    Raises:
        SetupError: nothing answers, or not with 200.
        ConfigurationError: it is too large for a contract.
    """
    try:
        answer = fetch(httpx.Request("GET", url), timeout_s=timeout_s, trust=trust, most=LARGEST_CONTRACT)
    except TooLargeError:
        raise ConfigurationError(
            f"{where}: the contract is larger than {LARGEST_CONTRACT // 1_000_000} MB.", hint="Split it."
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SetupError(
            f"{where}: {url} gave no answer ({type(error).__name__}).",
            hint=f"Check the address in {where}, and that the system runs.",
            fault="contract-unreachable",
        ) from None
    if answer.status != 200:
        raise SetupError(
            f"{where}: {url} was expected to answer 200 with the contract and answered {answer.status}.",
            hint=f"Correct {where}, or save the document to a file and name that.",
            fault="contract-unreachable",
        )
    return answer.body
