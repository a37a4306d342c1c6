"""The driver ``verireel``: an image on Dokploy like another, whose deploys are more than that."""

from __future__ import annotations

from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.model import Outcome, Run
from launchplane_gate_generic_web import GenericWebDriver


class VeriReelDriver(GenericWebDriver):
    """Looks as ``generic-web`` does. Only Launchplane deploys: its executor migrates the database, too."""

    driver_id = "verireel"
    after_s = 1800.0  # two looks at the rollout, and up to four attempts at the migrations

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        """Begin nothing: this is called where no executor of the host is at hand."""
        told = "ask Launchplane for it: its own executor migrates the database of VeriReel, too"
        return Outcome(status="fail", touched=False, detail=f"{approval.lane} is not deployed from here; {told}")

    def find(self, run: Run) -> Outcome:
        """Of a promotion never ``pass``: its deployment is shown, and its migrations are not."""
        found = super().find(run)
        if found.status == "pass" and run.action == "promote":
            told = "whether its migrations ran is not shown; promote again, which runs them again"
            return found.model_copy(update={"status": "unknown", "detail": f"{found.detail}; {told}"})
        return found
