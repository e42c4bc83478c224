"""
PRV-01 and PRV-02 as far as a contract shows: personal data in addresses, which logs and proxies keep.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from joinedup.conformance.contract import Contract, Operation, Parameter
from joinedup.conformance.conventions import segments
from joinedup.conformance.dialect import schema_at
from joinedup.conformance.features import NAMES, Feature, plain
from joinedup.conformance.findings import Finding
from joinedup.conformance.rules import Place, Rule, one_finding

IDENTIFIERS = frozenset().union(
    *(NAMES[f] for f in (Feature.IDENTIFIER_NHS_NUMBER, Feature.IDENTIFIER_UPN, Feature.IDENTIFIER_ULN)),
    {
        "nino",
        "nationalinsurancenumber",
        "ninumber",
        "patientidentifier",
        "subjectidentifier",
        "passportnumber",
    },
)
PERSONAL = IDENTIFIERS | frozenset(
    {"firstname", "lastname", "forename", "surname", "familyname", "givenname", "fullname", "middlename"}
    | {
        "dob",
        "dateofbirth",
        "birthdate",
        "birthday",
        "email",
        "emailaddress",
        "phone",
        "phonenumber",
        "telephone",
    }
    | {"telephonenumber", "mobile", "mobilenumber", "cardholdername", "homeaddress"}
)
"""Names, plain, that mean personal data wherever they stand."""

OF_A_PERSON = frozenset(
    {"name", "postcode", "address", "addresspostcode", "family", "given", "gender", "ethnicity"}
)
"""Names, plain, that mean personal data where the resource is a person."""


def is_personal_name(name: str, operation: Operation | None = None) -> bool:
    """Whether a name, plain, means personal data; ``name`` and ``address`` do where the operation is about people."""
    return name in PERSONAL or (name in OF_A_PERSON and (operation is None or is_of_a_person(operation)))


_PEOPLE = re.compile(
    r"(patient|person|people|child|children|pupil|student|learner|trainee|teacher|parent|carer|guardian"
    r"|customer|citizen|individual|relatedperson|worker|professional|staff|member|contact)s?",
    re.IGNORECASE,
)
_SAYS_IDENTIFIER = re.compile(
    r"\bNHS[ -]?number|National Insurance number|unique pupil number|unique learner number", re.IGNORECASE
)
_EXPECTED = "The address holds no personal data, since logs, proxies and histories keep it."


def is_of_a_person(operation: Operation) -> bool:
    """Whether the path speaks of people."""
    return any(_PEOPLE.fullmatch(segment) for segment in segments(operation.path))


def _is_identifier(contract: Contract, parameter: Parameter) -> bool:
    """Whether a parameter's name, description or example says that it is the number of one person."""
    if plain(parameter.name) in IDENTIFIERS:
        return True
    written = _described(contract, parameter)
    shown = " ".join(str(example) for example in parameter.examples)
    return bool(_SAYS_IDENTIFIER.search(written)) or "nhs-number" in shown


def _described(contract: Contract, parameter: Parameter) -> str:
    """The first sentence of what the contract says of a parameter: later ones mention other things."""
    try:
        node = schema_at(contract.document, parameter.pointer)
    except KeyError:
        return ""
    text = str(node.get("description", "")) if isinstance(node, dict) else ""
    return re.split(r"(?<=[.\n])\s", text.strip(), maxsplit=1)[0]


def _is_personal(contract: Contract, operation: Operation, parameter: Parameter) -> bool:
    name = plain(re.split(r"[.\[]", parameter.name)[-1]) or plain(parameter.name)
    if name in PERSONAL or _is_identifier(contract, parameter):
        return True
    return name in OF_A_PERSON and is_of_a_person(operation)


def personal_data_in_query(contract: Contract) -> Iterator[Finding]:
    """Query parameters that carry personal data."""
    places = (
        Place(parameter.pointer, f"{parameter.name} is a query parameter", (operation.label,))
        for operation in contract.operations
        for parameter in operation.parameters
        if parameter.location == "query" and _is_personal(contract, operation, parameter)
    )
    yield from one_finding(
        "personal-data-in-query",
        "PRV-01",
        "Personal data goes into the query of an address",
        _EXPECTED,
        places,
        advice="Take search terms in the body of a POST.",
    )


def identifiers_in_path(contract: Contract) -> Iterator[Finding]:
    """Path parameters that are the number or another direct identifier of a person."""
    places = (
        Place(parameter.pointer, f"{parameter.name} is part of the path", (operation.label,))
        for operation in contract.operations
        for parameter in operation.parameters
        if parameter.location == "path"
        and (_is_identifier(contract, parameter) or plain(parameter.name) in PERSONAL)
    )
    yield from one_finding(
        "identifier-in-path",
        "PRV-02",
        "A person's identifier is part of a path",
        _EXPECTED,
        places,
        advice="Use an identifier of the system's own that means nothing elsewhere.",
    )


def _has(location: str) -> Callable[[Contract], bool]:
    return lambda contract: any(
        parameter.location == location
        for operation in contract.operations
        for parameter in operation.parameters
    )


RULES = (
    Rule("personal-data-in-query", "PRV-01", personal_data_in_query, _has("query")),
    Rule("identifier-in-path", "PRV-02", identifiers_in_path, _has("path")),
)
