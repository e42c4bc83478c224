"""What generating goes without: nothing that changes what is sent, and only while something is generated."""

from __future__ import annotations

import pytest
from hypothesis.internal import charmap, lambda_sources
from hypothesis.internal.conjecture import providers
from hypothesis.strategies import characters, integers
from schemathesis.config import ProjectConfig

from joinedup.conformance import generated_economy
from joinedup.conformance.generated_economy import sparing

PLACES = [
    (lambda_sources, "lambda_description"),
    (providers, "_get_local_constants"),
    (charmap, "intervals_from_codec"),
    (ProjectConfig, "generation_for"),
    (ProjectConfig, "phases_for"),
    (ProjectConfig, "checks_config_for"),
]


@pytest.mark.parametrize(("module", "name"), PLACES, ids=[name for _, name in PLACES])
def test_leaves_hypothesis_as_it_was(module: object, name: str) -> None:
    """Whoever has Hypothesis tests in the same process finds it whole, also after an error."""
    before = getattr(module, name)
    with pytest.raises(ZeroDivisionError):
        _breaks_off(module, name, before)
    assert getattr(module, name) is before


def _breaks_off(module: object, name: str, before: object) -> None:
    with sparing():
        assert getattr(module, name) is not before
        raise ZeroDivisionError


def test_describes_no_lambda_and_collects_no_constants() -> None:
    """The places are those that Hypothesis looks at, so that nothing is parsed."""
    with sparing():
        assert "lambda" in repr(integers().filter(lambda n: n > 3))
        assert "n > 3" not in repr(integers().filter(lambda n: n > 3))
        assert not list(providers.HypothesisProvider(None)._local_constants)


@pytest.mark.parametrize("codec", generated_economy.CHARACTERS)
def test_knows_the_characters_of_a_codec(codec: str) -> None:
    """As Hypothesis finds them by trying each."""
    found = charmap.intervals_from_codec(codec)
    with sparing():
        known = charmap.intervals_from_codec(codec)
        assert not characters(codec=codec).is_empty
    assert [part.intervals for part in known] == [part.intervals for part in found]


def test_finds_out_the_characters_of_another_codec() -> None:
    """One that nobody wrote down is tried."""
    with sparing():
        assert charmap.intervals_from_codec("iso8859-1")[0].intervals == ((0, 255),)


@pytest.mark.parametrize(("module", "name"), PLACES[:3], ids=[name for _, name in PLACES[:3]])
def test_goes_without_where_hypothesis_has_changed(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    """A version that lacks one of the names is slower, and the other names are used all the same."""
    monkeypatch.delattr(module, name)
    others = [(place, other) for place, other in PLACES if other != name]
    before = [getattr(*place) for place in others]
    with sparing():
        assert not hasattr(module, name)
        assert [getattr(*place) for place in others] != before
    assert [getattr(*place) for place in others] == before


def test_puts_settings_together_once() -> None:
    """For the same settings, operation and phase; those of another project, operation or phase are its own."""
    one, other = ProjectConfig(), ProjectConfig()
    with sparing():
        known = one.generation_for(operation=None, phase="coverage")
        assert one.generation_for(operation=None, phase="coverage") is known
        assert other.generation_for(operation=None, phase="coverage") is not known
        assert one.generation_for(operation=None, phase="fuzzing") is not known
        assert one.phases_for(operation=None) is one.phases
