"""What a shell is offered where a command takes a product, a lane, a file or a format: by what its help calls that."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from launchplane_gate.cli.session import Session

LARGEST = 2**20  # bytes of settings

Found = Callable[[click.Context], Iterator[CompletionItem[str]]]


class _Offered(click.types.StringParamType):
    """A text, of which some values are known."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        return [one for one in self._found(ctx) if one.type != "plain" or one.value.startswith(incomplete)]


def offering(param: click.Parameter) -> None:
    """Have a parameter offer what it may be, where it is a text and that is known."""
    called = str(param.metavar or param.name).upper()
    found = _KNOWN.get(called.replace("[", "").replace("]", "").removesuffix("..."))
    if found and param.type is click.STRING:
        param.type = _Offered(_products_and_lanes if "[/" in called else found)


def _named(ctx: click.Context) -> Mapping[str, list[str]]:
    """Each product with its lanes, by the settings; none where these cannot be read.

    Read here: what reads settings to act on them takes longer to import than a person waits for a shell.
    """
    from launchplane_gate.private import read_regular

    path = ctx.ensure_object(Session).config or os.environ.get("LAUNCHPLANE_GATE_CONFIG") or "launchplane-gate.toml"
    try:
        products = tomllib.loads(read_regular(Path(path), LARGEST).decode())["products"]
        return {name: list(table.get("lanes", ())) for name, table in products.items()}
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return {}


def _products(ctx: click.Context) -> Iterator[CompletionItem[str]]:
    return map(CompletionItem, _named(ctx))


def _lanes(ctx: click.Context) -> Iterator[CompletionItem[str]]:
    """Of the product that is named already, else of all."""
    named = _named(ctx)
    product = next((word for word in (str(ctx.params.get("product")), *ctx.args) if word in named), "")
    lanes = named.get(product) or [lane for lanes in named.values() for lane in lanes]
    return map(CompletionItem, dict.fromkeys(lanes))


def _places(ctx: click.Context) -> Iterator[CompletionItem[str]]:
    return (CompletionItem(f"{product}/{lane}") for product, lanes in _named(ctx).items() for lane in lanes)


def _products_and_lanes(ctx: click.Context) -> Iterator[CompletionItem[str]]:
    yield from _products(ctx)
    yield from _places(ctx)


def _formats(ctx: click.Context) -> Iterator[CompletionItem[str]]:
    return map(CompletionItem, getattr(ctx.command, "formats", ()))


def _files(_: click.Context) -> Iterator[CompletionItem[str]]:
    yield CompletionItem("", type="file")


_KNOWN: Mapping[str, Found] = {
    "PRODUCT": _products,
    "LANE": _lanes,
    "PRODUCT/LANE": _places,
    "FORMAT=PATH": _formats,
    **dict.fromkeys(("FILE", "PATH", "BACKUP", "FOLDER", "DIR", "PROGRAM"), _files),
}
