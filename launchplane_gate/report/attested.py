"""What an attestation was held to, as text: the verdict, each point, and what the statement rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from launchplane_gate.attestation import Decided, LookedAt, NotLookedAt, Statement
from launchplane_gate.attested import Attested
from launchplane_gate.model import short
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import brief, count

MARKS: Mapping[str, str] = {"holds": "ok", "differs": "x", "open": "-"}
DIGESTS = {"shown": "the digest of every container", "failed": "no digest: they could not be read"}


def attested_text(attested: Attested) -> list[Block]:
    points = [(MARKS[one.state], one.what, brief(one.says), brief(one.detail)) for one in attested.points]
    text: list[Block] = [_verdict(attested), "", Table(points, names=(2,))]
    if attested.statement:
        text += ["", "What it rests on, by its own word:", Table(list(_rests_on(attested.statement)))]
    return text


def _verdict(attested: Attested) -> str:
    if attested.statement is None:
        return "Differs: nobody signed it whose key is here, so nothing in it is believed."
    differs = [point.what for point in attested.points if point.state == "differs"]
    if differs:
        return f"Differs: it is signed, and is not what it is taken for: {', '.join(differs)}."
    told = attested.statement.promotion
    what = f"{told.product} {short(told.source_git_ref)}" + (f" ({told.version})" if told.version else "")
    by = attested.points[0].detail
    open_ = [point.what for point in attested.points if point.state == "open"]
    left = f" Not held to anything: {', '.join(open_)}." if open_ else ""
    return f"Holds: that {what} was promoted from {told.source} to {told.destination} is signed {by}.{left}"


def _rests_on(statement: Statement) -> Iterator[tuple[str, str]]:
    summary, told = statement.predicate, statement.promotion
    version = ", ".join(f"{name} {version}" for name, version in summary.verifier.version.items())
    yield "verified by", f"{summary.verifier.id} ({version}) at {summary.time_verified}"
    yield "policies", ", ".join(map(short, summary.policy.digest.values()))
    for one in told.decisions:
        yield one.phase, f"{one.id}, {_rules(one)}"
    if told.looked_at:
        yield "looked at", _looked(told.looked_at)
    for what in _unseen(told.not_looked_at):
        yield "not looked at", what


def _rules(decided: Decided) -> str:
    waived = [f"{one.rule} waived by {one.waiver}, {one.approved_by}" for one in decided.waived]
    return "; ".join([f"{count(len(decided.passed), 'rule')} passed", *waived])


def _looked(looked: LookedAt) -> str:
    digests = DIGESTS.get(looked.digests, "")
    asked = f"evidence of {', '.join(looked.evidence)}" if looked.evidence else ""
    return ", ".join(filter(None, [digests, count(looked.health_urls, "health URL"), asked]))


def _unseen(unseen: NotLookedAt) -> Iterator[str]:
    yield from filter(None, [unseen.digests, unseen.evidence, unseen.provenance])
    if unseen.rules:
        yield f"rules that nobody asked for: {', '.join(unseen.rules)}"
