"""``policy``: the tools of those who write policies."""

from __future__ import annotations

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.policy.bundle import bundle
from launchplane_gate.cli.policy.case import case
from launchplane_gate.cli.policy.check import check
from launchplane_gate.cli.policy.diff import diff
from launchplane_gate.cli.policy.docs import docs
from launchplane_gate.cli.policy.list import list_
from launchplane_gate.cli.policy.mutate import mutate
from launchplane_gate.cli.policy.new import new
from launchplane_gate.cli.policy.replay import replay
from launchplane_gate.cli.policy.schema import schema
from launchplane_gate.cli.policy.test import test


@click.group(cls=Group)
def policy() -> None:
    """Write, check and test the policies, replay what was decided under them, and pack them for OPA.

    The shipped ones, with the folders that the settings add, or those that you name.

    \b
    Examples:
      launchplane-gate policy new release.vetted --folder policies
      launchplane-gate policy check policies
      launchplane-gate policy test --only source_current
      launchplane-gate policy replay policies --fail-on deny-to-allow
      launchplane-gate policy bundle -o gate.tar.gz
    """


for command in (list_, new, test, check, case, mutate, replay, diff, docs, bundle, schema):
    policy.add_command(command)
