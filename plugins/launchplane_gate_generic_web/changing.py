"""Setting the image of a target, so that nobody's change is undone.

Dokploy has no compare-and-set, and what is saved with the image (the credentials of a registry, a whole environment)
goes back as it was read. So it is read again right before the write, nothing is written where a colleague changed it
meanwhile, and it is read back after.
"""

from __future__ import annotations

from collections.abc import Callable

from launchplane_gate.model import Outcome
from launchplane_gate_dokploy import Dokploy, DokployError
from launchplane_gate_generic_web.compose_file import Unusable
from launchplane_gate_generic_web.targets import ReadTarget
from launchplane_gate_generic_web.waiting import ALREADY_SET

Reread = Callable[[], ReadTarget]


class NotDeployed(Exception):
    """The deploy ends before anything is deployed. ``outcome``: how."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def set_image(dokploy: Dokploy, checked: ReadTarget, reread: Reread, image: str) -> str:
    """Set the image of a target that was ``checked``. Gives what came in between, in words; mostly nothing.

    Raises NotDeployed: untouched, where nothing was written; unknown, where something may have been.
    """
    before = _as_checked(checked, reread)
    try:
        before.set_image(dokploy, image)
    except DokployError as error:
        raise NotDeployed(_not_set(error, before, reread)) from error
    return _read_back(before, reread, image)


def changed(old: ReadTarget, new: ReadTarget) -> str:
    """What differs between two readings, but for the image: names, and never a value."""
    now = new.rest
    return ", ".join(name for name, value in old.rest.items() if now.get(name) != value)


def _as_checked(checked: ReadTarget, reread: Reread) -> ReadTarget:
    """The target as it is right before the write."""
    try:
        now = reread()
        what = changed(checked, now)
    except (DokployError, Unusable) as error:
        raise NotDeployed(_untouched(f"the target could not be read again: {error}")) from error
    if what:
        raise NotDeployed(_untouched(f"somebody changed the target while it was checked ({what}); deploy again"))
    return now


def _not_set(error: DokployError, before: ReadTarget, reread: Reread) -> Outcome:
    """A definite refusal leaves the target as it was, which is seen; all else is a doubt."""
    if error.acted:
        return _doubt(f"it is not known whether the image was set: {error}")
    refused = f"the image was not set: {error}"
    try:
        now = reread()
        is_as_before = now.image == before.image and not changed(before, now)
    except (DokployError, Unusable) as again:
        return _doubt(f"{refused}; whether the target is as before could not be seen: {again}")
    if not is_as_before:
        return _doubt(f"{refused}; and yet the target is not as it was before: somebody changed it meanwhile")
    return Outcome(status="fail", touched=False, detail=f"{refused}; the target is as before")


def _read_back(before: ReadTarget, reread: Reread, image: str) -> str:
    try:
        now = reread()
        now.check(image)
        is_set = now.image
    except (DokployError, Unusable) as error:
        raise NotDeployed(_doubt(f"the image was set, and read back: {error}")) from error
    if is_set != image:
        raise NotDeployed(_doubt("the image was set, and reads back as another: somebody changed it meanwhile"))
    if what := changed(before, now):
        return f"somebody changed the target while its image was set ({what}); that stays as they left it"
    return ""


def _untouched(detail: str) -> Outcome:
    return Outcome(status="fail", touched=False, detail=f"nothing was changed: {detail}")


def _doubt(detail: str) -> Outcome:
    return Outcome(status="unknown", touched=True, detail=f"{detail}; nothing was deployed; {ALREADY_SET}, if it was")
