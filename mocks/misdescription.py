"""
Faults in what a contract says of itself, by name: each changes the contract as it is served.

The engine goes on by the true contract; where a path is described under another name, that name is answered too.
"""

from __future__ import annotations

from collections.abc import Callable

from joinedup.mocks.bundle import Document

# Assembled, so that no number outside the test range stands anywhere as one.
NUMBER_OUTSIDE_TEST_RANGE = "4" + "0" * 8 + "4"
VERB_PATH, NOUN_PATH = "/v1/getStatus", "/v1/status"


def example_breaks_schema(contract: Document) -> None:
    _example(contract)["sex"] = "X"


def example_outside_test_range(contract: Document) -> None:
    _example(contract)["nhsNumber"] = NUMBER_OUTSIDE_TEST_RANGE


def _example(contract: Document) -> Document:
    answer = contract["paths"]["/v1/children/{childId}"]["get"]["responses"]["200"]
    example: Document = answer["content"]["application/json"]["examples"]["child"]["value"]
    return example


def reference_dangles(contract: Document) -> None:
    answer = contract["paths"][NOUN_PATH]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Nowhere"}


def property_in_other_case(contract: Document) -> None:
    properties = contract["components"]["schemas"]["Child"]["properties"]
    properties["preferred_name"] = {"type": "string", "maxLength": 70}


def verb_in_path(contract: Document) -> None:
    contract["paths"][VERB_PATH] = contract["paths"].pop(NOUN_PATH)


def name_in_query(contract: Document) -> None:
    parameters = contract["paths"]["/v1/children"]["get"]["parameters"]
    schema = {"type": "string", "minLength": 1, "maxLength": 70}
    parameters.append({"name": "familyName", "in": "query", "required": False, "schema": schema})


def list_without_object(contract: Document) -> None:
    answer = contract["paths"]["/v1/contacts"]["get"]["responses"]["200"]
    content = answer["content"]["application/json"]
    page = contract["components"]["schemas"]["ContactPage"]
    content["schema"] = page["properties"]["items"]
    content["examples"]["last"]["value"] = content["examples"]["last"]["value"]["items"]
    answer.pop("links", None)


MISDESCRIPTIONS: dict[str, Callable[[Document], None]] = {
    "example-breaks-schema": example_breaks_schema,
    "example-outside-test-range": example_outside_test_range,
    "reference-dangles": reference_dangles,
    "property-in-other-case": property_in_other_case,
    "verb-in-path": verb_in_path,
    "name-in-query": name_in_query,
    "list-without-object": list_without_object,
}
