"""
Repairs to paths: templates that are none, and parameters that do not go with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from joinedup.conformance import notes
from joinedup.conformance.anatomy import METHODS, pointer_to
from joinedup.conformance.notes import Note
from joinedup.conformance.operations import followed
from joinedup.conformance.problems import Problems
from joinedup.conformance.references import REMOVED

_TEMPLATE = re.compile(r"(?:[^{}<>\s\"]|\{[^{}/<>\s]+\})*")
_VARIABLE = re.compile(r"\{([^{}]+)\}")
_PLAIN_NAME = re.compile(r"[\w.$~@-]+")
_CONVERTED_NAME = re.compile(r"(?:\*{1,2})?([\w.-]+)(?:[:?*+].*)?|[\w]+:([\w.-]+)")


@dataclass
class PathRepair:
    """
    Mends the paths of a document.

    Args:
        document: changed in place.
        problems: where each repair is noted.
        renamed: paths as written to paths as mended, filled by ``run``.
    """

    document: dict[str, Any]
    problems: Problems
    renamed: dict[str, str] = field(default_factory=dict)

    def _note(self, note: Note, pointer: str, actual: str, *, repaired: bool = True) -> None:
        note.to(self.problems, pointer, actual, repaired=repaired)

    def run(self) -> None:
        """Mend every path, keeping their order."""
        written = self.document["paths"]
        kept: dict[str, Any] = {}
        for path, item in written.items():
            mended = path if path.startswith("x-") else self._path(path)
            if mended is not None and isinstance(item, dict):
                self.renamed[path] = mended
                kept[mended] = item if mended not in kept else {**item, **kept[mended]}
                if not path.startswith("x-"):
                    self._path_item(mended, item, pointer_to("paths", path))
        self.document["paths"] = kept
        self._same_paths(kept)

    def _path(self, path: str) -> str | None:
        pointer = pointer_to("paths", path)
        if not _TEMPLATE.fullmatch(path) or path.startswith(("{$", "http:", "https:")):
            self._note(
                notes.NOT_A_TEMPLATE,
                pointer,
                f"{path} is not one, so its operations cannot be called; it was left out.",
            )
            return None
        mended = _VARIABLE.sub(_plain_variable, path)
        if not all(_PLAIN_NAME.fullmatch(name) for name in _VARIABLE.findall(mended)):
            self._note(notes.NOT_A_TEMPLATE, pointer, f"{path} has a name that is not one; it was left out.")
            return None
        if mended != path:
            self._note(notes.NOT_A_TEMPLATE, pointer, f"{path} was taken to mean {mended}.")
        if not mended.startswith("/"):
            self._note(notes.NO_SLASH, pointer, f"{path} was taken to mean /{mended}.")
            mended = "/" + mended
        if "?" in mended or "#" in mended:
            self._note(notes.FRAGMENT, pointer, f"The path is {path}.", repaired=False)
        return mended

    def _same_paths(self, paths: dict[str, Any]) -> None:
        first: dict[str, str] = {}
        for path in paths:
            shape = _VARIABLE.sub("{}", path)
            if first.setdefault(shape, path) != path:
                actual = f"{path} and {first[shape]} are the same path."
                self._note(notes.SAME_PATH, pointer_to("paths", path), actual, repaired=False)

    def _path_item(self, path: str, item: dict[str, Any], pointer: str) -> None:
        resolved, at = followed(self.document, item, pointer)
        shared = self._parameter_names(resolved)
        names = set(_VARIABLE.findall(path))
        self._drop_unused(resolved, at, names, path)
        for method in METHODS:
            operation = resolved.get(method)
            if isinstance(operation, dict):
                where = f"{at}/{method}"
                self._drop_unused(operation, where, names, path)
                missing = [
                    n for n in _VARIABLE.findall(path) if n not in shared | self._parameter_names(operation)
                ]
                for name in dict.fromkeys(missing):
                    self._add_parameter(operation, where, name)

    def _parameter_names(self, holder: dict[str, Any]) -> set[str]:
        found = (followed(self.document, written)[0] for written in holder.get("parameters", ()))
        return {str(parameter.get("name")) for parameter in found if parameter.get("in") == "path"}

    def _drop_unused(self, holder: dict[str, Any], pointer: str, names: set[str], path: str) -> None:
        for index, written in enumerate(holder.get("parameters", ())):
            parameter = followed(self.document, written)[0]
            if parameter.get("in") == "path" and str(parameter.get("name")) not in names:
                actual = f"{parameter.get('name')} is not in {path}; it was left out."
                self._note(notes.UNUSED_PARAMETER, f"{pointer}/parameters/{index}", actual)
                holder["parameters"][index] = REMOVED

    def _add_parameter(self, operation: dict[str, Any], pointer: str, name: str) -> None:
        self._note(
            notes.UNDECLARED_PARAMETER, pointer, f"{name} is not described; it was taken to be a string."
        )
        added = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        operation["parameters"] = [*operation.get("parameters", ()), added]


def _plain_variable(match: re.Match[str]) -> str:
    """``{path:.*}``, ``{id?}`` and ``{*rest}`` as frameworks write them, without what is not the name."""
    if _PLAIN_NAME.fullmatch(match[1]):
        return match[0]
    found = _CONVERTED_NAME.fullmatch(match[1])
    return "{" + (found[1] or found[2]) + "}" if found else match[0]
