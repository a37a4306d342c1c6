"""``prove``: whether everything that names the release of a lane names the same one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.gate import Gate
    from launchplane_gate.model import Lane
    from launchplane_gate.prove import Proof
    from launchplane_gate.records import ProductProfile

EXIT_CODES: Mapping[str, int] = {"one": 0, "differs": 1, "unknown": 3, "empty": 8}
AT_ONCE = 8  # lanes


@click.command(cls=Command)
@click.argument("where", metavar="[PRODUCT[/LANE]]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every product that the settings name.")
@click.option("--lane", metavar="LANE", help="Which lane of the product: the same as PRODUCT/LANE.")
@click.option("--version", metavar="TAG", help="The lane of the product that this version was promoted to.")
@click.option(
    "--attestation",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Ask nobody: hold this file to its signature, and to what you take it for.",
)
@click.option(
    "--key",
    "keys",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="With --attestation: a public key to believe, in PEM.  [default: the settings']",
)
@pass_session
def prove(
    session: Session,
    where: tuple[str, ...],
    every: bool,
    lane: str | None,
    version: str | None,
    attestation: Path | None,
    keys: tuple[Path, ...],
) -> Answer:
    """Prove that everything names one release.

    The release is what the decision that let it go and the inventory name. Held to it, asked afresh: the deployment
    that it rests on, what the platform shows (the digest of every running container, where it does), every health URL,
    the labels of the image, tag and release. A PRODUCT stands for the lanes that it is promoted to; for all of its
    lanes, where it is promoted to none.

    Exit code 0 if all that can be seen is one, 1 if something differs, 3 if something could not be asked, 8 if nothing
    was ever recorded and nothing runs. Of several lanes the worst of these counts; with --all a lane that is empty is
    told, and counts only where no other is proven. What a platform does not show is said to be not shown, with the
    right that is missing; it is never taken for equal. For cron and CI: --output json, one document, of several lanes
    with a list of proofs.

    With --attestation nobody is asked: a file that the gate signed is held to its signature, to product, lane and
    version, and to the ledger where that is here. It says what it rests on, and what was not looked at; 1 where
    something differs, 2 where the file is no attestation.

    \b
    Examples:
      launchplane-gate prove sellyouroutboard
      launchplane-gate prove sellyouroutboard --version v0.2.10
      launchplane-gate prove sellyouroutboard/testing sellyouroutboard/prod
      launchplane-gate prove --all
      launchplane-gate prove sellyouroutboard --attestation r-7Q2M4KXB.intoto.json --key attest.pub
    """
    if keys and not attestation:
        raise click.UsageError("--key goes with --attestation")
    if attestation:
        return _attested(session, () if every else where, attestation, keys, lane, version)
    if bool(where) == every:
        raise click.UsageError("name products, or lanes as PRODUCT/LANE, or --all" if not every else "--all is all")
    if (lane or version) and (len(where) != 1 or "/" in where[0] or (lane and version)):
        raise click.UsageError("--lane or --version, one of them, goes with one PRODUCT")
    products = sorted(session.settings().profiles) if every else where
    if lane:
        products = [f"{where[0]}/{lane}"]
    with session.gate(to_read=True) as gate, progress_shown("asking every place that names the release"):
        lanes = dict(_of_version(gate, where[0], version) if version else _lanes(gate, products))
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            proofs = list(pool.map(lambda one: _proof(gate, *one), lanes.items()))
    if version:
        _see_that_it_is_there(proofs[0], version)
    return _answer(proofs, every=every)


def _attested(
    session: Session,
    where: Sequence[str],
    attestation: Path,
    keys: Sequence[Path],
    lane: str | None,
    version: str | None,
) -> Answer:
    from launchplane_gate.cli.attested import prove_attestation

    if len(where) != 1 or (lane and "/" in where[0]):
        raise click.UsageError("--attestation goes with one PRODUCT, or one lane as PRODUCT/LANE")
    product, _, instance = where[0].partition("/")
    return prove_attestation(session, product, attestation, keys, lane=lane or instance or None, version=version)


def _lanes(gate: Gate, products: Sequence[str]) -> Iterator[tuple[Lane, ProductProfile]]:
    """The lanes that ``PRODUCT`` or ``PRODUCT/LANE`` name. Raises RequestError."""
    from launchplane_gate.lanes import paths_of
    from launchplane_gate.line import find_lane
    from launchplane_gate.model import lanes_of

    for one in products:
        product, separator, instance = one.partition("/")
        profile = gate.profile(product)
        ends = dict.fromkeys(end for _, end in paths_of(gate.bundle, product))
        named = [instance] if separator else list(ends)
        for lane in [find_lane(profile, one) for one in named] or lanes_of(profile):
            yield lane, profile


def _of_version(gate: Gate, product: str, version: str) -> Iterator[tuple[Lane, ProductProfile]]:
    from launchplane_gate.prove import lane_of_version

    profile = gate.profile(product)
    yield lane_of_version(gate, profile, version), profile


def _proof(gate: Gate, lane: Lane, profile: ProductProfile) -> Proof:
    from launchplane_gate.prove import prove as prove_lane

    return prove_lane(gate, profile, lane)


def _see_that_it_is_there(proof: Proof, version: str) -> None:
    """Raises Stale where a lane has moved on since a version was promoted to it."""
    from launchplane_gate.commands import command
    from launchplane_gate.errors import Stale

    if proof.version != version:
        history = command("inventory", "history", f"{proof.product}/{proof.lane.instance}")
        raise Stale(
            f"{proof.lane} runs {proof.release or 'nothing known'} now, of {proof.version or 'no version'}",
            hint=f"What {version} shipped is no longer there; `{history}` has it.",
        )


def _answer(proofs: Sequence[Proof], *, every: bool) -> Answer:
    """One lane that was asked for is its proof, as it is; several are a list."""
    from launchplane_gate.prove import worst_of
    from launchplane_gate.report.prove import proof_text, proofs_text

    if len(proofs) == 1 and not every:
        return Answer(proofs[0].model_dump(mode="json"), proof_text(proofs[0]), EXIT_CODES[proofs[0].verdict])
    shown = [proof for proof in proofs if proof.verdict != "empty"]
    verdict = worst_of(shown if every else proofs)
    text = proofs_text(proofs) if proofs else ["Nothing to prove: the settings name no products."]
    document = {"verdict": verdict, "proofs": [proof.model_dump(mode="json") for proof in proofs]}
    return Answer(document, text, EXIT_CODES[verdict])
