"""
A small service for early help referrals, with defects that can be switched on, to test the tester.

Clean, it keeps every promise of its contract, in each of three styles (``service.styles``). ``serving`` runs it on
the loopback interface; ``create_app`` gives the application; ``DEFECTS`` is the table of what can be broken.
"""

from service.app import Service, create_app
from service.defects import DEFECTS, Defect
from service.serve import Identities, Identity, Serving, serving
from service.styles import STYLES

__all__ = [
    "DEFECTS",
    "STYLES",
    "Defect",
    "Identities",
    "Identity",
    "Service",
    "Serving",
    "create_app",
    "serving",
]
