"""`python -m creditledger`: the command line."""

from __future__ import annotations

from creditledger.cli import main

if __name__ == "__main__":
    main()
