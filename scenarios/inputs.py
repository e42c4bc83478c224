"""
A workflow's inputs: defaults put in, and held against the JSON Schema (2020-12) that declares them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from joinedup.conformance.anatomy import as_fragment, look_up, tokens_of
from joinedup.conformance.expectations import claim
from joinedup.conformance.responses import BACKTRACK_LIMIT
from joinedup.scenarios.model import Document, Workflow

_URN = "urn:joinedup:arazzo"
MAX_DEPTH = 20


@dataclass(frozen=True, eq=False)
class Inputs:
    """
    What the inputs of one workflow must be.

    Args:
        fault: why the schema cannot be used, as a phrase; empty where it can.
    """

    document: Mapping[str, Any]
    schema: Mapping[str, Any]
    validator: jsonschema_rs.Validator | None
    fault: str = ""

    def completed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs with the defaults of those that are not given; objects that are given are completed too."""
        return dict(self._filled(dict(given), self.schema, 0))

    def _filled(self, value: Any, schema: object, depth: int) -> Any:
        schema = self._followed(schema)
        if not isinstance(value, dict) or depth > MAX_DEPTH:
            return value
        for part in schema.get("allOf") or ():
            value = self._filled(value, part, depth + 1)
        properties = schema.get("properties")
        for name, written in properties.items() if isinstance(properties, dict) else ():
            inner = self._followed(written)
            if name not in value and "default" in inner:
                value = {**value, name: copy.deepcopy(inner["default"])}
            elif isinstance(value.get(name), dict):
                value = {**value, name: self._filled(value[name], inner, depth + 1)}
        return value

    def _followed(self, schema: object) -> dict[str, Any]:
        for _ in range(MAX_DEPTH):
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                break
            try:
                schema = look_up(self.document, tokens_of(schema["$ref"]))
            except KeyError:
                return {}
        return schema if isinstance(schema, dict) else {}

    def faults(self, inputs: Mapping[str, Any]) -> list[str]:
        """What is wrong with inputs, a sentence each; no value is told."""
        if self.validator is None:
            return []
        try:
            return [_sentence(error) for error in self.validator.iter_errors(dict(inputs))]
        except ValueError:
            return ["The inputs hold a value that cannot be read as JSON."]


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    place = "".join(f"/{token}" for token in error.instance_path)
    if error.kind.name == "required" and not place:
        return f"The input {getattr(error.kind, 'property', '')} is needed and was not given."
    subject = f"The input {place[1:]}" if place else "The set of inputs"
    return f"It was expected that {subject[0].lower()}{subject[1:]} {claim(error)}."


def inputs_of(document: Document, workflow: Workflow) -> Inputs:
    """What the inputs of a workflow must be; anything where it declares none."""
    if workflow.inputs is None:
        return Inputs(document.raw, {}, None)
    try:
        validator = jsonschema_rs.Draft202012Validator(
            {"$ref": _URN + as_fragment(f"{workflow.place.pointer}/inputs")},
            registry=jsonschema_rs.Registry([(_URN, dict(document.raw))], draft=jsonschema_rs.Draft202012),
            validate_formats=True,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT),
            offline=True,
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return Inputs(document.raw, workflow.inputs, None, str(error).splitlines()[0][:200])
    return Inputs(document.raw, workflow.inputs, validator)
