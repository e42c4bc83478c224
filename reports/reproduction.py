"""
From recorded steps to a short shell script that shows a finding again.

The script needs bash, curl and python3. A value that a later request needs is fetched by an earlier one, so the
script holds nothing that the harness did not make itself. A step, as the record holds it::

    {"name": "s1", "method": "GET", "path": "/v1/children/{childId}",
     "path_parameters": {"childId": {"from": "s0", "pointer": "/items/0/childId"}},
     "query": [["limit", 1]], "headers": {}, "body": {"json": …} or {"text": …}, "media_type": "application/json",
     "identity": "own" or null, "status": 200}

A value is a literal or one of four references: ``{"from", "pointer"}`` (RFC 6901, into an earlier JSON answer),
``{"from", "header"}`` (with ``"pattern": "last-segment"`` for the end of a URL), ``{"fixture", "index"}`` and ``{"new"}``
(a text that is made anew each time). The first three may have texts around the value (``"before"``, ``"after"``).
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

Step = Mapping[str, object]

BEARER_FLOWS = ("client-credentials", "private-key-jwt", "bearer")
CREDENTIALS = {"basic": "user:password"}
LONGEST_INLINE_BODY = 4096

# A path may keep these; the rest is percent-encoded, so that a URL never needs quoting inside double quotes.
SAFE_IN_PATH = "/%:@,;=+&~-._()*"

# Names that a shell gives a meaning of its own (zsh ties `path` to PATH, and `status` cannot be set there).
RESERVED = re.compile(
    "ARGV|BASE|CDPATH|COMMANDS|ENV|EUID|FPATH|FUNCTIONS|HOME|IFS|LANG|MANPATH|OPTIONS|PATH|PPID|PROMPT|PS1|PWD|"
    "SHELL|SIGNALS|STATUS|TERM|UID|USER|USERNAME|WORK"
)

AROUND = ("before", "after")

# What python3 reads from an earlier answer, and how it writes it into its place. No single quote may stand in
# these: the shell passes them on between single quotes.
READ = {
    "answer": "value = json.load(sys.stdin.buffer)\n"
    "for key in sys.argv[1:]: value = value[int(key) if isinstance(value, list) else key]",
    "header": 'lines = (line.partition(":") for line in open(0, encoding="latin-1"))\n'
    "value = [text.strip() for name, _, text in lines if name.lower() == sys.argv[1].lower()][-1]",
    "fixture": "value = sys.argv[1]",
    # The end of a name gives way to digits that are new each time; a short name keeps all of it.
    "new": "import time\n"
    "name, mark = sys.argv[1], str(time.time_ns() // 1_000)[-6:]\n"
    "value = (name[:-6] if len(name) >= 12 else name) + mark",
}
READ["segment"] = (
    READ["header"] + '\nvalue = parse.unquote(parse.urlsplit(value).path.rstrip("/").rpartition("/")[2])'
)
WRITE = {
    "url": 'parse.quote(value if isinstance(value, str) else json.dumps(value), safe="", errors="surrogatepass")',
    "json": "json.dumps(value)",
    "text": "value if isinstance(value, str) else json.dumps(value)",
}


def script(
    steps: Sequence[Step],
    *,
    base_url: str = "",
    flows: Mapping[str, str] | None = None,
    finding: str = "",
) -> str:
    """
    A shell script that sends the steps again and prints the last answer; empty where there are no steps.

    Args:
        steps: in the order in which they were sent, in the record's form.
        base_url: where the system is; it can be overridden by the variable BASE.
        flows: the flow of each identity by its name; one that is not named is taken for a bearer token.
        finding: the finding's id, for the line that names ``joinedup replay``.
    """
    if not steps:
        return ""
    writer = _Writer(steps, flows or {}, finding)
    body = [line for number, step in enumerate(steps) for line in writer.step(step, number)]
    return "\n".join([*writer.preamble(base_url), *body]) + "\n"


@dataclass
class _Writer:
    """Writes one script; it keeps which variables, files and functions the lines so far need."""

    steps: Sequence[Step]
    flows: Mapping[str, str]
    finding: str
    variables: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    functions: set[tuple[str, str]] = field(default_factory=set)
    needs_work: bool = False

    def preamble(self, base_url: str) -> list[str]:
        """What stands before the first request: the address, the credentials, the folder, the function."""
        address = (
            f"BASE=${{BASE:-{shlex.quote(base_url)}}}" if base_url else "BASE=${BASE:?the system's address}"
        )
        credentials = [self._credential(*token) for token in self.tokens.items()]
        work = ["work=$(mktemp -d)"] if self.needs_work else []
        return [address, *credentials, *work, *(_function(*names) for names in sorted(self.functions))]

    def _credential(self, identity: str, variable: str) -> str:
        flow = self.flows.get(identity, "bearer")
        what = "an access token" if flow in BEARER_FLOWS else CREDENTIALS.get(flow, "the whole header line")
        owner = re.sub(r"[^A-Za-z0-9 ._-]", "_", identity)
        replay = f"joinedup replay {self.finding}".strip()
        return f': "${{{variable}:?Set {variable} to {what} of the identity {owner}, or use: {replay}}}"'

    def step(self, step: Step, number: int) -> Iterator[str]:
        """The lines of one step: the values it needs, its body, and the call."""
        values: list[str] = []
        url = self._url(step, values)
        arguments = self._method(step) + self._headers(step, values) + self._body(step, number, values)
        last = number == len(self.steps) - 1
        yield from values
        yield " ".join(
            ["curl -sS", *self._output(step, last=last), *_url_options(url), *arguments, f'"{url}"']
        )

    def _output(self, step: Step, *, last: bool) -> list[str]:
        if last:
            return [] if _method_of(step) == "HEAD" else ["-i"]
        name = str(step.get("name") or "")
        kept = {source for later in self.steps for source in _sources(later)} if name else set()
        if not kept & {(name, "pointer"), (name, "header")}:
            return ["-o /dev/null"]
        self.needs_work = True
        headers = [f'-D "$work/{_file(name)}.headers"'] if (name, "header") in kept else []
        return [*headers, f'-o "$work/{_file(name)}"']

    def _method(self, step: Step) -> list[str]:
        method = _method_of(step)
        if method == "HEAD":
            return ["-I"] if "body" not in step else ["-X HEAD", "--max-time 10"]
        if method == "GET" and "body" not in step:
            return []
        return [f"-X {shlex.quote(method)}"]

    def _url(self, step: Step, values: list[str]) -> str:
        """The address, for double quotes: percent-encoded text and variables only."""
        parameters = step.get("path_parameters")
        parameters = parameters if isinstance(parameters, Mapping) else {}
        pieces = re.split(r"(\{[^{}]*\})", str(step.get("path", "")))
        path = "".join(
            self._encoded(piece[1:-1], parameters[piece[1:-1]], values)
            if piece[1:-1] in parameters
            else quote(piece, safe=SAFE_IN_PATH, errors="surrogatepass")
            for piece in pieces
        )
        query = "&".join(
            f"{_percent(name)}={self._encoded(name, value, values)}"
            for name, value in _pairs(step.get("query"))
        )
        return f"${{BASE}}{path}?{query}" if query else f"${{BASE}}{path}"

    def _encoded(self, name: str, value: object, values: list[str]) -> str:
        """A value inside an address."""
        reference = _reference(value, self.steps)
        return f"${{{self._variable(name, reference, 'url', values)}}}" if reference else _percent(value)

    def _headers(self, step: Step, values: list[str]) -> list[str]:
        arguments = self._authorization(step)
        if "body" in step:
            media_type = str(step.get("media_type") or "")
            arguments.append("-H " + shlex.quote(_one_line(f"Content-Type: {media_type}".strip())))
        headers = step.get("headers")
        for name, value in headers.items() if isinstance(headers, Mapping) else ():
            arguments.append("-H " + self._header(str(name), value, values))
        return arguments

    def _header(self, name: str, value: object, values: list[str]) -> str:
        reference = _reference(value, self.steps)
        if reference:
            return (
                f'{shlex.quote(_one_line(name) + ": ")}"${self._variable(name, reference, "text", values)}"'
            )
        # curl leaves out a header that ends in a colon, and sends an empty one for a semicolon.
        text = _one_line(_text(value))
        return shlex.quote(f"{_one_line(name)}: {text}" if text else f"{_one_line(name)};")

    def _authorization(self, step: Step) -> list[str]:
        identity = step.get("identity")
        if identity is None:
            return []
        flow = self.flows.get(str(identity), "bearer")
        if flow == "none":
            return []
        variable = self.tokens.setdefault(
            str(identity), _shell_name(str(identity).upper(), self.tokens.values())
        )
        if flow in BEARER_FLOWS:
            return [f'-H "Authorization: Bearer ${variable}"']
        return [f'-u "${variable}"'] if flow == "basic" else [f'-H "${variable}"']

    def _token(self, identity: str) -> str:
        if identity not in self.tokens:
            self.tokens[identity] = _shell_name(identity.upper(), self._taken())
        return self.tokens[identity]

    def _taken(self) -> list[str]:
        return [*self.variables.values(), *self.tokens.values()]

    def _body(self, step: Step, number: int, values: list[str]) -> list[str]:
        if "body" not in step:
            return []
        pieces = self._body_pieces(step["body"], values)
        literal = "".join(text for text, variable in pieces if not variable)
        if any(variable for _, variable in pieces):
            return [
                "--data-raw " + "".join(f'"${text}"' if var else shlex.quote(text) for text, var in pieces)
            ]
        content = literal.encode("utf-8", "surrogatepass")
        if _is_printable(literal) and len(content) <= LONGEST_INLINE_BODY:
            return ["--data-raw " + shlex.quote(literal)]
        self.needs_work = True
        encoded = base64.b64encode(content).decode("ascii")
        values.append(f'printf %s {shlex.quote(encoded)} | base64 --decode >"$work/body{number}"')
        return [f'--data-binary @"$work/body{number}"']

    def _body_pieces(self, body: object, values: list[str]) -> list[tuple[str, bool]]:
        """The body as literal texts and names of variables, in order; True marks a variable."""
        if isinstance(body, Mapping) and set(body) == {"text"}:
            return [(str(body["text"]), False)]
        value = body["json"] if isinstance(body, Mapping) and set(body) == {"json"} else body
        names: list[str] = []
        mark = _mark_absent_from(value)
        text = json.dumps(self._without_references(value, "body", names, mark, values), ensure_ascii=False)
        parts = re.split(f'"{mark}([0-9]+)"', text)
        return [(names[int(p)], True) if i % 2 else (p, False) for i, p in enumerate(parts) if i % 2 or p]

    def _without_references(
        self, value: object, name: str, names: list[str], mark: str, values: list[str]
    ) -> object:
        reference = _reference(value, self.steps)
        if reference:
            names.append(self._variable(name, reference, "json", values))
            return f"{mark}{len(names) - 1}"
        if isinstance(value, Mapping):
            return {k: self._without_references(v, str(k), names, mark, values) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self._without_references(item, name, names, mark, values) for item in value]
        return value

    def _variable(self, name: str, reference: Step, form: str, values: list[str]) -> str:
        """The variable that holds a referred value in a form; the line that sets it is added to ``values``."""
        key = json.dumps([dict(reference), form], sort_keys=True, default=str)
        if key not in self.variables:
            variable = self.variables[key] = _shell_name(name, self._taken())
            values += self._assignment(variable, reference, form)
        return self.variables[key]

    def _assignment(self, variable: str, reference: Step, form: str) -> list[str]:
        kind = _kind(reference)
        around = [_text(reference.get(name, "")) for name in AROUND]
        within = "_within" if any(around) else ""
        self.functions.add((kind + within, form))
        call = " ".join(
            [f"{variable}=$({kind}{within}_as_{form}", *(map(shlex.quote, around) if within else ())]
        )
        if kind == "new":
            return [f"{call} {shlex.quote(_text(reference['new']))})"]
        if kind == "fixture":
            what = re.sub(
                r"[^A-Za-z0-9 ._-]", "_", f"{reference['fixture']}, number {reference.get('index', 0)}"
            )
            return [f'{call} "${{{variable}:?Set {variable} to the value of the fixture {what}}}")']
        file = _file(str(reference["from"]))
        if kind == "answer":
            keys = " ".join(shlex.quote(key) for key in _keys(_text(reference["pointer"])))
            return [f'{call} {keys} <"$work/{file}")']
        return [f'{call} {shlex.quote(_text(reference["header"]))} <"$work/{file}.headers")']


def _kind(reference: Step) -> str:
    """Which way of reading gives a reference's value."""
    if "fixture" in reference or "new" in reference:
        return "fixture" if "fixture" in reference else "new"
    if "header" in reference:
        return "segment" if reference.get("pattern") == "last-segment" else "header"
    return "answer"


def _keys(pointer: str) -> list[str]:
    """The keys of a JSON pointer (RFC 6901), unescaped."""
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def _function(kind: str, form: str) -> str:
    """A shell function that reads a value in one way and writes it in one form."""
    read = READ[kind.removesuffix("_within")]
    if kind.endswith("_within"):
        read = (
            f"before, after = sys.argv[1:3]\ndel sys.argv[1:3]\n{read}\nvalue = before + str(value) + after"
        )
    program = f"import json, sys\nfrom urllib import parse\n{read}\nprint({WRITE[form]})"
    return f"{kind}_as_{form}() {{ python3 -c '{program}' \"$@\"; }}"


def _reference(value: object, steps: Sequence[Step]) -> Step | None:
    """The value itself where it is a reference; an object that only looks like one is a literal."""
    if not isinstance(value, Mapping):
        return None
    keys = set(value).difference(AROUND)
    if keys in ({"from", "pointer"}, {"from", "header"}, {"from", "header", "pattern"}):
        return value if any(step.get("name") == value["from"] for step in steps) else None
    return value if keys in ({"fixture", "index"}, {"fixture"}, {"new"}) else None


def _sources(value: object) -> Iterator[tuple[object, str]]:
    """What a value refers to, at any depth: the step's name, and whether its body or its headers."""
    if isinstance(value, Mapping):
        yield str(value.get("from")), "header" if "header" in value else "pointer"
    children = (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    )
    for child in children:
        yield from _sources(child)


def _method_of(step: Step) -> str:
    return str(step.get("method") or "GET").upper()


def _pairs(query: object) -> list[tuple[str, object]]:
    """The query as (name, value) pairs, whether it was kept as pairs or as an object."""
    if isinstance(query, Mapping):
        return [(str(name), value) for name, value in query.items()]
    return [(str(name), value) for name, value in query] if isinstance(query, list | tuple) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _percent(value: object) -> str:
    text = _text(value)
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="", errors="surrogatepass")


def _url_options(url: str) -> list[str]:
    """Dot segments stay as they were sent; curl would remove them."""
    return ["--path-as-is"] if re.search(r"/(\.|%2E){1,2}(/|\?|$)", url, re.IGNORECASE) else []


def _is_printable(text: str) -> bool:
    """Whether a shell and a page can show the text as it is."""
    return not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text)


def _one_line(text: str) -> str:
    """A header's text: no line may end in it."""
    return re.sub("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]", "", text)


def _mark_absent_from(value: object) -> str:
    """A word that the value does not hold, so that it can stand for a reference."""
    text, mark = json.dumps(value, default=str), "REFERENCE"
    while mark in text:
        mark += "X"
    return mark


def _file(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", lambda found: f"_{ord(found[0]):x}", name)


def _shell_name(name: str, taken: Collection[str]) -> str:
    """A variable's name that no shell minds and that nothing else has."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not re.match("[A-Za-z]", name) or RESERVED.fullmatch(name.upper()):
        name = f"{'V' if name.isupper() else 'v'}_{name}"
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
