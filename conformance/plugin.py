"""
The pytest plugin: every check is a pytest item, and every item leaves its results in the record.

It does nothing unless ``--joinedup`` is given. ``joinedup check`` runs pytest with it in a child process; ``pytest --pyargs
joinedup.conformance.suite --joinedup joinedup.toml`` does the same.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance import memory
from joinedup.conformance.check import Check, Ended, setup_fault, why_not_judged
from joinedup.conformance.errors import JoinedUpError, RealDataError, SetupError
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.settling import (
    CHECK,
    SESSION,
    SUITE,
    Session,
    harness_fault,
    label,
    settle,
    take_assertion,
)

_UNREADABLE: list[str] = []
JOURNEYS = str(Path(__file__).parent.parent.resolve() / "scenarios" / "journeys")
# The order in which subjects run: what only reads, then what changes, then what floods or may end a credential.
ORDER = (
    "test_description",
    "test_transport",
    "test_authentication",
    "test_isolation",
    "test_privacy",
    "test_errors",
    "test_representations",
    "test_identifiers",
    "test_code_lists",
    "test_audit",
    "test_input",
    "test_sequences",
    "test_paging",
    "test_versions",
    "test_generated",
    "test_limits",
    "test_exercise",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a run; ``joinedup check`` fills them in."""
    group = parser.getgroup("joinedup")
    group.addoption("--joinedup", metavar="FILE", help="joinedup.toml, or `bundled` for the bundled agencies")
    group.addoption(
        "--joinedup-out", metavar="DIR", help="the run's folder (default: a new one below .joinedup/runs)"
    )
    group.addoption("--joinedup-seed", type=int, default=1, help="seed of everything generated")
    group.addoption("--joinedup-cases", choices=("quick", "standard", "thorough"), default="standard")
    group.addoption(
        "--joinedup-only", action="append", default=[], metavar="ID", help="requirement ids or families"
    )
    group.addoption("--joinedup-system", action="append", default=[], metavar="NAME", help="systems to judge")
    group.addoption(
        "--joinedup-journey", action="append", default=[], metavar="NAME", help="play these journeys alone"
    )
    group.addoption(
        "--joinedup-fault", action="append", default=[], metavar="NAME", help="faults of the bundled agencies"
    )
    for name in ("waivers", "baseline", "attestations"):
        group.addoption(
            f"--joinedup-{name}",
            default="",
            metavar="FILE",
            help=f"default: {name}.toml beside joinedup.toml",
        )
    group.addoption("--joinedup-strict", action="store_true", help="hold a warn against a system")


def pytest_configure(config: pytest.Config) -> None:
    """Start the run, or join it in a worker process."""
    config.addinivalue_line("markers", "requirement(*ids): the requirements that a check proves")
    if not config.getoption("--joinedup"):
        return
    # Libraries log what they cannot read, raw, and pytest and Allure keep what is logged.
    logging.disable(logging.CRITICAL)
    _add_journeys(config)
    try:
        config.stash[SESSION] = _join(config) if hasattr(config, "workerinput") else _lead(config)
    except JoinedUpError as error:
        pytest.exit(f"joinedup: {error}", returncode=error.exit_code)


def _add_journeys(config: pytest.Config) -> None:
    """Whoever runs the whole suite plays the bundled journeys too."""
    if SUITE in config.args and JOURNEYS not in config.args:
        config.args.append(JOURNEYS)


def _lead(config: pytest.Config) -> Session:
    from joinedup.conformance import journeys
    from joinedup.conformance import run as runs
    from joinedup.conformance.catalogue import load_catalogue
    from joinedup.conformance.ledger import new_marker

    option = config.getoption
    out = option("--joinedup-out") or str(runs.new_run_folder(Path.cwd()))
    plan = runs.Plan(
        source=option("--joinedup"),
        out=out,
        seed=option("--joinedup-seed"),
        cases=option("--joinedup-cases"),
        only=tuple(option("--joinedup-only")),
        systems=tuple(option("--joinedup-system")),
        journeys=tuple(option("--joinedup-journey")),
        faults=tuple(option("--joinedup-fault")),
        strict=option("--joinedup-strict"),
        marker=new_marker(),
        waivers=option("--joinedup-waivers"),
        baseline=option("--joinedup-baseline"),
        attestations=option("--joinedup-attestations"),
    )
    closing = contextlib.ExitStack()
    _keep_out_of_the_way(closing)
    try:
        catalogue = load_catalogue()
        configuration, ours = closing.enter_context(runs.serving(plan, runs.read_plan(plan)))
        runs.check_selection(plan, configuration, catalogue)
        journeys.check_journeys(plan, plan.systems or configuration.tested)
        run = runs.start(plan, configuration, catalogue, ours)
        closing.callback(run.close)
        for name in run.tested:
            runs.describe_system(run, name)
    except BaseException:
        closing.close()
        raise
    return Session(run, True, closing)


def _join(config: pytest.Config) -> Session:
    from joinedup.conformance.handover import taken_over

    run = taken_over(config.workerinput["joinedup"])  # type: ignore[attr-defined]
    closing = contextlib.ExitStack()
    _keep_out_of_the_way(closing)
    closing.callback(run.close)
    return Session(run, False, closing)


def _keep_out_of_the_way(closing: contextlib.ExitStack) -> None:
    """Hypothesis keeps a folder of its own where it runs; it may hold values of a system, so it ends with the run."""
    from hypothesis.configuration import set_hypothesis_home_dir

    folder = closing.enter_context(
        tempfile.TemporaryDirectory(prefix="joinedup-", ignore_cleanup_errors=True)
    )
    set_hypothesis_home_dir(folder)
    closing.enter_context(memory.rarely_looked_through())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the run to an xdist worker."""
    from joinedup.conformance.handover import handed_over

    session = node.config.stash.get(SESSION, None)
    if session is not None:
        node.workerinput["joinedup"] = handed_over(session.run)


# --- which items there are


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A document of journeys, in whatever folder it is."""
    if SESSION not in parent.config.stash or not file_path.name.endswith(".arazzo.yaml"):
        return None
    from joinedup.conformance.journey_items import collected

    return collected(file_path, parent)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item per system, and per operation, phase or rule where a check asks for them."""
    session = metafunc.config.stash.get(SESSION, None)
    if session is None or "target" not in metafunc.fixturenames:
        return
    if "operation" in metafunc.fixturenames:
        phases = PHASES_OF_AN_ITEM if "phase" in metafunc.fixturenames else (None,)
        pairs = [
            (name, label, phase)
            for name in session.run.tested
            for label in session.run.operations(name)
            for phase in phases
        ]
        names = ("target", "operation", "phase") if phases != (None,) else ("target", "operation")
        values = [pair[: len(names)] for pair in pairs]
        ids = ["-".join(str(part) for part in pair[: len(names)]) for pair in pairs]
        metafunc.parametrize(names, values, ids=ids, indirect=["target"], scope="session")
        return
    metafunc.parametrize("target", session.run.tested, indirect=True, scope="session")


PHASES_OF_AN_ITEM = ("examples", "coverage", "fuzzing", "stateful")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what no system is held to; put system after system, and the subjects of each in order."""
    session = config.stash.get(SESSION, None)
    if session is None:
        return
    session.run.share_out()
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        requirements, system = requirements_of(item), system_of(item)
        left_aside = bool(session.run.plan.journeys) and system is not None
        wanted = not left_aside and (
            not requirements or system is None or bool(session.judges(system, requirements))
        )
        (kept if wanted else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    kept.sort(key=lambda item: (not system_of(item), system_of(item) or "", _place(item)))
    items[:] = kept
    if session.leads:
        session.run.record.write("planned", checks=len(kept))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One worker for each system, whatever the way of distribution is called on the command line."""
    session = config.stash.get(SESSION, None)
    if session is None:
        return None
    from joinedup.conformance.run import BUNDLED
    from joinedup.conformance.scheduling import SystemScheduling

    # Each worker has a cast of its own; a live system is one and the same to all of them.
    apart = session.run.plan.source == BUNDLED
    return SystemScheduling(config, log, session.run.tested, apart=apart)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Only workers collect; each collects everything, so what the first one found is what the run will do."""
    session = node.config.stash.get(SESSION, None)
    if session is not None and node.gateway.id == "gw0":
        session.run.record.write("planned", checks=len(ids))


def _place(item: pytest.Item) -> int:
    module = item.nodeid.partition("::")[0].rpartition("/")[2].removesuffix(".py")
    return ORDER.index(module) if module in ORDER else len(ORDER)


def requirements_of(item: pytest.Item) -> tuple[str, ...]:
    """The requirements that an item proves, in the order in which they are named."""
    ids = [id for marker in reversed(list(item.iter_markers("requirement"))) for id in marker.args]
    return tuple(dict.fromkeys(ids))


def system_of(item: pytest.Item) -> str | None:
    """The system that an item judges."""
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("target") if callspec is not None else None
    return found if isinstance(found, str) else None


# --- fixtures


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Any:
    """The system under test: ``client``, ``contract``, ``knowledge``, ``profile`` and more."""
    return request.config.stash[SESSION].run.target(request.param)


def _stop(config: pytest.Config, system: str | None, error: JoinedUpError) -> None:
    """Note that nothing which the run may find out about a system amounts to a verdict."""
    record = config.stash[SESSION].run.record
    record.write(
        "error", outcome=str(Outcome.SETUP_ERROR), reason=str(error), system=system, ends_verdict=True
    )


@pytest.fixture(scope="session")
def harvested(target: Any, request: pytest.FixtureRequest) -> Any:
    """The same system after real identifiers and one good request for each operation have been looked for."""
    from joinedup.conformance.doctor import make_sure
    from joinedup.conformance.harvest import harvest
    from joinedup.conformance.target import OTHER

    try:
        make_sure(target)
    except RealDataError:
        raise
    except SetupError as error:
        _stop(request.config, target.name, error)
        raise
    harvest(target)
    if OTHER in target.identities:
        harvest(target, OTHER)
    return target


@pytest.fixture(scope="session")
def generated(harvested: Any, request: pytest.FixtureRequest) -> Any:
    """Everything that one engine run did to the system, and what was confirmed of it."""
    from joinedup.conformance.judging import generate

    return generate(harvested, request.config.stash[SESSION].run.plan.cases)


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """How a check says what it found."""
    found: Check = request.node.stash[CHECK]
    return found


# --- from what happened in an item to its results


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give each item its ``Check`` before anything runs."""
    session = item.config.stash.get(SESSION, None)
    system = system_of(item)
    if session is not None and system is not None:
        item.stash[CHECK] = Check(system, session.judges(system, requirements_of(item)))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Requirements whose features are absent do not run; a fault of the set-up becomes the item's outcome."""
    check = item.stash.get(CHECK, None)
    if check is None:
        yield
        return
    started = time.monotonic()
    _leave_out_what_does_not_apply(item, check)
    label(item, check)
    try:
        yield
    except (Ended, JoinedUpError) as error:
        settle(item, check, _as_ended(error, item), started)
    except (pytest.skip.Exception, pytest.fail.Exception):
        raise
    except Exception as error:
        settle(item, check, harness_fault(error), started)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Turn the end of a check into results, an event, and a pytest outcome."""
    check = item.stash.get(CHECK, None)
    if check is None:
        return (yield)
    started = time.monotonic()
    ended: Ended | None = None
    try:
        yield
    except (Ended, JoinedUpError) as error:
        ended = _as_ended(error, item)
    except (pytest.skip.Exception, pytest.fail.Exception):
        raise
    except AssertionError as error:
        take_assertion(item, check, error)
    except Exception as error:
        ended = harness_fault(error)
    settle(item, check, ended, started)
    return None


def _leave_out_what_does_not_apply(item: pytest.Item, check: Check) -> None:
    session = item.config.stash[SESSION]
    try:
        target = session.run.target(check.system)
        features = target.features
    except JoinedUpError:
        return
    absent = []
    for requirement in map(session.run.catalogue.__getitem__, check.requirements):
        ended = why_not_judged(requirement, features, target.name, target.system.capabilities)
        if ended is not None:
            check.ends(ended, requirement.id)
            absent.append(requirement.id)
    if absent and len(absent) == len(check.requirements):
        settle(item, check, None, time.monotonic())


def _as_ended(error: Ended | JoinedUpError, item: pytest.Item) -> Ended:
    if isinstance(error, Ended):
        return error
    if isinstance(error, RealDataError):
        item.session.shouldstop = "an answer looks like real people"
        _stop(item.config, system_of(item), error)
    return setup_fault(str(error))


# --- the end


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember a module of checks that could not be read."""
    if report.failed:
        _UNREADABLE.append(report.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """A module of checks that cannot be read is our fault, and never the system's; what was read stays to the end."""
    ours = session.config.stash.get(SESSION, None)
    if ours is not None:
        memory.settle()
    if ours is not None and ours.leads:
        for name in _UNREADABLE:
            reason = f"the checks of {name.rpartition('/')[2]} could not be read"
            ours.run.record.write("error", outcome=str(Outcome.HARNESS_ERROR), reason=reason)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
    """Write what was exercised; where this process leads, end the record and write the views."""
    ours = session.config.stash.get(SESSION, None)
    if ours is None:
        return
    for built in ours.run.built():
        _write_made(ours, built)
        _write_exercised(ours, built)
    if not ours.leads:
        return
    stopped = bool(session.shouldstop or session.shouldfail)
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not stopped:
        ours.run.record.write("run-finished")
    from joinedup.reports.exceptions import exit_code
    from joinedup.reports.run_folder import write_views

    session.exitstatus = exit_code(write_views(ours.run.folder))


def _write_made(ours: Session, built: Any) -> None:
    """Take away again what the run made on a system that is not its own, and write what is left."""
    from joinedup.conformance.ledger import settle

    if built.ours:
        return
    for entry in settle(built):
        ours.run.record.write("made", system=built.name, **asdict(entry))


def _write_exercised(ours: Session, built: Any) -> None:
    if not built.answers:
        return
    succeeded = built.succeeded()
    for operation in built.contract.operations:
        statuses = built.answers.get(operation.label, [])
        ours.run.record.write(
            "exercised",
            system=built.name,
            operation=operation.label,
            succeeded=operation.label in succeeded,
            last_statuses=statuses[-5:],
        )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End what was started for the run."""
    session = config.stash.get(SESSION, None)
    if session is not None:
        session.closing.close()
        logging.disable(logging.NOTSET)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the report is."""
    session = config.stash.get(SESSION, None)
    if session is not None and session.leads:
        terminalreporter.write_line(f"joinedup: {session.run.folder / 'report.html'}")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show our outcomes where pytest would only know passed and skipped."""
    outcome = dict(report.user_properties).get("outcome") if report.when == "call" else None
    if outcome in (Outcome.WARN, Outcome.BLOCKED):
        letter = {Outcome.WARN: "w", Outcome.BLOCKED: "B"}[Outcome(str(outcome))]
        return str(outcome), letter, str(outcome).upper()
    return None
