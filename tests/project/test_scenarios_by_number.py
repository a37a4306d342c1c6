"""Each scenario of what a gate in front of production must do has a test that begins with its number."""

import ast
import re
from collections.abc import Iterator

from tests.places import ROOT

# Of 23 to 27 and 29 Dokploy is the fake one; of 64 what a host shows of its recent operations is a test of the host's.
SCENARIOS = [
    *(f"S{number}" for number in range(10, 35)),
    *("S21b", "S21c", "S36", "S46"),
    *("S57", "S59", "S60", "S63", "S64", "S66"),
]


def docstrings() -> Iterator[str]:
    """Those of every test function."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                yield ast.get_docstring(node) or ""


def test_every_scenario_has_a_test_of_its_number() -> None:
    shown = {found[1] for text in docstrings() if (found := re.match(r"(S\d+[a-z]?): \S", text))}
    missing = [scenario for scenario in SCENARIOS if scenario not in shown]
    assert not missing, f"no test begins with {', '.join(missing)}"
