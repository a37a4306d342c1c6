"""Mutants of a configuration: a rule off the roll call, where it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from launchplane_gate import strictjson
from launchplane_gate.authoring.mutate.mutants import Mutant
from launchplane_gate.model import Action, Phase
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.files import CONFIG_PATH, Folder
from launchplane_gate.policy.bundle.form import BadForm
from launchplane_gate.policy.bundle.load import Bundle, bundle_of
from launchplane_gate.policy.bundle.places import found, without_entry
from launchplane_gate.policy.bundle.syntax import Source


@dataclass(frozen=True)
class Unasked:
    """A rule that is not asked of an action in a phase; ``folders`` are all of them, this one's with the mutant."""

    mutant: Mutant
    action: Action
    phase: Phase
    folders: tuple[Folder, ...]

    def bundle(self) -> Bundle | None:
        """None where the gate would not load it: the core itself demands the rule there, or nobody asks it at all."""
        try:
            return bundle_of(self.folders)
        except (BadForm, ValidationError):
            return None


def unasked(folders: Sequence[Folder], of: Sequence[Folder]) -> Iterator[Unasked]:
    """For each entry of the roll calls of the folders ``of``, in the order in which they stand there."""
    for folder in of:
        source = Source(CONFIG_PATH, folder.config_file, folder.config_text)
        settings = Config.model_validate_json(strictjson.dumps(folder.config))
        for place, action, phase, codes in settings.roll_call.lists():
            for code in codes:
                text = without_entry(folder.config_text, found(folder.config, (*place, code)))
                mutant = Mutant(source, code, "unasked", folder.line_of((*place, code)), text)
                mutated = replace(folder, config=_without_nothing(strictjson.loads(text)), config_text=text)
                others = tuple(mutated if one is folder else one for one in folders)
                yield Unasked(mutant, action, phase, others)


def _without_nothing(config: Any) -> dict[str, Any]:
    """A list of nobody is no list, and neither is an action without one."""
    return {name: _pruned(part) if name == "roll_call" else part for name, part in config.items()}


def _pruned(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    kept = {name: _pruned(below) for name, below in part.items()}
    return {name: below for name, below in kept.items() if below not in ([], {})}
