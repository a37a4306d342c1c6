"""What a look at the texts of a bundle found, once its form was checked; it can be kept, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from pydantic import ValidationError

from launchplane_gate.policy.bundle.metadata import RuleMetadata
from launchplane_gate.policy.bundle.reads import Reads
from launchplane_gate.policy.bundle.rego_tests import RegoTest


class Looked(NamedTuple):
    """The metadata of each rule, by its code, the tests, and what each module reads, by its package."""

    rules: Mapping[str, RuleMetadata]
    tests: tuple[RegoTest, ...]
    reads: Mapping[str, Reads]

    def told(self) -> dict[str, Any]:
        return {
            "rules": {code: rule.model_dump() for code, rule in self.rules.items()},
            "tests": [asdict(test) for test in self.tests],
            "reads": {
                package: {
                    "sources": None if reads.sources is None else sorted(reads.sources),
                    "imports": sorted(reads.imports),
                }
                for package, reads in self.reads.items()
            },
        }

    @classmethod
    def read(cls, told: Any) -> Looked | None:
        """None for what was not told by us."""
        try:
            rules = {code: RuleMetadata.model_validate(rule) for code, rule in told["rules"].items()}
            tests = tuple(RegoTest(**test) for test in told["tests"])
            reads = {package: _reads(said) for package, said in told["reads"].items()}
        except (ValidationError, TypeError, KeyError, AttributeError):
            return None
        return cls(rules, tests, reads)


def _reads(said: Mapping[str, Any]) -> Reads:
    sources = said["sources"]
    return Reads(None if sources is None else frozenset(sources), frozenset(said["imports"]))
