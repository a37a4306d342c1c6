"""Where things stand in the project."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "cases"
POLICIES = ROOT / "policies"
