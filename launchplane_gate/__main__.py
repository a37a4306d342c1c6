"""``python -m launchplane_gate``: the command line."""

from launchplane_gate.cli import main

if __name__ == "__main__":
    main()
