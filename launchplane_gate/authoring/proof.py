"""What loading policies runs, as findings: which file and line keeps the gate from taking them."""

from __future__ import annotations

from launchplane_gate.errors import PolicyError
from launchplane_gate.policy import BadForm, Bundle, EmbeddedEngine, Finding
from launchplane_gate.policy.bundle.rego_tests import NoAnswer, failing, interpreter_of_tests, why_failing
from launchplane_gate.policy.proof.must_refuse import ailing


def unproven(bundle: Bundle) -> list[Finding]:
    """What the embedded engine holds against a bundle. Raises EngineError where it is the engine that is not right."""
    try:
        EmbeddedEngine(bundle, remembers=True)
    except NoAnswer as error:
        return [*ailing(bundle), *error.findings]
    except BadForm as error:
        return list(error.findings)
    except PolicyError:  # a test that does not hold, be it for a rule that ends in an error
        interpreter = interpreter_of_tests(bundle.modules, bundle.data)
        failed = why_failing(interpreter, bundle.modules, failing(interpreter, bundle.tests))
        rules = ailing(bundle)
        told = {(finding.file, finding.line) for finding in rules}
        return [*rules, *(finding for finding in failed if (finding.file, finding.line) not in told)]
    return []
