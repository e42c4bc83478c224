"""
Whether an answer keeps its contract, fast enough to ask of every answer under load.

Most answers do. What is asked of one of a kind (operation, status, media type) is looked up once, and then takes two
calls into jsonschema-rs; only an answer that does not fit is judged at length, with the sentences that a report needs.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import jsonschema_rs
import msgspec

from joinedup.conformance.anatomy import pointer_to
from joinedup.conformance.operations import Operation, followed
from joinedup.conformance.responses import (
    OF_THE_HTTP_LAYER,
    Breach,
    ResponseValidator,
    declared_status,
    is_json,
    matching_media_type,
)


@dataclass(frozen=True)
class _Kind:
    """
    What is asked of the answers of one kind.

    Args:
        headers: name in lower case, whether it must be there, what its text must be.
        body: what its JSON must be; None where nothing is asked of it.
    """

    headers: tuple[tuple[str, bool, jsonschema_rs.Validator], ...]
    body: jsonschema_rs.Validator | None

    def fits(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether an answer is certainly what is asked."""
        for name, is_required, validator in self.headers:
            value = headers.get(name)
            if is_required if value is None else not validator.is_valid(value):
                return False
        if self.body is None:
            return True
        try:
            return self.body.is_valid(msgspec.json.decode(body))
        except (ValueError, RecursionError):
            return False


class SampledValidator(ResponseValidator):
    """
    Judges a share of the answers as another validator does, and passes the others.

    Args:
        whole: the other.
        share: from 0 to 1.
    """

    def __init__(self, whole: ResponseValidator, share: float) -> None:
        self._whole, self._share = whole, share
        self._kinds: dict[tuple[str, int, str], _Kind | None] = {}
        self.judged = 0

    def breaches(
        self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[Breach]:
        """How a response departs from what the operation declares, where it is one that is judged."""
        if self._share < 1 and random.random() >= self._share:  # noqa: S311 - which answers are looked at
            return []
        self.judged += 1
        key = (operation.label, status, headers.get("content-type", ""))
        if key not in self._kinds:
            self._kinds[key] = self._kind(operation, status, key[2])
        kind = self._kinds[key]
        if kind is not None and kind.fits(headers, body):
            return []
        found = self._whole.breaches(operation, status, headers, body)
        lenient = status in OF_THE_HTTP_LAYER or status >= 500
        return [breach for breach in found if not (lenient and breach.kind == "undeclared-status")]

    def _kind(self, operation: Operation, status: int, media_type: str) -> _Kind | None:
        """What is asked of a kind; None where that takes more than two look-ups, so that each is judged at length."""
        key = declared_status(operation, status)
        if key is None or operation.method == "HEAD":
            return None
        headers = self._headers(operation, key)
        content = operation.responses[key].get("content")
        if headers is None or not isinstance(content, dict) or not is_json(media_type):
            return None
        name = matching_media_type(content, media_type)
        media = content.get(name)
        if name is None or not isinstance(media, dict) or not isinstance(media.get("schema"), dict):
            return None
        at = operation.response_pointers[key] + pointer_to("content", name, "schema")[1:]
        body = self._whole.schemas.compiled(at)
        return _Kind(headers, body) if body is not None else None

    def _headers(
        self, operation: Operation, key: str
    ) -> tuple[tuple[str, bool, jsonschema_rs.Validator], ...] | None:
        """The headers of a kind; None where one of them is no text."""
        declared = operation.responses[key].get("headers")
        found = []
        for name, written in declared.items() if isinstance(declared, dict) else ():
            if name.lower() == "content-type":
                continue
            at = operation.response_pointers[key] + pointer_to("headers", name)[1:]
            header, pointer = followed(self._whole._document, written, at)
            schema = followed(self._whole._document, header.get("schema"))[0]
            validator = self._whole.schemas.compiled(f"{pointer}/schema") if schema else None
            if validator is None or schema.get("type") != "string":
                return None
            found.append((name.lower(), header.get("required") is True, validator))
        return tuple(found)
