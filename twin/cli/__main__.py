"""``python -m twin.cli``: the command line where the script ``twin`` is not installed, as in a bare checkout."""

from __future__ import annotations

from twin.cli import main

if __name__ == "__main__":
    main()
