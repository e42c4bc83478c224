"""
What each kind of repair to a contract is called, and what was expected.
"""

from __future__ import annotations

from dataclasses import dataclass

from joinedup.conformance.problems import CONTRACT_SOUND, CONTRACT_VALID, Problem, Problems


@dataclass(frozen=True)
class Note:
    """One kind of repair: its rule, its title free of values, the expectation and the requirement."""

    rule: str
    title: str
    expected: str
    requirement: str = CONTRACT_VALID

    def to(self, problems: Problems, pointer: str, actual: str, *, repaired: bool = True) -> None:
        """Note that this is so at a place."""
        problems.add(
            Problem(
                self.rule, self.requirement, self.title, self.expected, actual, pointer, repaired=repaired
            )
        )


NOT_A_TEMPLATE = Note(
    "path-not-a-template", "A path is not a template", "Every path is text with names in braces."
)
NO_SLASH = Note("path-without-slash", "A path does not begin with a slash", "Every path begins with a slash.")
FRAGMENT = Note(
    "path-with-query-or-fragment",
    "A path holds a query or a fragment",
    "Operations differ by method and path; a fragment is never sent, and a query is described as parameters.",
)
SAME_PATH = Note(
    "same-path-twice",
    "Two paths differ only in the names of their parameters",
    "Every path template is written once.",
)
UNDECLARED_PARAMETER = Note(
    "undeclared-path-parameter",
    "A path names a parameter that is not described",
    "Every name in a path's braces is described as a path parameter.",
)
UNUSED_PARAMETER = Note(
    "path-parameter-not-in-path",
    "A path parameter is described that the path does not have",
    "Every path parameter stands in braces in its path.",
)
OPTIONAL_PARAMETER = Note(
    "path-parameter-not-required",
    "A path parameter is not required",
    "Every path parameter says required: true.",
)
BAD_PARAMETER = Note(
    "parameter-not-usable",
    "A parameter is not described as OpenAPI 3 asks",
    "Every parameter has a name, a place (path, query, header or cookie) and a schema.",
)
SAME_PARAMETER = Note(
    "same-parameter-twice", "A parameter is described twice", "Name and place of a parameter are used once."
)
NO_RESPONSE = Note(
    "no-responses", "An operation declares no responses", "Every operation declares what it answers."
)
BAD_STATUS = Note(
    "status-not-usable",
    "A response stands under something that is no status",
    "Responses stand under 200, 4XX or default.",
)
SAME_ID = Note(
    "same-operation-id", "Two operations have the same operationId", "Every operationId is used once."
)
NO_BODY = Note(
    "body-without-content",
    "A request body does not say what it holds",
    "Every request body names its media types.",
)
NOT_AN_OBJECT = Note(
    "not-an-object",
    "A part of the contract is not the object it should be",
    "Every part is what OpenAPI 3 asks for.",
)
NO_SCHEME = Note(
    "security-scheme-not-defined",
    "A security scheme is used that is not defined",
    "Every security scheme that is named is defined under components.",
)
BAD_SCHEME = Note(
    "security-scheme-not-usable",
    "A security scheme is not described as OpenAPI 3 asks",
    "Every security scheme says its type and what goes with it.",
)
HEADER_PARAMETER = Note(
    "credential-as-parameter",
    "A credential is described as a header parameter",
    "Credentials are described as security schemes; OpenAPI ignores a parameter named Authorization.",
    CONTRACT_SOUND,
)
HEADER_EXAMPLE = Note(
    "header-example-not-sendable",
    "A header's example cannot be sent",
    "An example of a header is one line of text without control characters.",
    CONTRACT_SOUND,
)
