"""The command line: the composition root, which alone may import everything.

Commands parse, call and print. Heavy imports live inside them, so that ``twin --help`` answers at once.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    from twin.cli.app import build_app

    build_app()(prog_name="twin", args=sys.argv[1:])
