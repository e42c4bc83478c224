"""
Repairs to what breaks tools in a contract; each is reported, none silences a defect.

A repair puts in place the least that lets the rest be tested: what the writer most likely meant where that is plain,
else an object that allows anything, else nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joinedup.conformance import notes
from joinedup.conformance.anatomy import Part, parts_of, pointer_to
from joinedup.conformance.notes import Note
from joinedup.conformance.operations import followed
from joinedup.conformance.problems import Problems
from joinedup.conformance.references import REMOVED, sweep
from joinedup.conformance.schemas import SchemaRepair
from joinedup.conformance.templates import PathRepair

_STATUS = re.compile(r"[1-5](?:\d\d|XX)|default")
_LOCATIONS = frozenset({"path", "query", "header", "cookie"})
_IGNORED_HEADERS = frozenset({"authorization"})
_BEARER = {"type": "http", "scheme": "bearer"}
_NO_RESPONSES = {"default": {"description": "The contract does not say what this operation answers."}}


def repair(document: dict[str, Any], version: str, problems: Problems) -> Mapping[str, str]:
    """
    Mend a document in place, its references already brought in, and note each repair.

    Returns:
        Paths as written to paths as mended; those that were left out are missing.
    """
    return _Repair(document, version, problems).run()


@dataclass
class _Repair:
    document: dict[str, Any]
    version: str
    problems: Problems

    def note(self, note: Note, pointer: str, actual: str) -> None:
        note.to(self.problems, pointer, actual)

    def run(self) -> Mapping[str, str]:
        paths = PathRepair(self.document, self.problems)
        paths.run()
        schemas = SchemaRepair(self.version, self.problems)
        for part in parts_of(self.document):
            if part.kind == "schema":
                schemas.mend(part)
            elif part.kind in _BY_KIND and isinstance(part.value, dict):
                _BY_KIND[part.kind](self, part)
        sweep(self.document)
        self._operation_ids()
        self._security()
        return paths.renamed

    # Parts

    def parameter(self, part: Part) -> None:
        node = part.value
        if "$ref" in node:
            return
        if not isinstance(node.get("name"), str) or node.get("in") not in _LOCATIONS:
            actual = f"This one has name {node.get('name')!r} and place {node.get('in')!r}; it was left out."
            self.note(notes.BAD_PARAMETER, part.pointer, actual)
            part.put(REMOVED)
            return
        if node["in"] == "path" and node.get("required") is not True:
            self.note(notes.OPTIONAL_PARAMETER, part.pointer, f"{node['name']} was taken to be required.")
            node["required"] = True
        if not isinstance(node.get("schema"), dict) and not node.get("content"):
            self._give_schema(part, node)
        if node["in"] == "header":
            self._header_examples(part, node)

    def _give_schema(self, part: Part, node: dict[str, Any]) -> None:
        beside = {key: node.pop(key) for key in ("type", "format", "enum", "pattern", "items") if key in node}
        node["schema"] = beside or {"type": "string"}
        taken = "what stands beside its name was taken as one" if beside else "it was taken to be a string"
        self.note(notes.BAD_PARAMETER, part.pointer, f"{node['name']} has no schema; {taken}.")

    def _header_examples(self, part: Part, node: dict[str, Any]) -> None:
        for holder, key in _header_example_places(node):
            text = holder[key]
            if isinstance(text, str) and not _is_sendable(text):
                mended = "".join(letter for letter in text if " " <= letter <= "~").strip()
                holder[key] = mended
                self.note(notes.HEADER_EXAMPLE, part.pointer, f"The example of {node['name']} was trimmed.")

    def request_body(self, part: Part) -> None:
        if "$ref" not in part.value and not isinstance(part.value.get("content"), dict):
            self.note(notes.NO_BODY, part.pointer, "This one names none; it was taken to hold any JSON.")
            part.value["content"] = {"application/json": {"schema": {}}}

    def operation(self, part: Part) -> None:
        node = part.value
        self._one_of_each(node, part.pointer)
        self._authorization(node, part.pointer)
        responses = node.get("responses")
        if not isinstance(responses, dict) or not any(not key.startswith("x-") for key in responses):
            self.note(
                notes.NO_RESPONSE, part.pointer, "This one declares none; no answer of it can be judged."
            )
            node["responses"] = {key: dict(value) for key, value in _NO_RESPONSES.items()}
        else:
            node["responses"] = dict(self._statuses(responses, part.pointer))

    def _one_of_each(self, node: dict[str, Any], pointer: str) -> None:
        seen: set[tuple[object, object]] = set()
        for index, written in enumerate(node.get("parameters", ())):
            parameter = followed(self.document, written)[0]
            key = (parameter.get("name"), parameter.get("in"))
            if parameter and key in seen:
                actual = f"{key[0]} in {key[1]} is described again; the first counts."
                self.note(notes.SAME_PARAMETER, f"{pointer}/parameters/{index}", actual)
                node["parameters"][index] = REMOVED
            seen.add(key)

    def _authorization(self, node: dict[str, Any], pointer: str) -> None:
        """OpenAPI ignores such a parameter, and generators would fill it with noise instead of a credential."""
        found = []
        for index, written in enumerate(node.get("parameters", ())):
            parameter = followed(self.document, written)[0]
            if parameter.get("in") == "header" and str(parameter.get("name")).lower() in _IGNORED_HEADERS:
                found.append(parameter)
                node["parameters"][index] = REMOVED
        if not found:
            return
        then = "it was left out, since a security scheme is in force"
        if not node.get("security", self.document.get("security")):
            node["security"] = [{"Authorization": []}, *([] if found[0].get("required") is True else [{}])]
            then = "a bearer token is assumed"
        self.note(notes.HEADER_PARAMETER, pointer, f"Authorization is a parameter here; {then}.")

    def _statuses(self, responses: dict[str, Any], pointer: str) -> Iterator[tuple[str, Any]]:
        for status, response in responses.items():
            if status.startswith("x-") or _STATUS.fullmatch(status):
                yield status, response
                continue
            mended = status.strip().upper() if status.strip().lower() != "default" else "default"
            found = _STATUS.match(mended)
            at = pointer + pointer_to("responses", status)[1:]
            if found:
                self.note(notes.BAD_STATUS, at, f"{status} was taken to mean {found[0]}.")
                yield found[0], response
            else:
                self.note(notes.BAD_STATUS, at, f"{status} is none; it was left out.")

    # Names and security

    def _operation_ids(self) -> None:
        seen: dict[str, int] = {}
        for part in parts_of(self.document):
            if part.kind == "operation" and isinstance(part.value, dict) and "operationId" in part.value:
                name = str(part.value["operationId"])
                seen[name] = seen.get(name, 0) + 1
                if seen[name] > 1:
                    part.value["operationId"] = f"{name}_{seen[name]}"
                    self.note(
                        notes.SAME_ID,
                        part.pointer,
                        f"{name} is used again; it was taken as {name}_{seen[name]}.",
                    )

    def _security(self) -> None:
        schemes = self.document["components"].setdefault("securitySchemes", {})
        for name, scheme in list(schemes.items()):
            fault = _scheme_fault(followed(self.document, scheme)[0])
            if fault:
                pointer = pointer_to("components", "securitySchemes", name)
                self.note(notes.BAD_SCHEME, pointer, f"{name} {fault}; a bearer token is assumed.")
                schemes[name] = dict(_BEARER)
        for holder, pointer in self._security_holders():
            self._requirements(holder, pointer, schemes)

    def _security_holders(self) -> Iterator[tuple[dict[str, Any], str]]:
        if "security" in self.document:
            yield self.document, "#/security"
        for part in parts_of(self.document):
            if part.kind == "operation" and isinstance(part.value, dict) and "security" in part.value:
                yield part.value, f"{part.pointer}/security"

    def _requirements(self, holder: dict[str, Any], pointer: str, schemes: dict[str, Any]) -> None:
        for name in [name for wanted in holder["security"] for name in wanted]:
            if name not in schemes:
                schemes[name] = dict(_BEARER)
                if name != "Authorization":
                    self.note(notes.NO_SCHEME, pointer, f"{name} is not defined; a bearer token is assumed.")


_BY_KIND: dict[str, Callable[[_Repair, Part], None]] = {
    "parameter": _Repair.parameter,
    "request-body": _Repair.request_body,
    "operation": _Repair.operation,
}


def _is_sendable(text: str) -> bool:
    return text == text.strip() and all(" " <= letter <= "~" for letter in text)


def _header_example_places(node: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for holder in (node, node.get("schema")):
        if isinstance(holder, dict) and "example" in holder:
            yield holder, "example"
    named = node.get("examples")
    for example in named.values() if isinstance(named, dict) else ():
        if isinstance(example, dict) and "value" in example:
            yield example, "value"


_SCHEME_NEEDS: dict[str, tuple[str, ...]] = {
    "apiKey": ("name", "in"),
    "http": ("scheme",),
    "oauth2": ("flows",),
    "openIdConnect": ("openIdConnectUrl",),
    "mutualTLS": (),
}


def _scheme_fault(scheme: dict[str, Any]) -> str:
    kind = scheme.get("type")
    if kind not in _SCHEME_NEEDS:
        return "has no type" if kind is None else f"has the unknown type {kind!r}"
    missing = [key for key in _SCHEME_NEEDS[kind] if not scheme.get(key)]
    return f"lacks {' and '.join(missing)}" if missing else ""
