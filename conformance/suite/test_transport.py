"""Everything that passes is encrypted to a current standard."""

from __future__ import annotations

import pytest

from joinedup.conformance import client_certificates
from joinedup.conformance.check import Check, blocked, not_applicable
from joinedup.conformance.configuration import is_loopback
from joinedup.conformance.target import Target
from joinedup.conformance.transport import judge, plain_http_finding


@pytest.mark.requirement("TLS-01")
def test_is_reached_over_current_tls_only(target: Target, check: Check) -> None:
    """The system speaks TLS 1.2 or newer with a certificate that verifies, and neither older versions nor plain HTTP."""
    base_url = target.system.base_url
    if not base_url.lower().startswith("https:"):
        if is_loopback(base_url):
            raise not_applicable(
                "the system is on this computer, where nothing passes over a network; test it where it is served"
            )
        check.report(plain_http_finding())
        return
    try:
        judged = judge(base_url, target.trust, target.configuration.limits.timeout_s)
    except OSError as error:
        raise blocked(
            f"not exercised, because no connection could be made ({type(error).__name__})"
        ) from None
    check.report(*judged.findings)
    check.proves(times=judged.tried)
    for part in judged.untested:
        check.leaves_out(part)


@pytest.mark.requirement("TLS-02")
def test_lets_in_only_machines_with_a_certificate(target: Target, check: Check) -> None:
    """Where mutual TLS is declared, a client with no certificate, or with one that was not issued for it, is refused."""
    if not target.system.base_url.lower().startswith("https:"):
        raise not_applicable("the system is not reached over TLS; that is reported by itself")
    for shown, status in client_certificates.accepted(target):
        check.proves()
        if status is not None and status < 400:
            check.report(client_certificates.finding(shown, status))
    check.leaves_out("a certificate of the system's own authority that has ended, which only it can issue")
