"""What breaks tools is mended, and each repair is told with its place and its operations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.anatomy import look_up, tokens_of
from joinedup.conformance.contract import Contract, Problem, load_contract, parse_contract
from joinedup.conformance.errors import ConfigurationError, SetupError
from joinedup.conformance.patterns import can_hang, compiles

CONTRACTS = Path(__file__).parents[1] / "contracts"
ODD = "#/components/schemas/Odd/properties"
BEARER = {"type": "http", "scheme": "bearer"}


@pytest.fixture(scope="module")
def traps() -> Contract:
    """Our contract that holds a trap in every path."""
    return load_contract(CONTRACTS / "traps.yaml")


def problem_at(contract: Contract, rule: str, pointer: str) -> Problem:
    """The one problem of a rule at a place."""
    found = [p for p in contract.problems if (p.rule, p.pointer) == (rule, pointer)]
    assert len(found) == 1, [(p.rule, p.pointer) for p in contract.problems]
    return found[0]


@pytest.mark.parametrize(
    ("rule", "pointer", "operations"),
    [
        ("path-not-a-template", "#/paths/~1<client-callback>", ()),
        ("path-without-slash", "#/paths/no-slash", ("GET /no-slash",)),
        ("undeclared-path-parameter", "#/paths/~1undeclared~1{thing}/get", ("GET /undeclared/{thing}",)),
        ("path-not-a-template", "#/paths/~1converted~1{path:.*}", ("GET /converted/{path}",)),
        ("path-with-query-or-fragment", "#/paths/~1fragment#one", ("GET /fragment#one",)),
        ("no-responses", "#/paths/~1silent/get", ("GET /silent",)),
        ("status-not-usable", "#/paths/~1statuses/get/responses/2xx", ("GET /statuses",)),
        ("status-not-usable", "#/paths/~1statuses/get/responses/404 not found", ("GET /statuses",)),
        ("status-not-usable", "#/paths/~1statuses/get/responses/success", ("GET /statuses",)),
        (
            "path-parameter-not-required",
            "#/paths/~1parameters~1{id}/get/parameters/0",
            ("GET /parameters/{id}",),
        ),
        ("same-parameter-twice", "#/paths/~1parameters~1{id}/get/parameters/1", ("GET /parameters/{id}",)),
        (
            "path-parameter-not-in-path",
            "#/paths/~1parameters~1{id}/get/parameters/2",
            ("GET /parameters/{id}",),
        ),
        ("parameter-not-usable", "#/paths/~1parameters~1{id}/get/parameters/3", ("GET /parameters/{id}",)),
        ("parameter-not-usable", "#/paths/~1parameters~1{id}/get/parameters/4", ("GET /parameters/{id}",)),
        (
            "header-example-not-sendable",
            "#/paths/~1parameters~1{id}/get/parameters/5",
            ("GET /parameters/{id}",),
        ),
        ("credential-as-parameter", "#/paths/~1credential/get", ("GET /credential",)),
        (
            "security-scheme-not-defined",
            "#/paths/~1undefined-scheme/get/security",
            ("GET /undefined-scheme",),
        ),
        ("body-without-content", "#/paths/~1body/post/requestBody", ("POST /body",)),
        ("same-operation-id", "#/paths/~1undeclared~1{thing}/get", ("GET /undeclared/{thing}",)),
        ("unknown-type", f"{ODD}/clock/type", ("GET /schemas", "GET /references")),
        ("unknown-type", f"{ODD}/several/type", ("GET /schemas", "GET /references")),
        ("required-inside-property", f"{ODD}/name/required", ("GET /schemas", "GET /references")),
        ("pattern-not-usable", f"{ODD}/broken/pattern", ("GET /schemas", "GET /references")),
        ("pattern-can-hang", f"{ODD}/endless/pattern", ("GET /schemas", "GET /references")),
        ("bounds-crossed", f"{ODD}/crossed/minLength", ("GET /schemas", "GET /references")),
        ("keyword-not-usable", f"{ODD}/words/minLength", ("GET /schemas", "GET /references")),
        ("keyword-not-usable", f"{ODD}/choice/enum", ("GET /schemas", "GET /references")),
        ("circular-reference", "#/components/schemas/Ring", ()),
    ],
)
def test_tells_each_repair(traps: Contract, rule: str, pointer: str, operations: tuple[str, ...]) -> None:
    """Each repair is told once, where it was written, with the operations that it touches."""
    assert problem_at(traps, rule, pointer).operations == operations


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        (f"{ODD}/clock", {"type": "string"}),
        (f"{ODD}/when", {"type": "string", "format": "date-time"}),
        (f"{ODD}/count", {"type": "integer"}),
        (f"{ODD}/name", {"type": "string"}),
        (f"{ODD}/several", {"type": "string", "nullable": True}),
        (f"{ODD}/nothing", {"nullable": True, "enum": [None]}),
        (f"{ODD}/broken", {"type": "string"}),
        (f"{ODD}/endless", {"type": "string", "x-joinedup-pattern": "^(a+)+$"}),
        (f"{ODD}/crossed", {"type": "string"}),
        (f"{ODD}/words", {"type": "string"}),
        (f"{ODD}/choice", {"type": "string"}),
        (f"{ODD}/self", {"$ref": "#/components/schemas/Odd"}),
        ("#/components/schemas/Ring", {}),
        ("#/components/securitySchemes/emptied", BEARER),
        ("#/components/securitySchemes/missing", BEARER),
        ("#/components/securitySchemes/Authorization", BEARER),
        ("#/paths/~1credential/get/parameters", []),
        ("#/paths/~1credential/get/security", [{"Authorization": []}]),
        ("#/paths/~1parameters~1{id}/get/parameters/2/example", "abcdef"),
        ("#/paths/~1undeclared~1{thing}/get/operationId", "same_2"),
        (
            "#/paths/~1references/get/responses/200/content/application~1json/schema",
            {"$ref": "#/components/schemas/Odd"},
        ),
        ("#/paths/~1references/get/responses/400/content/application~1json/schema", {}),
        ("#/paths/~1references/get/responses/500/content/application~1json/schema", {}),
    ],
)
def test_mends_what_breaks_tools(traps: Contract, pointer: str, expected: object) -> None:
    """What stands in a trap's place afterwards is what its writer meant, or allows anything."""
    assert look_up(traps.document, tokens_of(pointer)) == expected


def test_leaves_out_only_what_cannot_be_called(traps: Contract) -> None:
    """A path that is no template is the only one that is missing."""
    assert len(traps.operations) == 13
    assert "post" not in json.dumps(list(traps.document["paths"]))


def test_statuses_are_mended(traps: Contract) -> None:
    """Statuses in another spelling are read; what is no status is left out."""
    operation = traps.operation("GET /statuses")
    assert operation is not None
    assert list(operation.responses) == ["2XX", "404"]


def test_a_sound_contract_is_left_alone() -> None:
    """Nothing is mended, and nothing changed, where nothing is wrong."""
    contract = load_contract(CONTRACTS / "sound.yaml")
    assert contract.problems == ()


def test_files_in_the_folder_become_one_document() -> None:
    """References to files in the contract's own folder are brought in, and their own references with them."""
    contract = load_contract(CONTRACTS / "folder" / "contract.yaml")
    operation = contract.operation("GET /children")
    assert operation is not None
    media = operation.responses["200"]["content"]["application/json"]
    assert media["examples"] == {"one": {"$ref": "#/components/examples/example"}}
    assert contract.resolve(media["examples"]["one"]) == {"value": {"name": "Ada", "siblings": []}}
    for body, keyword in (
        (b'{"name": "Ada"}', []),
        (b'{"name": "Ada", "siblings": [{"name": 5}]}', ["type"]),
    ):
        found = contract.response_problems(operation, 200, {"content-type": "application/json"}, body)
        assert [breach.keyword for breach in found] == keyword
    assert not [p for p in contract.problems if p.operations == ("GET /children",)]


REFUSED = {
    "200": "leads out of the contract's folder",
    "400": "names a kind of address that is never read",
    "401": "leads to another host",
    "403": "leads to a file that is not there",
    "404": "leads to a file that is not there",
    "500": "leads to another host",
}


@pytest.mark.parametrize(("status", "reason"), REFUSED.items())
def test_references_never_leave_the_folder(status: str, reason: str) -> None:
    """A reference out of the folder, to a host or to a local address is not followed: any value then matches."""
    contract = load_contract(CONTRACTS / "folder" / "contract.yaml")
    pointer = f"#/paths/~1secrets/get/responses/{status}/content/application~1json/schema"
    assert reason in problem_at(contract, "reference-not-readable", pointer).actual
    assert look_up(contract.document, tokens_of(pointer)) == {}
    assert "never-read" not in json.dumps(contract.document)


def test_a_symbolic_link_does_not_lead_out(tmp_path: Path) -> None:
    """A link in the folder that points elsewhere is a way out, and refused."""
    folder = tmp_path / "contract"
    folder.mkdir()
    (tmp_path / "secret.yaml").write_text("Secret: {const: never-read}")
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "contract.json").write_text(json.dumps(referring("link.yaml#/Secret")))
    contract = load_contract(folder / "contract.json")
    assert [p.rule for p in contract.problems] == ["reference-not-readable"]
    assert "never-read" not in json.dumps(contract.document)


def referring(reference: str) -> dict[str, Any]:
    """A contract whose only answer refers somewhere."""
    content = {"application/json": {"schema": {"$ref": reference}}}
    operation = {"operationId": "one", "responses": {"200": {"description": "OK", "content": content}}}
    return {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {"/one": {"get": operation}}}


HOME = "https://api.example/docs/openapi.json"


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ("schemas.json#/A", ["https://api.example/docs/schemas.json"]),
        ("https://api.example/docs/deep/schemas.json#/A", ["https://api.example/docs/deep/schemas.json"]),
        ("../schemas.json#/A", []),
        ("%2e%2e/schemas.json#/A", []),
        ("https://other.example/docs/schemas.json#/A", []),
        ("https://api.example:8443/docs/schemas.json#/A", []),
        ("http://api.example/docs/schemas.json#/A", []),
        ("https://api.example@127.0.0.1/docs/schemas.json#/A", []),
        ("//169.254.169.254/latest/meta-data", []),
        ("http://localhost/docs/schemas.json", []),
        ("file:///etc/hostname", []),
        ("data:application/json,{}", []),
    ],
)
def test_references_never_leave_the_host(reference: str, asked: list[str]) -> None:
    """From an address, only addresses below its own folder are ever asked."""
    seen: list[str] = []

    def fetch(url: str) -> bytes:
        seen.append(url)
        return json.dumps(referring(reference) if url == HOME else {"A": {"type": "string"}}).encode()

    contract = load_contract(HOME, fetch=fetch)
    assert seen == [HOME, *asked]
    assert [p.rule for p in contract.problems] == ([] if asked else ["reference-not-readable"])


def test_a_reference_that_does_not_answer_is_told() -> None:
    """A file beside the contract that cannot be fetched is a fault of the description, not the end."""

    def fetch(url: str) -> bytes:
        if url == HOME:
            return json.dumps(referring("schemas.json#/A")).encode()
        raise SetupError(f"{url} answers 404.")

    assert "answers 404" in load_contract(HOME, fetch=fetch).problems[0].actual


def test_the_number_of_files_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of files without end is cut, and told."""
    monkeypatch.setattr("joinedup.conformance.surroundings.MAX_FILES", 3)
    for number in range(8):
        (tmp_path / f"{number}.json").write_text(
            json.dumps({"properties": {"a": {"$ref": f"{number + 1}.json"}}})
        )
    (tmp_path / "contract.json").write_text(json.dumps(referring("0.json")))
    contract = load_contract(tmp_path / "contract.json")
    assert ["goes beyond what is read" in p.actual for p in contract.problems] == [True]


def test_nothing_beside_bytes_is_read() -> None:
    """A contract given as bytes has no folder, so nothing is read beside it."""
    contract = parse_contract(json.dumps(referring("/etc/hostname")).encode(), origin="c.json")
    assert "nothing outside the document is read" in contract.problems[0].actual


@pytest.mark.parametrize(
    ("pattern", "sound", "endless"),
    [
        ("^[A-Z]{2}[0-9]{6}[A-D]$", True, False),
        (r"^W\/\"", True, False),
        (r"^\p{L}+$", True, False),
        ("(unclosed", False, False),
        (r"\Z", False, False),
        ("^(a+)+$", True, True),
        ("(a*)*", True, True),
        (r"(\w+\s?)+", True, True),
        ("(.*,)*x", True, True),
        ("(a|b+)*", True, True),
        ("([a-z]+-)*[a-z]+", True, False),
        (r"^(\s*([0-9a-zA-Z\+\/=]){4}\s*)+$", True, False),
        (r"^[^\s]+(\s[^\s]+)*$", True, False),
        (r"^([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,}$", True, False),
    ],
)
def test_knows_patterns_that_hang(pattern: str, sound: bool, endless: bool) -> None:
    """Patterns that do not compile, or take for ever in Python, are told from those that are only long."""
    assert (compiles(pattern), can_hang(pattern)) == (sound, endless)


Change = Callable[[dict[str, Any]], None]


def _set(pointer: str, value: object) -> Change:
    def change(document: dict[str, Any]) -> None:
        *path, last = tokens_of(pointer)
        holder: Any = look_up(document, tuple(path))
        holder[int(last) if isinstance(holder, list) else last] = value

    return change


SCHEMA = "#/paths/~1one/get/responses/200/content/application~1json/schema"
MISFITS: dict[str, list[object]] = {
    "#/paths": [None, [], "x", 5],
    "#/components": [None, [], {"schemas": []}, {"schemas": {"A": [None]}}],
    "#/security": ["x", [None], [{"a": "b"}], {"a": []}],
    "#/servers": ["x"],
    "#/info": [None],
    "#/paths/~1one": [None, [], {"$ref": "#/paths/~1one"}, {"get": []}],
    "#/paths/~1one/get": [None, [], {"$ref": "#"}, {"responses": []}],
    "#/paths/~1one/get/responses": [None, [], {"200": None}, {"200": "x"}, {"x-only": 1}],
    "#/paths/~1one/get/parameters": [None, {}, [None], [[]], [{"name": [], "in": {}}]],
    "#/paths/~1one/get/requestBody": [None, [], {"content": None}, {"content": {"a": 1}}],
    "#/paths/~1one/get/tags": [None, "x"],
    "#/paths/~1one/get/operationId": [None, [], 5],
    "#/paths/~1one/get/callbacks": [None, [], {"a": {"{$url}": None}}],
    SCHEMA: [
        None,
        [],
        "x",
        {"type": [{}]},
        {"properties": []},
        {"allOf": {}},
        {"$ref": []},
        {"required": {}},
    ],
}


@pytest.mark.parametrize(
    ("pointer", "value"), [(pointer, value) for pointer, values in MISFITS.items() for value in values]
)
def test_no_misfit_ends_in_a_traceback(pointer: str, value: object) -> None:
    """Whatever stands where something else belongs, the contract loads, and what is wrong is told."""
    document = referring("#/components/schemas/A")
    document["components"] = {"schemas": {"A": {"type": "string"}}}
    assert parse_contract(json.dumps(document).encode(), origin="c.json").problems == ()
    _set(pointer, value)(document)
    contract = parse_contract(json.dumps(document).encode(), origin="c.json")
    assert contract.problems != ()


def test_an_empty_contract_is_not_refused() -> None:
    """A contract of webhooks only has no operations, and that is not a configuration fault."""
    contract = parse_contract(
        b'{"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "webhooks": {}}', origin="c"
    )
    assert contract.operations == ()


def test_a_version_that_does_not_exist_is_refused() -> None:
    """A version after 3.1 is not guessed at."""
    with pytest.raises(ConfigurationError, match=r"3\.2"):
        parse_contract(b'{"openapi": "3.2.0"}', origin="c.json")
