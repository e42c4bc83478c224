"""
References of a contract: brought into one document, never followed outside its own folder or host.

::

    a reference       →  leads to                       becomes
    #/…                  something in the document      itself
                         nothing                        the one thing of that name, else an open object
    child.yaml#/…        a file in the folder           a component of the document
    ../x, https://…      another folder or host         an open object, nothing is read
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from joinedup.conformance.anatomy import SECTIONS, Part, Path, look_up, parts_of, pointer_to, tokens_of
from joinedup.conformance.document import parse_document
from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.operations import MAX_REFERENCES
from joinedup.conformance.problems import CONTRACT_SOUND, CONTRACT_VALID, Problem, Problems
from joinedup.conformance.surroundings import OutsideError, Surroundings

MAX_IMPORTS = 5_000

REMOVED = object()
"""Put in the place of what cannot be mended; ``swept`` takes it out."""

_OPEN: dict[str, Any] = {
    "schema": {},
    "header": {"schema": {}},
    "media-type": {},
    "encoding": {},
    "response": {"description": "What the contract says of this answer cannot be read."},
    "request-body": {"content": {"application/json": {"schema": {}}}},
    "security-scheme": {"type": "http", "scheme": "bearer"},
}
"""What stands in for an object that cannot be read; other kinds are left out."""


@dataclass
class Bundler:
    """
    Brings everything that a document refers to into the document.

    Args:
        document: changed in place.
        surroundings: what may be read beside it.
        problems: where each fault is noted.
    """

    document: dict[str, Any]
    version: str
    surroundings: Surroundings
    problems: Problems
    _names: dict[tuple[str, str], Path] = field(default_factory=dict)
    _files: dict[str, Any] = field(default_factory=dict)
    _imports: int = 0

    def run(self) -> None:
        """Resolve every reference that leaves the document, then mend those that stay in it."""
        identifiers = _identifiers(self.document)
        for part in parts_of(self.document):
            reference = reference_of(part)
            if reference is None:
                continue
            if reference in identifiers:
                part.put({**part.value, "$ref": pointer_to(*identifiers[reference])})
            elif not reference.startswith("#"):
                self._bring_in(part, reference)
        for part in parts_of(self.document):
            reference = reference_of(part)
            if reference is not None:
                self._mend_local(part, reference)
        sweep(self.document)

    def _bring_in(self, part: Part, reference: str) -> None:
        location, _, fragment = reference.partition("#")
        try:
            place = self.surroundings.locate(location)
            found = look_up(self._file(place), tokens_of("#" + fragment))
        except OutsideError as error:
            self._refuse(part, reference, error)
        except KeyError:
            self._refuse(part, reference, OutsideError("leads to a place in that file that does not exist"))
        else:
            self._import(part, place, fragment, found)

    def _file(self, place: str) -> Any:
        if place == self.surroundings.own:
            return self.document
        if place not in self._files:
            text = self.surroundings.read(place)
            try:
                self._files[place] = parse_document(text, origin=place).value
            except ConfigurationError as error:
                raise OutsideError(
                    f"leads to a file that cannot be read ({error.message.rstrip('.')})"
                ) from error
        return self._files[place]

    def _import(self, part: Part, place: str, fragment: str, found: object) -> None:
        if place == self.surroundings.own:
            part.put({**part.value, "$ref": "#" + fragment})
            return
        self._imports += 1
        if self._imports > MAX_IMPORTS:
            self._refuse(part, part.value["$ref"], OutsideError(f"is one of more than {MAX_IMPORTS:,} such"))
            return
        if part.kind == "literal":
            part.put(copy.deepcopy(found))
        elif part.kind in SECTIONS and (part.kind != "path-item" or self.version.startswith("3.1")):
            siblings = {key: value for key, value in part.value.items() if key != "$ref"}
            pointer = self._component(part.kind, place, fragment, found)
            part.put({**siblings, "$ref": pointer_to(*pointer)})
        else:
            part.put(self._relocated(part.kind, place, found))

    def _component(self, kind: str, place: str, fragment: str, found: object) -> Path:
        key = (kind, f"{place}#{fragment}")
        if key not in self._names:
            section = self.document.setdefault("components", {}).setdefault(SECTIONS[kind], {})
            name = _free_name(section, place, fragment)
            self._names[key] = ("components", SECTIONS[kind], name)
            section[name] = {}
            section[name] = self._relocated(kind, place, found)
            self._follow(section, name, kind)
        return self._names[key]

    def _follow(self, section: dict[str, Any], name: str, kind: str) -> None:
        path = ("components", SECTIONS[kind], name)
        for part in parts_of(section[name], kind, path):
            reference = reference_of(part)
            if reference is not None and not reference.startswith("#"):
                holder = section if part.path == path else part.holder
                key = name if part.path == path else part.key
                self._bring_in(Part(part.path, part.kind, part.value, holder, key), reference)

    def _relocated(self, kind: str, place: str, found: object) -> Any:
        """A copy whose references are written as seen from the contract itself."""
        if kind == "example" and not (
            isinstance(found, dict) and {"value", "externalValue", "$ref"} & found.keys()
        ):
            return {"value": copy.deepcopy(found)}
        copied = copy.deepcopy(found)
        root = {"": copied}
        for part in parts_of(copied, kind) if isinstance(copied, dict) else ():
            reference = reference_of(part)
            if reference is not None:
                value = {**part.value, "$ref": self.surroundings.seen_from(place, reference)}
                (root if part.path == () else part.holder)[part.key] = value
        return root[""]

    def _refuse(self, part: Part, reference: str, error: OutsideError) -> None:
        self.problems.add(
            Problem(
                rule="example-not-readable" if _is_example(part) else "reference-not-readable",
                requirement=CONTRACT_SOUND if _is_example(part) else CONTRACT_VALID,
                title=f"{'An example' if _is_example(part) else 'A reference'} leads to something that cannot be read",
                expected="Every reference leads to something in the document or in its own folder or host.",
                actual=f"{reference} {error}; {_consequence(part.kind)}.",
                pointer=part.pointer,
            )
        )
        put_open(part)

    def _mend_local(self, part: Part, reference: str) -> None:
        target = _target(self.document, reference)
        if target is None:
            self._repoint(part, reference)
        elif _is_circular(self.document, part.value):
            self._note_circular(part, reference)
            put_open(part)
        elif part.kind == "literal":
            part.put(copy.deepcopy(look_up(self.document, target)))
        elif pointer_to(*target) != reference:
            part.put({**part.value, "$ref": pointer_to(*target)})

    def _repoint(self, part: Part, reference: str) -> None:
        found = _by_last_segment(self.document, part, reference)
        then = f"{pointer_to(*found)} was taken to be meant" if found else _consequence(part.kind)
        self.problems.add(
            Problem(
                rule="dangling-reference",
                requirement=CONTRACT_VALID,
                title="A reference leads to nothing",
                expected="Every reference leads to something in the document.",
                actual=f"{reference} does not exist; {then}.",
                pointer=part.pointer,
            )
        )
        if found:
            part.put({**part.value, "$ref": pointer_to(*found)})
        else:
            put_open(part)

    def _note_circular(self, part: Part, reference: str) -> None:
        self.problems.add(
            Problem(
                rule="circular-reference",
                requirement=CONTRACT_VALID,
                title="A reference leads back to itself",
                expected="Every chain of references ends at an object.",
                actual=f"{reference} leads back to itself; {_consequence(part.kind)}.",
                pointer=part.pointer,
            )
        )


def reference_of(part: Part) -> str | None:
    """The reference that stands at a place, if one does; in an example's data only where it is all there is."""
    if not isinstance(part.value, dict):
        return None
    reference = part.value.get("$ref")
    if not isinstance(reference, str) or (part.kind == "literal" and len(part.value) > 1):
        return None
    return reference


def put_open(part: Part) -> None:
    """Put an object that allows anything in a place, or nothing where the kind has no such object."""
    part.put(copy.deepcopy(_OPEN[part.kind]) if part.kind in _OPEN else REMOVED)


def _is_example(part: Part) -> bool:
    return part.kind in {"example", "literal"}


def _consequence(kind: str) -> str:
    if kind in {"schema", "header", "media-type", "encoding", "request-body", "response"}:
        return "any value is taken to match"
    if kind == "security-scheme":
        return "a bearer token is assumed"
    return f"this {kind.replace('literal', 'example').replace('-', ' ')} is left out"


def sweep(document: dict[str, Any]) -> None:
    """Take out what was marked as removed."""
    stack: list[Any] = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            for key in [key for key, child in node.items() if child is REMOVED]:
                del node[key]
            stack.extend(node.values())
        elif isinstance(node, list):
            node[:] = [child for child in node if child is not REMOVED]
            stack.extend(node)


def _identifiers(document: dict[str, Any]) -> dict[str, Path]:
    """The schemas that a 3.1 document names by ``$id`` or ``$anchor``, which references may use."""
    found: dict[str, Path] = {}
    for part in parts_of(document):
        if part.kind == "schema" and isinstance(part.value, dict):
            for key, prefix in (("$id", ""), ("$anchor", "#")):
                if isinstance(part.value.get(key), str) and part.value[key]:
                    found.setdefault(prefix + part.value[key], part.path)
    return found


def _target(document: dict[str, Any], reference: str) -> Path | None:
    tokens = tokens_of(reference)
    if not reference.startswith("#/"):
        return None
    try:
        found = look_up(document, tokens)
    except KeyError:
        return None
    return tokens if isinstance(found, dict | bool) or tokens[:2] == ("components", "examples") else None


def _is_circular(document: dict[str, Any], node: object) -> bool:
    for _ in range(MAX_REFERENCES):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return False
        target = _target(document, node["$ref"])
        if target is None:
            return False
        node = look_up(document, target)
    return True


def _by_last_segment(document: dict[str, Any], part: Part, reference: str) -> Path | None:
    """What a broken reference most likely means: nearest enclosing definitions first, then a component of that name."""
    tokens = tokens_of(reference)
    for length in range(len(part.path), 0, -1):
        nearby = (*part.path[:length], *tokens)
        if tokens and _target(document, pointer_to(*nearby)) is not None:
            return nearby
    section = SECTIONS.get(part.kind)
    last = tokens[-1] if tokens else reference.rpartition("/")[2].lstrip("#")
    components = document.get("components")
    held = components.get(section) if isinstance(components, dict) and section else None
    held = held if isinstance(held, dict) else {}
    same = [name for name in held if str(name).lower() == last.lower()]
    exact = [name for name in same if name == last] or same
    return ("components", str(section), exact[0]) if len(exact) == 1 else None


def _free_name(section: dict[str, Any], place: str, fragment: str) -> str:
    stem = fragment.rpartition("/")[2] or place.rpartition("/")[2].partition(".")[0]
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in stem) or "imported"
    count = 1
    while name in section:
        count += 1
        name = f"{name.rpartition('_')[0] if count > 2 else name}_{count}"
    return name
