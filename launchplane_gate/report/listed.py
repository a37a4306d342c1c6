"""What is asked of a product, for people: the rules of each action, and the figures that they go by."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from launchplane_gate.authoring.overview.asked import CORE, Asked, OfProduct
from launchplane_gate.model import Action, Phase
from launchplane_gate.policy import Bundle
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import count, span

WIDTH = 80
PHASES: tuple[Phase, ...] = get_args(Phase)
SHIPPED = "shipped"

Rows = tuple[tuple[str, ...], ...]


def listed_text(bundle: Bundle, found: OfProduct) -> list[Block]:
    by = (
        f", deployed by {found.driver_id}" if found.driver_id else ", by a driver that is not known (--driver names it)"
    )
    codes = {one.code for one in found.asked}
    text: list[Block] = [f"{found.product}{by}: {count(len(codes), 'rule')}"]
    by_rows: dict[Rows, list[str]] = {}
    for action in sorted({one.action for one in found.asked}, key=get_args(Action).index):
        by_rows.setdefault(_rows(bundle, found.asked, action), []).append(action)
    for rows, actions in by_rows.items():
        text += ["", *_folded(", ".join(actions)), Table(rows, header=("rule", *PHASES, "from"), names=(0,))]
    if any(one.of == CORE for one in found.asked):
        text += ["", f"*  asked by {CORE}"]
    waivable = [code for code in bundle.settings.waivable if code in codes]
    text += ["", *_folded(f"Can be waived: {', '.join(waivable) or 'none'}.")]
    figures = figures_of(bundle, found).items()
    told = [(name, str(value), span(value) if name.endswith("_s") else "") for name, value in figures]
    text += ["", "Figures:", Table(told)]
    return [*text, "", "A rule CATEGORY.NAME is gate/rules/CATEGORY/NAME.rego in its folder:", _folders(bundle)]


def _rows(bundle: Bundle, asked: Iterable[Asked], action: str) -> Rows:
    phases: dict[str, dict[str, str]] = {}
    for one in asked:
        if one.action == action:
            phases.setdefault(one.code, {})[one.phase] = "yes*" if one.of == CORE else "yes"
    names = _names(bundle)
    return tuple(
        (code, *(said.get(phase, "-") for phase in PHASES), names[folder_of(bundle, code)])
        for code, said in phases.items()
    )


def folder_of(bundle: Bundle, code: str) -> Path:
    """The folder of policies that brings a rule."""
    file = bundle.file_of(code)
    return next(one.path for one in bundle.folders if any(source.file == file for source in one.sources))


def _names(bundle: Bundle) -> Mapping[Path, str]:
    first, *others = (folder.path for folder in bundle.folders)
    short = [folder.name for folder in others]
    return {first: SHIPPED, **{path: path.name if short.count(path.name) == 1 else str(path) for path in others}}


def _folders(bundle: Bundle) -> Table:
    return Table([(name, str(path)) for path, name in _names(bundle).items()])


def figures_of(bundle: Bundle, found: OfProduct) -> dict[str, int]:
    """The thresholds that count for a product, with those that another place of the configuration has a say in."""
    settings = bundle.settings
    figures = settings.thresholds_of(found.product)
    figures["waiver_max_s"] = settings.waiver_max_s(found.product)
    figures["settle_s"] = settings.settle_s(found.driver_id, found.product)
    return figures


def listed_document(bundle: Bundle, found: OfProduct) -> dict[str, Any]:
    rules = [
        {
            "action": one.action,
            "phase": one.phase,
            "code": one.code,
            "title": bundle.metadata[one.code].title,
            "of": one.of or "every product",
            "waivable": one.code in bundle.settings.waivable,
            "file": bundle.file_of(one.code),
            "listed_in": one.listed_in or None,
        }
        for one in found.asked
    ]
    driver = found.driver_id or None
    return {"product": found.product, "driver": driver, "rules": rules, "figures": figures_of(bundle, found)}


def _folded(text: str) -> list[Block]:
    return [*textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)]
