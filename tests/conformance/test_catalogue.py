"""The catalogue: what the shipped data promises, and what is said when such data is wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from joinedup.conformance.catalogue import (
    QUESTIONS,
    Catalogue,
    Profile,
    Reason,
    Requirement,
    load_catalogue,
    load_profile,
    profile_names,
)
from joinedup.conformance.conditions import CAPABILITY
from joinedup.conformance.errors import ConfigurationError, NothingSelectedError
from joinedup.conformance.features import KNOWN
from joinedup.conformance.outcomes import Level
from joinedup.mocks import systems

CATALOGUE = load_catalogue()
OPEN_API = load_profile("open-api-1", CATALOGUE)

every_requirement = pytest.mark.parametrize("requirement", CATALOGUE, ids=CATALOGUE.ids)

MUST = {
    *(f"CON-API-{number}" for number in ("01", "03", "04", "10", "11", "12", "13", "14")),
    *("PRV-01", "PRV-03", "PRV-04", "PRV-05"),
    *("TLS-01", "AUT-09", *(f"AUT-0{number}" for number in range(1, 9))),
    *(f"SEC-0{number}" for number in range(1, 9)),
    *("IDN-01", "IDN-02", "IDN-04", "IDN-05", "IDN-06"),
    *("SHR-02", "LAW-02", "MIN-02", "MIN-03", "MIN-04", "ACC-02", "ACC-03", "SAR-01", "SAR-02", "SAR-03"),
    *(f"RES-0{number}" for number in range(1, 6)),
    *(f"CPI-0{number}" for number in range(1, 7)),
    *("AUD-01", "AUD-02", "AUD-03", "CON-02", "CON-04", "SUP-01", "SUP-02", "TIM-08", "VAL-04"),
}
MUST_WHERE_THE_CONTRACT_DECLARES_IT = {
    *("IDM-01", "IDM-02", "CCY-01", "PAG-01", "TLS-02", "WHK-01", "WHK-02", "WHK-03", "WHK-06"),
}
NOT_IN_FORCE = {"SHR-01", "SHR-04", "IDN-03"}

JARGON = re.compile(
    r"\b(APIs?|HTTPS?|JSON|YAML|TLS|URLs?|UTF|endpoints?|tokens?|schemas?|headers?|payloads?|scopes?|"
    r"parameters?|cursors?|OAuth\S*|OpenAPI|etag|idempoten\w+|[1-5]xx|[1-5][0-9][0-9])\b",
    re.IGNORECASE,
)

SHOWN_BY_THE_CONFIGURATION = {"identity.any", "identity.other", "contract.previous"}
FEATURES = KNOWN | SHOWN_BY_THE_CONFIGURATION
CAPABILITIES = {capability for system in systems() for capability in system.capabilities}

SOURCE = {"document": "A law", "clause": "1", "url": "https://law.example/1", "verified": True}
VALID: dict[str, object] = {
    "id": "ABC-01",
    "level": "MUST",
    "text": "The system answers.",
    "plain": "It works when asked.",
    "source": SOURCE,
    "question": "GP3",
    "when": "",
    "excluded": None,
}


# A token server keeps no objects of organisations, and its refusals and addresses are those of its own RFCs.
NOT_ASKED = {"auth": {"AUT-03", "AUT-04", "ERR-02", "VER-01"}}


class TestShipped:
    """The requirements and profiles that come with the harness."""

    @every_requirement
    def test_has_a_sentence_for_a_buyer(self, requirement: Requirement) -> None:
        """The plain sentence is one sentence, says it in other words, and uses no technical ones."""
        assert requirement.plain != requirement.text
        assert requirement.plain.count(". ") == 0
        assert JARGON.findall(requirement.plain) == []

    @every_requirement
    def test_has_the_level_that_its_source_gives(self, requirement: Requirement) -> None:
        """MUST only where law, a standard's own must or the system's own contract says so."""
        binding = requirement.id in MUST | MUST_WHERE_THE_CONTRACT_DECLARES_IT
        assert requirement.level is (Level.MUST if binding else Level.SHOULD)

    @pytest.mark.parametrize("id", sorted(MUST_WHERE_THE_CONTRACT_DECLARES_IT | {"SEC-04"}))
    def test_of_a_declared_feature_applies_only_where_it_is_declared(self, id: str) -> None:
        """What binds by the contract alone does not apply to a contract that shows nothing."""
        assert not CATALOGUE[id].applies(())
        assert CATALOGUE[id].applies(FEATURES)

    @every_requirement
    def test_speaks_of_known_features_only(self, requirement: Requirement) -> None:
        """A condition that names what neither a contract nor the configuration can show would never be true."""
        assert {n for n in requirement.features if not n.startswith(CAPABILITY)} <= FEATURES

    @every_requirement
    def test_that_is_proved_speaks_of_capabilities_that_a_bundled_system_has(
        self, requirement: Requirement
    ) -> None:
        """What no bundled system can do could not be tried on one."""
        assert requirement.excluded or requirement.capabilities <= CAPABILITIES

    def test_names_capabilities_in_kebab_case(self) -> None:
        """A capability's name is one that a journey can use."""
        named = {name for requirement in CATALOGUE for name in requirement.capabilities}
        assert [name for name in named if not re.fullmatch("[a-z]+(-[a-z]+)+", name)] == []

    def test_has_every_requirement_of_the_field(self) -> None:
        """Every family is there, and no number is left out."""
        assert len(CATALOGUE) == 128
        families: dict[str, list[int]] = {}
        for id in CATALOGUE.ids:
            family, _, number = id.rpartition("-")
            families.setdefault(family, []).append(int(number))
        assert [f for f, found in families.items() if found != list(range(1, len(found) + 1))] == []

    def test_answers_every_question(self) -> None:
        """Each of the six questions has requirements."""
        assert {requirement.question for requirement in CATALOGUE} == set(QUESTIONS)

    def test_a_contract_alone_answers_all_but_examples_of_working_with_others(self) -> None:
        """Examples of working with others (GP4) come from journeys; the five other questions have a part here."""
        assert {requirement.question for requirement in OPEN_API.requirements} == set(QUESTIONS) - {"GP4"}

    @pytest.mark.parametrize("id", sorted(NOT_IN_FORCE))
    def test_law_that_is_not_in_force_is_no_must(self, id: str) -> None:
        """The duty to share and the consistent identifier need regulations, and none have been made."""
        assert CATALOGUE[id].level is Level.SHOULD
        assert "Children Act 2004, section 16L" in CATALOGUE[id].source.document

    @every_requirement
    def test_claims_nothing_read_that_was_not(self, requirement: Requirement) -> None:
        """Sources known second-hand, and articles that were not read, are marked as not verified."""
        second_hand = (
            *("NCSC", "UK GDPR", "OpenAPI Specification", "Data Protection Act", "Working Together"),
            *("National Data Guardian", "DfE, ", "London safeguarding", "Local safeguarding"),
        )
        if requirement.source.document.startswith(second_hand):
            assert not requirement.source.verified

    def test_leaves_out_only_what_no_caller_can_see(self) -> None:
        """What is published untested for good says why, and what a council can do instead."""
        excluded = {r.id: r.excluded.reason for r in CATALOGUE if r.excluded}
        later = (Reason.PLANNED, Reason.JOURNEYS)
        for_good = {id for id, reason in excluded.items() if reason not in later}
        assert for_good == {"SEC-05", "SEC-06"}
        assert {excluded[id] for id in for_good} == {Reason.NOT_OBSERVABLE}

    def test_open_api_1_promises_nothing_for_later(self) -> None:
        """Whatever the profile for any contract asks is tested now, or cannot be seen by any caller."""
        reasons = {r.excluded.reason for r in OPEN_API.requirements if r.excluded}
        assert reasons == {Reason.NOT_OBSERVABLE}

    @pytest.mark.parametrize("system", [system.name for system in systems()])
    def test_every_system_has_a_profile_that_holds_it_to_open_api_1_and_more(self, system: str) -> None:
        """A kind of system has to keep what any system has to and fits it, and what its part in journeys asks."""
        profile = {r.id for r in load_profile(f"{system}-1", CATALOGUE).requirements}
        of_any = {r.id for r in OPEN_API.requirements}
        assert of_any - profile == NOT_ASKED.get(system, set())
        assert profile - of_any

    def test_every_requirement_is_in_a_profile(self) -> None:
        """A requirement that no profile asks for would never be judged."""
        profiles = [load_profile(name, CATALOGUE) for name in profile_names()]
        asked = {r.id for profile in profiles for r in profile.requirements}
        assert sorted(set(CATALOGUE.ids) - asked) == []

    def test_open_api_1_tests_at_least_forty(self) -> None:
        """The profile for any contract is worth running: at least 40 requirements that a check can prove."""
        assert len([requirement for requirement in OPEN_API.requirements if not requirement.excluded]) >= 40

    @pytest.mark.parametrize("name", profile_names())
    def test_profile_never_lowers_a_level(self, name: str) -> None:
        """A requirement that is a MUST in the catalogue is a MUST in every profile."""
        for requirement in load_profile(name, CATALOGUE).requirements:
            assert requirement.level is Level.MUST or CATALOGUE[requirement.id].level is Level.SHOULD

    def test_authentication_applies_to_every_kind_of_credential(self) -> None:
        """A system that asks for any credential at all is asked to enforce it."""
        schemes = [name for name in FEATURES if name.startswith("security.")]
        assert [name for name in schemes if not CATALOGUE["AUT-01"].applies({name})] == []
        assert not CATALOGUE["AUT-01"].applies(FEATURES - set(schemes))


class TestCondition:
    """When a requirement applies."""

    @pytest.mark.parametrize(
        ("text", "features", "expected"),
        [
            ("", "", True),
            ("read", "read", True),
            ("read", "create", False),
            ("not read", "create", True),
            ("create and read or delete", "delete", True),
            ("create and (read or delete)", "delete", False),
            ("not (create or read)", "", True),
            ("security.api-key", "security.api-key", True),
            ("capability:read-child", "capability:read-child", True),
            ("capability:read-child", "read-child", False),
            ("not capability:read-child or batch", "capability:read-child", False),
        ],
    )
    def test_decides_whether_a_requirement_applies(self, text: str, features: str, expected: bool) -> None:
        """A system that shows these features is asked to meet the requirement, or it is not."""
        requirement = replace(CATALOGUE["AUT-01"], when=text)
        assert requirement.applies(features.split()) is expected

    def test_speaks_of_its_features(self) -> None:
        """The words between names are not names."""
        requirement = replace(CATALOGUE["AUT-01"], when="not a and (b or c.d-e)")
        assert requirement.features == {"a", "b", "c.d-e"}

    def test_speaks_of_its_capabilities_by_their_plain_names(self) -> None:
        """What has to be declared in the configuration is told from what the contract shows."""
        requirement = replace(
            CATALOGUE["AUT-01"], when="create and (capability:read-child or capability:a-b)"
        )
        assert requirement.capabilities == {"read-child", "a-b"}


class TestSelection:
    """Choosing by id and family."""

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            (["AUT-01"], ["AUT-01"]),
            (["aut-01"], ["AUT-01"]),
            (["TLS"], ["TLS-01", "TLS-02"]),
            (["PRV-02", "PRV"], ["PRV-01", "PRV-02", "PRV-03", "PRV-04", "PRV-05"]),
            (["TLS-01", "AUT-02"], ["AUT-02", "TLS-01"]),
        ],
    )
    def test_keeps_the_order_of_the_catalogue(self, wanted: list[str], expected: list[str]) -> None:
        """Ids and families may be mixed, in capitals or not; each requirement comes once."""
        assert [requirement.id for requirement in CATALOGUE.select(wanted)] == expected

    @pytest.mark.parametrize(
        ("wanted", "near"), [("AUT-1", "AUT-01"), ("ATU", "AUT"), ("CON-APO-01", "CON-API-01")]
    )
    def test_that_matches_nothing_names_what_is_near(self, wanted: str, near: str) -> None:
        """A typing mistake ends with exit 5 and a suggestion, never with an empty run that passes."""
        with pytest.raises(NothingSelectedError, match=wanted) as caught:
            OPEN_API.select(["PRV-01", wanted])
        assert near in caught.value.hint
        assert caught.value.exit_code == 5

    def test_that_resembles_nothing_says_where_all_are(self) -> None:
        """With nothing near, the hint names the command that lists them."""
        with pytest.raises(NothingSelectedError) as caught:
            CATALOGUE.select(["9"])
        assert "joinedup requirements" in caught.value.hint

    def test_unknown_id_is_suggested(self) -> None:
        """Asking the catalogue for an id that does not exist names the near one."""
        with pytest.raises(ConfigurationError, match="Did you mean TLS-01"):
            CATALOGUE["TLS-1"]


class TestMalformedCatalogue:
    """What is said when a requirement's file is wrong."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"level": "Must"}, 'a.yaml: requirement ABC-01, key level: "Must" is not one of'),
            ({"colour": "red"}, "a.yaml: requirement ABC-01: Additional properties"),
            ({"text": "No full stop"}, "a.yaml: requirement ABC-01, key text: "),
            ({"plain": ""}, "a.yaml: requirement ABC-01, key plain: "),
            ({"question": "GP7"}, "a.yaml: requirement ABC-01, key question: "),
            ({"when": "a and"}, "a.yaml: requirement ABC-01, key when: The condition 'a and' cannot be used"),
            ({"when": None}, "a.yaml: requirement ABC-01, key when: "),
            ({"id": "abc-1"}, "a.yaml: requirement abc-1, key id: "),
            ({"id": 7}, "a.yaml: requirement 7, key id: "),
            ({"source": {"document": "A law"}}, "a.yaml: requirement ABC-01, key source: "),
            ({"source": {**SOURCE, "verified": "yes"}}, "key source.verified: "),
            ({"source": {**SOURCE, "url": "law.example"}}, "key source.url: "),
            ({"excluded": {"reason": "lazy", "note": "No time for it."}}, "key excluded.reason: "),
            ({"excluded": {"reason": "unsafe"}}, "key excluded: "),
        ],
    )
    def test_names_file_id_and_key(self, tmp_path: Path, change: dict[str, object], message: str) -> None:
        """A wrong field is reported where it is, so that it can be put right without reading code."""
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            _catalogue(tmp_path, {**VALID, **change})

    def test_missing_key_is_named(self, tmp_path: Path) -> None:
        """A requirement without a level is not one."""
        with pytest.raises(ConfigurationError, match=r'ABC-01: "level" is a required property'):
            _catalogue(tmp_path, {key: value for key, value in VALID.items() if key != "level"})

    def test_requirement_without_an_id_is_counted(self, tmp_path: Path) -> None:
        """Where there is no id to name, the place in the file is named."""
        with pytest.raises(ConfigurationError, match="requirement number 2"):
            _catalogue(tmp_path, VALID, {"level": "MUST"})

    def test_id_is_never_used_twice(self, tmp_path: Path) -> None:
        """The same id in two files is refused, and both files are named."""
        _write(tmp_path / "b.yaml", [VALID])
        with pytest.raises(ConfigurationError, match=r"b\.yaml: requirement ABC-01 .* a\.yaml"):
            _catalogue(tmp_path, VALID)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: 1", "a list of requirements was expected, dict was found"),
            ("", "a list of requirements was expected, NoneType was found"),
            ("- [", "a.yaml is not YAML: "),
            ("- just text", "requirement number 1: "),
        ],
    )
    def test_file_of_another_form_is_refused(self, tmp_path: Path, text: str, message: str) -> None:
        """A file that holds no list of requirements is a message, never a traceback."""
        (tmp_path / "a.yaml").write_text(text, "utf-8")
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            load_catalogue(tmp_path)


class TestProfile:
    """Loading a profile."""

    def test_raises_a_level(self, tmp_path: Path) -> None:
        """A profile may ask more than the catalogue."""
        profile = _profile(tmp_path, {**_PROFILE, "raise": {"PRV-02": "MUST"}})
        assert [requirement.level for requirement in profile.requirements] == [Level.MUST, Level.MUST]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"raise": {"AUT-01": "SHOULD"}}, "AUT-01 is MUST in the catalogue, and SHOULD would lower it"),
            ({"raise": {"AUT-02": "MUST"}}, "AUT-02 is not a requirement of the profile"),
            ({"requirements": ["PVR-02"]}, "there is no requirement 'PVR-02'. Did you mean "),
            ({"requirements": ["AUT-01", "AUT-01"]}, "x-1.yaml: the profile, key requirements: "),
            ({"requirements": []}, "x-1.yaml: the profile, key requirements: "),
            ({"id": "y-1"}, "x-1.yaml: key id: 'x-1' was expected, 'y-1' was found"),
            ({"level": "MUST"}, "x-1.yaml: the profile: Additional properties"),
        ],
    )
    def test_refuses(self, tmp_path: Path, change: dict[str, object], message: str) -> None:
        """A profile that lowers, repeats, or names what does not exist is refused."""
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            _profile(tmp_path, {**_PROFILE, **change})

    def test_unknown_name_is_suggested(self) -> None:
        """A typing mistake in a profile's name is answered with the near one."""
        with pytest.raises(ConfigurationError, match="Did you mean open-api-1"):
            load_profile("openapi-1", CATALOGUE)

    def test_unknown_name_lists_all_where_none_is_near(self) -> None:
        """With no near name, the profiles that exist are listed."""
        with pytest.raises(ConfigurationError, match=r"There are: .*open-api-1"):
            load_profile("zzz", CATALOGUE)

    def test_name_is_no_path(self, tmp_path: Path) -> None:
        """A profile's name cannot lead out of the folder of profiles."""
        _write(tmp_path / "x-1.yaml", _PROFILE)
        (tmp_path / "inner").mkdir()
        with pytest.raises(ConfigurationError, match="There is no profile"):
            load_profile("../x-1", CATALOGUE, tmp_path / "inner")

    @pytest.mark.parametrize(
        ("change", "same"),
        [
            ({"plain": "Said more clearly."}, True),
            ({"source": replace(CATALOGUE["AUT-01"].source, url="https://moved.example/")}, True),
            ({"level": Level.SHOULD}, False),
            ({"text": "Something else is tested."}, False),
            ({"when": "read"}, False),
        ],
    )
    def test_hash_covers_what_decides(self, change: dict[str, object], same: bool) -> None:
        """The hash changes with what is tested and how it binds, and with nothing else."""
        first = OPEN_API.requirements[0]
        changed = replace(OPEN_API, requirements=(replace(first, **change), *OPEN_API.requirements[1:]))  # type: ignore[arg-type]
        assert (changed.hash == OPEN_API.hash) is same

    def test_hash_of_the_catalogue_covers_everything(self) -> None:
        """Two catalogues with the same hash are the same in every word."""
        first, *rest = CATALOGUE.requirements
        changed = Catalogue((replace(first, plain="Said more clearly."), *rest))
        assert changed.hash != CATALOGUE.hash == load_catalogue().hash


_PROFILE = {
    "id": "x-1",
    "title": "A profile",
    "audience": "Systems made up for this test.",
    "requirements": ["AUT-01", "PRV-02"],
}


def _write(path: Path, value: object) -> None:
    path.write_text(yaml.safe_dump(value), "utf-8")


def _catalogue(folder: Path, *entries: dict[str, object]) -> Catalogue:
    _write(folder / "a.yaml", list(entries))
    return load_catalogue(folder)


def _profile(folder: Path, value: object) -> Profile:
    _write(folder / "x-1.yaml", value)
    return load_profile("x-1", CATALOGUE, folder)
