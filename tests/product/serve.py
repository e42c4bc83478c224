"""
The product in a process of its own: ``python -m product.serve --port 8700 --partners partners.json``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from product.application import application
from product.caseload import Caseload
from product.outbox import Outbox
from product.partners import Partners


def main() -> None:
    """Serve on the loopback interface until a signal."""
    parser = argparse.ArgumentParser(prog="python -m product.serve")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--partners", type=Path, help="what `joinedup mocks --print-partners --json` printed")
    parser.add_argument("--defect", action="append", default=[], metavar="NAME")
    chosen = parser.parse_args()
    partners = Partners.read(chosen.partners) if chosen.partners else Partners({})
    kept = Caseload(Outbox(partners.send), defects=frozenset(chosen.defect))
    kept.reset()
    uvicorn.run(application(kept), host="127.0.0.1", port=chosen.port, log_level="warning")


if __name__ == "__main__":
    main()
