"""The command line: thin, quick to start, and every failure a sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from joinedup.conformance.errors import JoinedUpError

Command = TypeVar("Command", bound=Callable[..., Any])


def speaks_plainly(command: Command) -> Command:
    """Turn an error that a person can act on into a sentence and its exit code."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except JoinedUpError as error:
            click.echo(f"joinedup: {error.message}", err=True)
            if error.hint:
                click.echo(f"          {error.hint}", err=True)
            sys.exit(error.exit_code)

    return wrapped  # type: ignore[return-value]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="joinedup", message="%(package)s %(version)s")
def main() -> None:
    """Prove whether the systems that keep children safe are joined up."""


@main.command()
@click.option(
    "-c",
    "--config",
    "source",
    metavar="FILE",
    help="joinedup.toml (default: ./joinedup.toml if it is there, else the bundled agencies).",
)
@click.option(
    "--only", multiple=True, metavar="ID", help="Judge only this requirement or family, e.g. AUT-01 or AUT."
)
@click.option("--system", "systems", multiple=True, metavar="NAME", help="Judge only this system.")
@click.option(
    "--journey", "journeys", multiple=True, metavar="NAME", help="Play this journey and run no other check."
)
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME", help="Switch on a fault of a bundled agency."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of everything that is generated.")
@click.option("--quick", "cases", flag_value="quick", help="Fewer generated cases.")
@click.option("--thorough", "cases", flag_value="thorough", help="Many more generated cases.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=None,
    help="Processes, one system each (default: 2 where several systems are judged).",
)
@click.option("--strict", is_flag=True, help="Hold recommended points against the system too.")
@click.option(
    "--waivers", metavar="FILE", help="Agreed exceptions (default: waivers.toml beside joinedup.toml)."
)
@click.option(
    "--baseline", metavar="FILE", help="Known failures (default: baseline.toml beside joinedup.toml)."
)
@click.option(
    "--attestations",
    metavar="FILE",
    help="What people attest (default: attestations.toml beside joinedup.toml).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The run's folder (default: a new one below .joinedup/runs).",
)
@click.option("--json", "as_json", is_flag=True, help="Print verdict.json on standard output.")
@speaks_plainly
def check(
    source: str | None,
    cases: str | None,
    workers: int | None,
    out: Path | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Check the systems under test and say whether they conform."""
    from joinedup.conformance import command

    sys.exit(
        command.check(source, cases=cases or "standard", workers=workers, out=out, as_json=as_json, **choices)
    )


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@speaks_plainly
def requirements(as_json: bool) -> None:
    """List the requirements, what checks them and what can break them."""
    from joinedup.conformance import list_command

    click.echo(list_command.requirements(as_json=as_json))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@speaks_plainly
def systems(as_json: bool) -> None:
    """List the bundled agencies with their operations and faults."""
    from joinedup.conformance import list_command

    click.echo(list_command.systems(as_json=as_json))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@speaks_plainly
def journeys(as_json: bool) -> None:
    """List the journeys with who takes part and what they prove."""
    from joinedup.conformance import list_command

    click.echo(list_command.journeys(as_json=as_json))


@main.command()
@click.option(
    "-c",
    "--config",
    "source",
    metavar="FILE",
    help="joinedup.toml whose [mocks] says where others reach the agencies.",
)
@click.option("--system", "systems", multiple=True, metavar="NAME", help="Serve only this agency.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Switch on a fault.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the synthetic people.")
@click.option(
    "--port",
    "ports",
    multiple=True,
    metavar="[NAME=]PORT",
    help="A fixed port: of one agency, or of the control plane with the agencies on those that follow.",
)
@click.option("--tls", is_flag=True, help="Serve over TLS, and let in only who shows a certificate.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="For secrets and certificates, which stay (default: .joinedup/mocks).",
)
@click.option(
    "--print-partners",
    is_flag=False,
    flag_value="table",
    type=click.Choice(["table", "toml"]),
    help="Say what partners must be told, and serve nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when all answer.")
@speaks_plainly
def mocks(source: str | None, **choices: Any) -> None:
    """Serve the bundled agencies, and say how to call them."""
    from joinedup.conformance import mocks_command

    sys.exit(mocks_command.mocks(source, **choices))


@main.command()
@click.option("-c", "--config", "source", metavar="FILE", help="joinedup.toml (default: as for check).")
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Requests a second, over the whole mix."
)
@click.option("--duration", metavar="TIME", help="Such as 20s, 5m or 1h.")
@click.option("--users", type=click.IntRange(1), help="Most that are under way at once.")
@click.option("--shape", metavar="NAME", help="steady, steps, monday-peak, school-morning, soak or outage.")
@click.option("--journey", "journeys", multiple=True, metavar="NAME", help="Only this journey.")
@click.option(
    "--operation", "operations", multiple=True, metavar="SYSTEM:ID", help="Only this operation of a system."
)
@click.option(
    "--processes", type=click.IntRange(1, 256), default=1, help="Processes that send, on this machine."
)
@click.option("--master", is_flag=True, help="Wait for workers on other machines, and let them send.")
@click.option("--expect-workers", type=click.IntRange(1), default=1, help="How many the master waits for.")
@click.option("--worker", is_flag=True, help="Send what a master says.")
@click.option(
    "--master-host", default="127.0.0.1", show_default=True, help="Where a worker finds its master."
)
@click.option("--master-port", type=click.IntRange(1, 65535), default=5557, show_default=True)
@click.option("--ui", is_flag=True, help="Locust's own page, too.")
@click.option("--ui-port", type=click.IntRange(1, 65535), default=8089, show_default=True)
@click.option("--find-capacity", is_flag=True, help="Raise the rate until a service level breaks.")
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME", help="Switch on a fault of a bundled agency."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the bundled agencies.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="The run's folder (default: new)."
)
@click.option("--json", "as_json", is_flag=True, help="Print performance.json on standard output.")
@speaks_plainly
def load(**choices: Any) -> None:
    """Send the journeys and operations under load, and say which service levels are met."""
    from joinedup.conformance import load_command

    sys.exit(load_command.load(load_command.Ordered(**choices)))


@main.command()
@click.option("-c", "--config", "source", metavar="FILE", help="joinedup.toml (default: as for check).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@speaks_plainly
def doctor(source: str | None, as_json: bool) -> None:
    """Say what stands in the way of a verdict, and what to do about it."""
    from joinedup.conformance import command

    sys.exit(command.doctor(source, as_json=as_json))


@main.command()
@click.argument("finding")
@click.option(
    "-c", "--config", "source", metavar="FILE", help="joinedup.toml of the run (default: as for check)."
)
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The run's folder (default: the newest).",
)
@speaks_plainly
def replay(finding: str, source: str | None, folder: Path | None) -> None:
    """Send the requests of a finding again, e.g. `joinedup replay f-1`."""
    from joinedup.conformance import command

    sys.exit(command.replay(finding, source, folder))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--allure", type=click.Path(path_type=Path), metavar="DIR", help="Allure's own report too, in DIR."
)
@speaks_plainly
def report(folder: Path | None, allure: Path | None) -> None:
    """Write the views of a run again from its record, also of a run that was cut short."""
    from joinedup.conformance import command

    sys.exit(command.report(folder, allure))


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The pack."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Sign with this Ed25519 private key (PEM).",
)
@speaks_plainly
def pack(folder: Path, out: Path, key: Path | None) -> None:
    """Seal the evidence of a run in one file."""
    from joinedup.conformance import evidence_command

    evidence_command.pack(folder, out, key)


@main.command()
@click.argument("pack", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--trust",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PUBLIC_KEY",
    help="Demand that this Ed25519 public key (PEM) signed it.",
)
@speaks_plainly
def verify(pack: Path, trust: Path | None) -> None:
    """Say whether a pack is whole, and whether its verdict follows from its record (exit 7: it is not)."""
    from joinedup.conformance import evidence_command

    evidence_command.verify(pack, trust)


@main.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page too, e.g. comparison.html.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@speaks_plainly
def compare(before: Path, after: Path, out: Path | None, as_json: bool) -> None:
    """Say what changed from run or pack A to run or pack B (exit 1: something got worse)."""
    from joinedup.conformance import evidence_command

    sys.exit(evidence_command.compare(before, after, out=out, as_json=as_json))


@main.group()
def waiver() -> None:
    """Exceptions that are agreed for a time: write an entry, check the files."""


@waiver.command("new")
@click.argument("name", metavar="FINDING")
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The run's folder (default: the newest).",
)
@click.option("--baseline", is_flag=True, help="An entry for baseline.toml, the supplier's known failures.")
@speaks_plainly
def new_waiver(name: str, folder: Path | None, baseline: bool) -> None:
    """Print the entry for a finding or requirement, e.g. `joinedup waiver new f-3`, to be completed."""
    from joinedup.conformance import evidence_command

    evidence_command.new_waiver(name, folder, baseline=baseline)


@waiver.command("check")
@click.option("-c", "--config", "source", metavar="FILE", help="joinedup.toml (default: as for check).")
@click.option("--waivers", metavar="FILE", help="Agreed exceptions (default: waivers.toml beside it).")
@click.option("--baseline", metavar="FILE", help="Known failures (default: baseline.toml beside it).")
@click.option(
    "--attestations", metavar="FILE", help="What people attest (default: attestations.toml beside it)."
)
@speaks_plainly
def check_waivers(source: str | None, **files: Any) -> None:
    """Say whether waivers, baseline and attestations are complete and hold today."""
    from joinedup.conformance import evidence_command

    evidence_command.check_waivers(source, **files)


if __name__ == "__main__":
    main()
