"""
Repairs to what breaks tools in a contract; each is reported, none silences a defect.

A repair puts in place the least that lets the rest be tested: what the writer most likely meant where that is plain,
else an object that allows anything, else nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.anatomy import METHODS, SECTIONS, Part, parts_of, pointer_to
from joinedup.conformance.operations import followed
from joinedup.conformance.problems import CONTRACT_SOUND, CONTRACT_VALID, Problem, Problems
from joinedup.conformance.references import REMOVED, sweep
from joinedup.conformance.schemas import SchemaRepair

_TEMPLATE = re.compile(r"(?:[^{}<>\s\"]|\{[^{}/<>\s]+\})*")
_VARIABLE = re.compile(r"\{([^{}]+)\}")
_PLAIN_NAME = re.compile(r"[\w.$~@-]+")
_CONVERTED_NAME = re.compile(r"(?:\*{1,2})?([\w.-]+)(?:[:?*+].*)?|[\w]+:([\w.-]+)")
_STATUS = re.compile(r"[1-5](?:\d\d|XX)|default")
_LOCATIONS = frozenset({"path", "query", "header", "cookie"})
_IGNORED_HEADERS = frozenset({"authorization"})
_BEARER = {"type": "http", "scheme": "bearer"}
_NO_RESPONSES = {"default": {"description": "The contract does not say what this operation answers."}}


@dataclass(frozen=True)
class Note:
    """What each kind of repair is called, and what was expected."""

    rule: str
    title: str
    expected: str
    requirement: str = CONTRACT_VALID


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


def repair(document: dict[str, Any], version: str, problems: Problems) -> None:
    """Mend a document in place, its references already brought in, and note each repair."""
    _Repair(document, version, problems).run()


@dataclass
class _Repair:
    document: dict[str, Any]
    version: str
    problems: Problems

    def note(self, note: Note, pointer: str, actual: str, *, repaired: bool = True) -> None:
        self.problems.add(
            Problem(
                note.rule, note.requirement, note.title, note.expected, actual, pointer, repaired=repaired
            )
        )

    def run(self) -> None:
        self._shape()
        self._paths()
        schemas = SchemaRepair(self.version, self.problems)
        for part in parts_of(self.document):
            if part.kind == "schema":
                schemas.mend(part)
            elif part.kind in _BY_KIND and isinstance(part.value, dict):
                _BY_KIND[part.kind](self, part)
        sweep(self.document)
        self._operation_ids()
        self._security()

    # The outline

    def _shape(self) -> None:
        """Objects where objects belong: what stands there instead is left out."""
        self._be_object(self.document, "paths", "#/paths")
        self._be_object(self.document, "components", "#/components")
        components = self.document["components"]
        for section in SECTIONS.values():
            if section in components:
                self._be_object(components, section, pointer_to("components", section))
        for part in parts_of(self.document):
            if part.kind not in {"schema", "literal", "example"} and not isinstance(part.value, dict):
                self._replace_misfit(part)
        sweep(self.document)

    def _be_object(self, holder: dict[str, Any], key: str, pointer: str) -> None:
        if not isinstance(holder.get(key), dict):
            if holder.get(key) is not None:
                self.note(NOT_AN_OBJECT, pointer, f"{key} is not an object; it was left out.")
            holder[key] = {}

    def _replace_misfit(self, part: Part) -> None:
        if part.value is None and part.kind in {"response", "media-type", "header"}:
            part.put({"description": ""} if part.kind == "response" else {})
            return
        self.note(
            NOT_AN_OBJECT, part.pointer, f"This {part.kind.replace('-', ' ')} is no object; it was left out."
        )
        part.put(REMOVED)

    # Paths

    def _paths(self) -> None:
        written = self.document["paths"]
        kept: dict[str, Any] = {}
        for path, item in written.items():
            mended = path if path.startswith("x-") else self._path(path)
            if mended is not None and isinstance(item, dict):
                kept[mended] = item if mended not in kept else {**item, **kept[mended]}
                if not path.startswith("x-"):
                    self._path_item(mended, item, pointer_to("paths", path))
        self.document["paths"] = kept
        self._same_paths(kept)

    def _path(self, path: str) -> str | None:
        pointer = pointer_to("paths", path)
        if not _TEMPLATE.fullmatch(path) or path.startswith(("{$", "http:", "https:")):
            self.note(
                NOT_A_TEMPLATE,
                pointer,
                f"{path} is not one, so its operations cannot be called; it was left out.",
            )
            return None
        mended = _VARIABLE.sub(_plain_variable, path)
        if not all(_PLAIN_NAME.fullmatch(name) for name in _VARIABLE.findall(mended)):
            self.note(NOT_A_TEMPLATE, pointer, f"{path} has a name that is not one; it was left out.")
            return None
        if mended != path:
            self.note(NOT_A_TEMPLATE, pointer, f"{path} was taken to mean {mended}.")
        if not mended.startswith("/"):
            self.note(NO_SLASH, pointer, f"{path} was taken to mean /{mended}.")
            mended = "/" + mended
        if "?" in mended or "#" in mended:
            self.note(FRAGMENT, pointer, f"The path is {path}.", repaired=False)
        return mended

    def _same_paths(self, paths: dict[str, Any]) -> None:
        first: dict[str, str] = {}
        for path in paths:
            shape = _VARIABLE.sub("{}", path)
            if first.setdefault(shape, path) != path:
                actual = f"{path} and {first[shape]} are the same path."
                self.note(SAME_PATH, pointer_to("paths", path), actual, repaired=False)

    def _path_item(self, path: str, item: dict[str, Any], pointer: str) -> None:
        resolved, at = followed(self.document, item, pointer)
        shared = self._parameter_names(resolved, at)
        names = set(_VARIABLE.findall(path))
        self._drop_unused(resolved, at, names, path)
        for method in METHODS:
            operation = resolved.get(method)
            if isinstance(operation, dict):
                where = f"{at}/{method}"
                self._drop_unused(operation, where, names, path)
                missing = [
                    n
                    for n in _VARIABLE.findall(path)
                    if n not in shared | self._parameter_names(operation, where)
                ]
                for name in dict.fromkeys(missing):
                    self._add_parameter(operation, where, name)

    def _parameter_names(self, holder: dict[str, Any], pointer: str) -> set[str]:
        if not isinstance(holder.get("parameters", []), list):
            self.note(
                NOT_AN_OBJECT, f"{pointer}/parameters", "The parameters are not a list; they were left out."
            )
            del holder["parameters"]
        found = (followed(self.document, written)[0] for written in holder.get("parameters", ()))
        return {str(parameter.get("name")) for parameter in found if parameter.get("in") == "path"}

    def _drop_unused(self, holder: dict[str, Any], pointer: str, names: set[str], path: str) -> None:
        kept = []
        for index, written in enumerate(holder.get("parameters", ())):
            parameter = followed(self.document, written)[0]
            if parameter.get("in") == "path" and str(parameter.get("name")) not in names:
                actual = f"{parameter.get('name')} is not in {path}; it was left out."
                self.note(UNUSED_PARAMETER, f"{pointer}/parameters/{index}", actual)
            else:
                kept.append(written)
        if "parameters" in holder:
            holder["parameters"] = kept

    def _add_parameter(self, operation: dict[str, Any], pointer: str, name: str) -> None:
        self.note(UNDECLARED_PARAMETER, pointer, f"{name} is not described; it was taken to be a string.")
        added = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        operation["parameters"] = [*operation.get("parameters", ()), added]

    # Parts

    def parameter(self, part: Part) -> None:
        node = part.value
        if "$ref" in node:
            return
        if not isinstance(node.get("name"), str) or node.get("in") not in _LOCATIONS:
            actual = f"This one has name {node.get('name')!r} and place {node.get('in')!r}; it was left out."
            self.note(BAD_PARAMETER, part.pointer, actual)
            part.put(REMOVED)
            return
        if node["in"] == "path" and node.get("required") is not True:
            self.note(OPTIONAL_PARAMETER, part.pointer, f"{node['name']} was taken to be required.")
            node["required"] = True
        if not isinstance(node.get("schema"), dict) and not node.get("content"):
            self._give_schema(part, node)
        if node["in"] == "header":
            self._header_examples(part, node)

    def _give_schema(self, part: Part, node: dict[str, Any]) -> None:
        beside = {key: node.pop(key) for key in ("type", "format", "enum", "pattern", "items") if key in node}
        node["schema"] = beside or {"type": "string"}
        taken = "what stands beside its name was taken as one" if beside else "it was taken to be a string"
        self.note(BAD_PARAMETER, part.pointer, f"{node['name']} has no schema; {taken}.")

    def _header_examples(self, part: Part, node: dict[str, Any]) -> None:
        for holder, key in _header_example_places(node):
            text = holder[key]
            if isinstance(text, str) and not _is_sendable(text):
                mended = "".join(letter for letter in text if " " <= letter <= "~").strip()
                holder[key] = mended
                self.note(HEADER_EXAMPLE, part.pointer, f"The example of {node['name']} was trimmed.")

    def request_body(self, part: Part) -> None:
        if "$ref" not in part.value and not isinstance(part.value.get("content"), dict):
            self.note(NO_BODY, part.pointer, "This one names none; it was taken to hold any JSON.")
            part.value["content"] = {"application/json": {"schema": {}}}

    def operation(self, part: Part) -> None:
        node = part.value
        self._one_of_each(node, part.pointer)
        self._authorization(node, part.pointer)
        responses = node.get("responses")
        if not isinstance(responses, dict) or not any(not key.startswith("x-") for key in responses):
            self.note(NO_RESPONSE, part.pointer, "This one declares none; no answer of it can be judged.")
            node["responses"] = {key: dict(value) for key, value in _NO_RESPONSES.items()}
        else:
            node["responses"] = dict(self._statuses(responses, part.pointer))

    def _one_of_each(self, node: dict[str, Any], pointer: str) -> None:
        seen: set[tuple[object, object]] = set()
        kept = []
        for index, written in enumerate(node.get("parameters", ())):
            parameter = followed(self.document, written)[0]
            key = (parameter.get("name"), parameter.get("in"))
            if parameter and key in seen:
                actual = f"{key[0]} in {key[1]} is described again; the first counts."
                self.note(SAME_PARAMETER, f"{pointer}/parameters/{index}", actual)
            else:
                kept.append(written)
            seen.add(key)
        if "parameters" in node:
            node["parameters"] = kept

    def _authorization(self, node: dict[str, Any], pointer: str) -> None:
        """OpenAPI ignores such a parameter, and generators would fill it with noise instead of a credential."""
        described = [
            followed(self.document, written)[0]
            for written in node.get("parameters", ())
            if isinstance(written, dict)
        ]
        found = [
            p for p in described if p.get("in") == "header" and str(p.get("name")).lower() in _IGNORED_HEADERS
        ]
        if not found:
            return
        node["parameters"] = [
            written
            for written, parameter in zip(node["parameters"], described, strict=True)
            if parameter not in found
        ]
        then = "it was left out, since a security scheme is in force"
        if not node.get("security", self.document.get("security")):
            node["security"] = [{"Authorization": []}, *([] if found[0].get("required") is True else [{}])]
            then = "a bearer token is assumed"
        self.note(HEADER_PARAMETER, pointer, f"Authorization is a parameter here; {then}.")

    def _statuses(self, responses: dict[str, Any], pointer: str) -> Iterator[tuple[str, Any]]:
        for status, response in responses.items():
            if status.startswith("x-") or _STATUS.fullmatch(status):
                yield status, response
                continue
            mended = status.strip().upper() if status.strip().lower() != "default" else "default"
            found = _STATUS.match(mended)
            at = pointer + pointer_to("responses", status)[1:]
            if found:
                self.note(BAD_STATUS, at, f"{status} was taken to mean {found[0]}.")
                yield found[0], response
            else:
                self.note(BAD_STATUS, at, f"{status} is none; it was left out.")

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
                        SAME_ID, part.pointer, f"{name} is used again; it was taken as {name}_{seen[name]}."
                    )

    def _security(self) -> None:
        schemes = self.document["components"].setdefault("securitySchemes", {})
        for name, scheme in list(schemes.items()):
            fault = _scheme_fault(followed(self.document, scheme)[0])
            if fault:
                pointer = pointer_to("components", "securitySchemes", name)
                self.note(BAD_SCHEME, pointer, f"{name} {fault}; a bearer token is assumed.")
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
        if not isinstance(holder["security"], list):
            self.note(NOT_AN_OBJECT, pointer, "The security requirements are not a list; they were left out.")
            del holder["security"]
            return
        holder["security"] = [wanted for wanted in holder["security"] if isinstance(wanted, dict)]
        for name in [name for wanted in holder["security"] for name in wanted]:
            if name not in schemes:
                schemes[name] = dict(_BEARER)
                if name != "Authorization":
                    self.note(NO_SCHEME, pointer, f"{name} is not defined; a bearer token is assumed.")


_BY_KIND: dict[str, Callable[[_Repair, Part], None]] = {
    "parameter": _Repair.parameter,
    "request-body": _Repair.request_body,
    "operation": _Repair.operation,
}


def _plain_variable(match: re.Match[str]) -> str:
    """``{path:.*}``, ``{id?}`` and ``{*rest}`` as frameworks write them, without what is not the name."""
    if _PLAIN_NAME.fullmatch(match[1]):
        return match[0]
    found = _CONVERTED_NAME.fullmatch(match[1])
    return "{" + (found[1] or found[2]) + "}" if found else match[0]


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
