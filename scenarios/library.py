"""
Link documents: every source description to its contract or document, every step to what it calls.

A ``Library`` reads each file once. Files are read from the folder of the document that was asked for, from folders
that whoever made the library names, and from the bundled ones; from nowhere else, and nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from joinedup.conformance.contract import Contract, load_contract
from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.operations import Operation
from joinedup.scenarios.documents import load
from joinedup.scenarios.inputs import Inputs, inputs_of
from joinedup.scenarios.model import Document, Place, Problem, SourceDescription, Step, Workflow

MOST_DOCUMENTS = 100
_HERE = Path(__file__).parent.resolve()
BUNDLED = (_HERE, _HERE.parent / "mocks" / "contracts")
"""Folders of the package itself, which any document may refer to."""
JOURNEYS = _HERE / "journeys"
CAPABILITIES = _HERE / "capabilities"
_OPERATION_PATH = re.compile(r"\{?\$sourceDescriptions\.([\w-]+)\.url\}?#/paths/([^/]+)/([a-z]+)")
_REFERENCE = re.compile(r"\$sourceDescriptions\.([\w-]+)\.(.+)")


@dataclass(frozen=True)
class Live:
    """
    What takes the place of a contract.

    Args:
        base_url: where the system answers; empty for what the contract says.
        contract: its contract; None for the one that the document names.
    """

    base_url: str = ""
    contract: Contract | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """A system that a document calls."""

    name: str
    system: str
    contract: Contract
    base_url: str


@dataclass(frozen=True, eq=False)
class Call:
    """The operation that a step calls."""

    source: Source
    operation: Operation


@dataclass(frozen=True, eq=False)
class Callee:
    """The workflow that a step, an action or a dependency names."""

    linked: Linked
    workflow: Workflow


@dataclass(eq=False)
class Linked:
    """
    A document with everything that it refers to.

    Args:
        sources: contracts by name of source description.
        documents: other documents by name of source description.
        calls: what each step calls, by (workflow, step); steps whose operation is not there are missing.
        problems: what does not fit together, beside the document's own.
    """

    document: Document
    sources: dict[str, Source] = field(default_factory=dict)
    documents: dict[str, Linked] = field(default_factory=dict)
    calls: dict[tuple[str, str], Call] = field(default_factory=dict)
    inputs: dict[str, Inputs] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def callee(self, reference: str) -> Callee | None:
        """The workflow that a reference names, or none."""
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            own = self.document.workflows.get(reference)
            return Callee(self, own) if own else None
        other = self.documents.get(match[1])
        workflow = other.document.workflows.get(match[2]) if other else None
        return Callee(other, workflow) if other and workflow else None

    @property
    def addresses(self) -> dict[str, str]:
        """The address of each source description, for ``$sourceDescriptions.<name>.url``."""
        found = {name: description.url for name, description in self.document.sources.items()}
        return found | {name: source.base_url for name, source in self.sources.items()}

    def note(self, place: Place, sentence: str) -> None:
        """Note that something does not fit."""
        self.problems.append(Problem(place, sentence))


class Library:
    """
    Documents by path, linked.

    Args:
        live: what takes the place of a contract, by name of the source description or of its system.
        bindings: documents that take the place of others, by name of the source description.
        folders: further folders from which documents and contracts may be read.
    """

    def __init__(
        self,
        *,
        live: Mapping[str, Live] | None = None,
        bindings: Mapping[str, str | Path] | None = None,
        folders: Iterable[str | Path] = (),
    ) -> None:
        self.live = dict(live or {})
        self.bindings = {name: Path(path).resolve() for name, path in (bindings or {}).items()}
        self._roots = [*BUNDLED, *(Path(folder).resolve() for folder in folders)]
        self._roots += [path.parent for path in self.bindings.values()]
        self._linked: dict[Path, Linked] = {}
        self._contracts: dict[Path, Contract] = {}

    def open(self, path: str | Path) -> Linked:
        """
        The document at a path, linked; what is wrong with it is in ``problems``.

        Raises:
            ConfigurationError: it cannot be read, or is no Arazzo 1.0 document.
        """
        place = Path(path).resolve()
        if place.parent not in self._roots:
            self._roots.append(place.parent)
        return self._open(place)

    def _open(self, place: Path) -> Linked:
        if place in self._linked:
            return self._linked[place]
        if len(self._linked) >= MOST_DOCUMENTS:
            raise ConfigurationError(f"More than {MOST_DOCUMENTS} documents refer to each other.")
        linked = self._linked[place] = Linked(load(place))
        for description in linked.document.sources.values():
            self._resolve(linked, description, place.parent)
        return link(linked)

    def _resolve(self, linked: Linked, description: SourceDescription, folder: Path) -> None:
        try:
            if description.kind == "arazzo" or description.name in self.bindings:
                linked.documents[description.name] = self._document(description, folder)
            else:
                linked.sources[description.name] = self._source(description, folder)
        except ConfigurationError as error:
            linked.note(description.place, str(error))

    def _document(self, description: SourceDescription, folder: Path) -> Linked:
        bound = self.bindings.get(description.name)
        return self._open(bound or self._located(description.url, folder))

    def _source(self, description: SourceDescription, folder: Path) -> Source:
        live = self.live.get(description.name) or self.live.get(description.system) or Live()
        contract = live.contract or self._contract(self._located(description.url, folder))
        return Source(description.name, description.system, contract, live.base_url or _server(contract))

    def _contract(self, place: Path) -> Contract:
        if place.parent in BUNDLED:
            return _bundled_contract(place)
        if place not in self._contracts:
            self._contracts[place] = load_contract(place.name, folder=place.parent)
        return self._contracts[place]

    def _located(self, url: str, folder: Path) -> Path:
        parts = urlsplit(url)
        if parts.scheme or parts.netloc:
            raise ConfigurationError(
                f"The source description leads to {url[:200]}, and nothing is fetched.",
                hint="Save the document beside this one and name the file.",
            )
        place = (folder / unquote(parts.path)).resolve()
        if not any(place.is_relative_to(root) for root in self._roots):
            raise ConfigurationError(
                f"The source description leads to {url[:200]}, which is outside the document's folder.",
                hint="Put the file into the document's folder.",
            )
        return place


@cache
def _bundled_contract(place: Path) -> Contract:
    """A contract of the package, which is never changed: read once in a process, for every library."""
    return load_contract(place.name, folder=place.parent)


def _server(contract: Contract) -> str:
    servers = contract.document.get("servers") or [{}]
    url = servers[0].get("url", "") if isinstance(servers[0], dict) else ""
    return str(url).rstrip("/")


def link(linked: Linked) -> Linked:
    """See which operation each step calls and what each workflow takes, once its sources are there."""
    for workflow in linked.document.workflows.values():
        inputs = linked.inputs[workflow.id] = inputs_of(linked.document, workflow)
        if inputs.fault:
            linked.note(workflow.place, f"inputs is no JSON Schema that can be used: {inputs.fault}.")
        for step in workflow.steps:
            if not step.workflow:
                call = _call(linked, step)
                if call is not None:
                    linked.calls[workflow.id, step.id] = call
    return linked


def _call(linked: Linked, step: Step) -> Call | None:
    if step.operation_id:
        return _by_id(linked, step)
    return _by_path(linked, step) if step.operation_path else None


def _by_id(linked: Linked, step: Step) -> Call | None:
    match = _REFERENCE.fullmatch(step.operation_id)
    if match is not None:
        source = linked.sources.get(match[1])
        if source is None:
            _no_source(linked, step, match[1])
            return None
        found = [Call(source, operation) for operation in _operations(source, match[2])]
    else:
        sources = linked.sources.values()
        found = [Call(source, o) for source in sources for o in _operations(source, step.operation_id)]
    if len(found) == 1:
        return found[0]
    if found:
        named = ", ".join(f"$sourceDescriptions.{call.source.name}.{step.operation_id}" for call in found)
        linked.note(
            step.place, f"The operationId {step.operation_id!r} is in several sources: write one of {named}."
        )
    elif match is not None or len(linked.sources) == _contracts_of(linked):
        linked.note(
            step.place,
            f"There is no operation {step.operation_id[:120]!r}{_near(linked, step.operation_id)}.",
        )
    return None


def _contracts_of(linked: Linked) -> int:
    """How many contracts the document names: where one could not be read, that is told instead."""
    return sum(description.kind == "openapi" for description in linked.document.sources.values())


def _operations(source: Source, identifier: str) -> list[Operation]:
    return [o for o in source.contract.operations if o.operation_id == identifier]


def _near(linked: Linked, identifier: str) -> str:
    wanted = identifier.rpartition(".")[2].casefold()
    names = [o.operation_id for source in linked.sources.values() for o in source.contract.operations]
    near = [name for name in names if name.casefold() == wanted] or sorted(names)[:8]
    return f"; there are for instance {', '.join(near)}" if near else ""


def _by_path(linked: Linked, step: Step) -> Call | None:
    match = _OPERATION_PATH.fullmatch(step.operation_path)
    if match is None:
        linked.note(
            step.place,
            "An operationPath is of the form {$sourceDescriptions.<name>.url}#/paths/<path>/<method>.",
        )
        return None
    source = linked.sources.get(match[1])
    if source is None:
        _no_source(linked, step, match[1])
        return None
    path = unquote(match[2]).replace("~1", "/").replace("~0", "~")
    operation = source.contract.operation(f"{match[3].upper()} {path}")
    if operation is None:
        linked.note(step.place, f"The contract {match[1]} has no operation {match[3].upper()} {path}.")
        return None
    return Call(source, operation)


def _no_source(linked: Linked, step: Step, name: str) -> None:
    description = linked.document.sources.get(name)
    if description is None:
        listed = ", ".join(linked.document.sources) or "none"
        linked.note(step.place, f"There is no source description {name!r}; there are: {listed}.")
    elif description.kind != "openapi":
        linked.note(step.place, f"The source description {name!r} is no contract, so it has no operations.")
