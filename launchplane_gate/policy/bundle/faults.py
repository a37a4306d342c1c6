"""What is wrong with a configuration as a whole, and whose line it is: the last folder that says it, or the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from launchplane_gate.model import Running
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.files import Folder
from launchplane_gate.policy.bundle.floor import FLOOR, FLOOR_CODES, VERSION_CODES, WAIVABLE_FLOOR
from launchplane_gate.policy.bundle.places import Place, found, told
from launchplane_gate.policy.bundle.syntax import Finding, Source
from launchplane_gate.ssh import public_key

_REMEDY = "Mend it; policies/README.md says what may stand there."


class Fault(NamedTuple):
    """``entry``: what of a list it is. ``missing``: nothing is there, and the first folder has to say it."""

    place: Place
    message: str
    entry: Place = ()
    missing: bool = False
    remedy: str = _REMEDY


def faults_of(config: Config, folders: Sequence[Folder], rules: Mapping[str, Source]) -> list[Finding]:
    """``rules``: the source of each rule, by its code."""
    findings = [_finding(fault, folders) for fault in _faults(config, rules)]
    asked = {code for *_, codes in config.roll_call.lists() for code in codes}
    asked |= VERSION_CODES.union(config.roll_call.optional)
    findings += [
        Finding(
            source.file,
            1,
            f"the rule {code} is on no roll call",
            f"Add it to `roll_call` in {_configuration_beside(source, folders)}, or to `roll_call.optional` there.",
        )
        for code, source in rules.items()
        if code not in asked
    ]
    return findings


def _configuration_beside(source: Source, folders: Sequence[Folder]) -> str:
    return next(folder.config_file for folder in folders if source in folder.sources)


def _finding(fault: Fault, folders: Sequence[Folder]) -> Finding:
    place = (*fault.place, *fault.entry)
    folder = folders[0] if fault.missing else max(folders, key=lambda one: len(found(one.config, place)))
    if not fault.missing:  # of those that say it, the last one
        folder = next(one for one in reversed(folders) if found(one.config, place) == found(folder.config, place))
    message = f"{told(fault.place)}: {fault.message}"
    return Finding(folder.config_file, folder.line_of(place), message, fault.remedy)


def _faults(config: Config, rules: Mapping[str, Source]) -> Iterator[Fault]:
    yield from (Fault(("thresholds",), f"{name} is missing", missing=True) for name in config.missing_thresholds)
    yield from _faults_of_roll_call(config, rules)
    yield from _faults_of_standing(config)
    yield from _faults_of_waivers(config, rules)
    yield from _faults_of_keys(config)


def _faults_of_roll_call(config: Config, rules: Mapping[str, Source]) -> Iterator[Fault]:
    for place, action, phase, codes in config.roll_call.lists():
        yield from (Fault(place, f"no rule has the code {code}", (code,)) for code in codes if code not in rules)
        if (action, phase) not in FLOOR:
            yield Fault(place, f"is never asked; whether somebody may {action} is asked in standing alone")
        base = config.roll_call.base.get(action, {}).get(phase, ())
        if codes is not base:
            yield from (Fault(place, f"{code} is asked anyway", (code,)) for code in codes if code in base)
    for (action, phase), floor in FLOOR.items():
        base = config.roll_call.base.get(action, {}).get(phase, ())
        place = ("roll_call", "base", action, phase)
        yield from (Fault(place, f"{code} has to be asked", missing=True) for code in floor if code not in base)
    place = ("roll_call", "optional")
    optional = config.roll_call.optional
    yield from (Fault(place, f"no rule has the code {code}", (code,)) for code in optional if code not in rules)
    for name in sorted(config.roll_call.products.keys() - config.products.keys()):
        yield Fault(("roll_call", "products"), f"{name} is not among the products", (name,))


def _faults_of_standing(config: Config) -> Iterator[Fault]:
    """What is asked before a lane is held is asked again with all facts, and is nothing that can be waived."""
    lists = list(config.roll_call.lists())
    for place, action, phase, codes in lists:
        if phase != "standing":
            continue
        for code in codes:
            if code in config.waivable:
                yield Fault(place, f"{code} can be waived, and here no waiver is looked at", (code,))
        if action in get_args(Running):
            again = {code for other, *_, asked in lists if other == _admit(place) for code in asked}
            again.update(config.roll_call.base.get(action, {}).get("admit", ()))
            missing = [code for code in codes if code not in again]
            yield from (Fault(place, f"{code} has to stand in admit, too", (code,)) for code in missing)


def _admit(place: Place) -> Place:
    return (*place[:-1], "admit")


def _faults_of_waivers(config: Config, rules: Mapping[str, Source]) -> Iterator[Fault]:
    for code in config.waivable:
        if code not in rules:
            yield Fault(("waivable",), f"no rule has the code {code}", (code,))
        elif code in (FLOOR_CODES | VERSION_CODES) - WAIVABLE_FLOOR:
            yield Fault(("waivable",), f"{code} can never be waived", (code,))
    for name, product in config.products.items():
        for code in product.by_word:
            if code not in config.waivable or code in FLOOR_CODES:
                yield Fault(("products", name, "by_word"), f"a waiver of {code} never counts by word alone", (code,))


def _faults_of_keys(config: Config) -> Iterator[Fault]:
    """One key under two names would make two people of one."""
    named: dict[bytes, str] = {}
    for name, product in config.products.items():
        for instance, entries in product.actors.items():
            for index, entry in enumerate(entries):
                if entry.ssh_key and named.setdefault(public_key(entry.ssh_key), entry.subject) != entry.subject:
                    other = named[public_key(entry.ssh_key)]
                    place = ("products", name, "actors", instance)
                    yield Fault(place, f"{entry.subject} has the ssh_key of {other}", (index,))
