"""
Answers and refusals in each representation that the contract declares, asked for by ``Accept`` (RFC 9110, 12.5.1).

A server may give another representation than the one that is asked for, or 406: what it gives must be as declared.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace

from joinedup.conformance.exchanges import Exchange, Step
from joinedup.conformance.operations import Operation
from joinedup.conformance.places import caller
from joinedup.conformance.responses import base_type
from joinedup.conformance.target import Target

MOST_OPERATIONS = 8
MOST_REPRESENTATIONS = 3


def further(operation: Operation, usual: str) -> list[str]:
    """The media types in which an operation declares its success, beside the one in which it usually comes."""
    declared = (
        name
        for _, response in operation.success_responses
        for name in response.get("content") or {}
        if "*" not in name
    )
    return [name for name in dict.fromkeys(declared) if _kind(name) != _kind(usual)]


def _kind(media_type: str) -> tuple[str, str]:
    """What tells one representation from another: the media type and its version, not its character set."""
    version = re.search(r";\s*version\s*=\s*\"?([^\";\s]+)", media_type, re.IGNORECASE)
    return base_type(media_type), version[1] if version else ""


def asked_for(target: Target) -> Iterator[tuple[Operation, str, Exchange]]:
    """The success and the usual refusals of each reading, in each further representation, with its media type."""
    tried = 0
    for operation in target.operations:
        good = target.good.get((operation.label, caller(target)))
        if operation.method != "GET" or good is None or good.response is None:
            continue
        others = further(operation, good.response.headers.get("content-type", ""))
        tried += bool(others)
        if tried > target.portion(MOST_OPERATIONS):
            return
        for name in others[:MOST_REPRESENTATIONS]:
            for step in _requests(operation, good.step):
                accepting = {h: v for h, v in step.headers.items() if h.lower() != "accept"}
                yield (
                    operation,
                    name,
                    target.client.send(replace(step, headers={**accepting, "Accept": name})),
                )


def _requests(operation: Operation, step: Step) -> Iterator[Step]:
    """A reading that succeeds, the same of what does not exist, and the same without a credential."""
    yield step
    if step.path_parameters:
        last = list(step.path_parameters)[-1]
        unknown = {**step.path_parameters, last: str(uuid.UUID(int=0, version=4))}
        yield replace(step, path_parameters=unknown)
    if not operation.public:
        yield replace(step, identity=None)
