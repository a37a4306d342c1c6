"""Rules as authors of policies may write them, by the hundred: some that load, some that the static check refuses.

``GOOD`` is the question on which each that loads is satisfied. Templates put one way to say something to many facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

COMMIT = "a" * 40
GOOD: dict[str, Any] = {
    "action": "promote",
    "phase": "admit",
    "now": "2026-05-07T12:00:00Z",
    "request": {"product": "shop", "reason": "SHOP-123: faster checkout", "version": "v1.10.2", "dry_run": False},
    "actor": {"subject": "repo:acme/shop:environment:prod", "verified_by": "github-oidc", "groups": ["ops", "oncall"]},
    "release": {"artifact_id": f"ghcr.io/acme/shop@sha256:{'b' * 64}", "source_git_ref": COMMIT},
    "source": {"lane": {"context": "shop", "instance": "testing"}, "steady_since": "2026-05-07T11:00:00Z"},
    "destination": {
        "lane": {"context": "shop", "instance": "prod"},
        "hold": None,
        "frozen": False,
        "history": [
            {"artifact_id": "ghcr.io/acme/shop@sha256:old", "rolled_back": False},
            {"artifact_id": "ghcr.io/acme/shop@sha256:older", "rolled_back": False},
        ],
        "backups": [
            {"status": "fail", "created_at": "2026-05-06T06:00:00Z"},
            {"status": "pass", "created_at": "2026-05-07T06:00:00Z"},
        ],
        "replicas": 3,
    },
    "evidence": {
        "ci": {
            "status": "pass",
            "complete": True,
            "checks": [
                {"name": "lint", "status": "pass", "seconds": 12},
                {"name": "unit", "status": "pass", "seconds": 90},
                {"name": "e2e", "status": "skipped", "seconds": 0},
            ],
            "coverage_percent": 87,
            "finished_at": "2026-05-07T11:40:00Z",
        },
        "scan": {
            "findings": [{"id": "CVE-2026-1", "severity": "low"}, {"id": "CVE-2026-2", "severity": "medium"}],
            "counts": {"low": 1, "medium": 1, "high": 0, "critical": 0},
            "scanned_at": "2026-05-07T10:00:00Z",
        },
        "ticket": {"state": "approved", "key": "SHOP-123", "approvers": ["ann", "ben"], "closed": False},
        "load": {"cpu_percent": 40, "errors": 3, "requests": 1200, "p99_ms": 240},
        "image": {"size_bytes": 123456789, "labels": {"team": "shop", "tier": "web"}, "platforms": ["amd64", "arm64"]},
    },
}


class AuthorRule(NamedTuple):
    """``fine`` is a pattern of the facts without which the author means it to hold all the same."""

    body: str
    loads: bool
    fine: str = ""


def rules() -> Iterator[AuthorRule]:
    yield from (AuthorRule(body, loads=True) for body in LOAD)
    yield from (AuthorRule(body, loads=True, fine=fine) for fine, body in LOAD_ALL_THE_SAME)
    yield from (AuthorRule(body, loads=False) for body in REFUSED)
    for fact, (a, other) in TEXTS.items():
        for way in (*WAYS_OF_TEXTS, *WAYS_OF_ANY):
            yield AuthorRule(way.format(fact=fact, a=a, start=a[:3], end=a[-2:], size=len(a), other=other), loads=True)
        yield from (AuthorRule(way.format(fact=fact, a=a, start=a[:3]), loads=False) for way in BAD_WAYS_OF_TEXTS)
    for fact, number in NUMBERS.items():
        yield from (AuthorRule(way.format(fact=fact, n=number, more=number + 1), loads=True) for way in WAYS_OF_NUMBERS)
        yield from (AuthorRule(way.format(fact=fact, n=number), loads=False) for way in BAD_WAYS_OF_NUMBERS)
    for fact in TIMES:
        yield from (AuthorRule(way.format(fact=fact), loads=True) for way in WAYS_OF_TIMES)
        yield from (AuthorRule(way.format(fact=fact), loads=False) for way in BAD_WAYS_OF_TIMES)
    for fact, (key, value, never) in LISTS.items():
        names = {"fact": fact, "key": key, "value": value, "never": never}
        yield from (AuthorRule(way.format(**names), loads=True) for way in WAYS_OF_LISTS)
        yield from (AuthorRule(way.format(**names), loads=True, fine=rf".*\.{n}\.\w+") for n, way in WAYS_OF_ONE)
        yield from (AuthorRule(way.format(**names), loads=False) for way in BAD_WAYS_OF_LISTS)
    for fact, value in FLAGS.items():
        yield from (AuthorRule(way.format(fact=fact, value=value), loads=True) for way in WAYS_OF_FLAGS)
        yield from (AuthorRule(way.format(fact=fact, value=value), loads=False) for way in BAD_WAYS_OF_FLAGS)


TEXTS = {
    "input.request.product": ("shop", "blog"),
    "input.actor.verified_by": ("github-oidc", "password"),
    "input.destination.lane.instance": ("prod", "testing"),
    "input.evidence.ci.status": ("pass", "fail"),
    "input.evidence.ticket.state": ("approved", "open"),
    "input.evidence.image.labels.team": ("shop", "nobody"),
}
WAYS_OF_TEXTS = (
    'satisfied if {fact} == "{a}"',
    'satisfied if {fact} in {{"{a}", "{other}"}}',
    'satisfied if {fact} in ["{a}"]',
    'satisfied if {{\n\tis_string({fact})\n\tstartswith({fact}, "{start}")\n}}',
    'satisfied if {{\n\tvalue := {fact}\n\tis_string(value)\n\tendswith(value, "{end}")\n}}',
    'satisfied if {{\n\tis_string({fact})\n\tcontains({fact}, "{other}") == false\n}}',
    "satisfied if {{\n\tis_string({fact})\n\tregex.match(`^[a-z][a-z-]*$`, {fact})\n}}",
    'satisfied if _good({fact})\n\n_good(x) if x == "{a}"\n\n_good(x) if {{\n\tis_string(x)\n\t'
    'trim_prefix(x, "{a}") == ""\n}}',
    "import data.gate.lib.texts\n\nsatisfied if texts.length({fact}) == {size}",
    'satisfied if _kind == "known"\n\n_kind := "known" if {{\n\t{fact} == "{a}"\n}} else := "other" if {{\n\t'
    "{fact} == 1\n}}",
    'satisfied if {{\n\tsome known in {{"{a}", "more"}}\n\t{fact} == known\n}}',
)
WAYS_OF_ANY = (
    'satisfied if {{\n\t{fact} != null\n\t{fact} != "{other}"\n}}',
    'satisfied if {{\n\tevery known in {{"{other}", "never"}} {{ {fact} != known }}\n}}',
)
BAD_WAYS_OF_TEXTS = (
    'satisfied if _kind == "fine"\n\n_kind := "bad" if {{\n\t{fact} == "never"\n}} else := "fine"',
    'satisfied if startswith({fact}, "{start}")',
    'satisfied if not {fact} == "never"',
    'satisfied if not startswith({fact}, "never")',
    'satisfied if not {fact} in {{"never"}}',
    'satisfied if not _bad\n\n_bad if {fact} == "never"',
    "satisfied if regex.match(`^\\w+`, {fact})",
    "satisfied if {{\n\tis_string({fact})\n\tregex.match(`^[\\w-]+$`, {fact})\n}}",
    "satisfied if count({fact}) > 2",
    'satisfied if sprintf("%v", [{fact}]) == "{a}"',
    'satisfied if {fact} = "{a}"',
    'satisfied if ({fact} in {{"never"}}) == false',
    "satisfied if regex.match({fact}, {fact})",
)

NUMBERS = {
    "input.destination.replicas": 3,
    "input.evidence.ci.coverage_percent": 87,
    "input.evidence.load.cpu_percent": 40,
    "input.evidence.load.errors": 3,
    "input.evidence.image.size_bytes": 123456789,
}
WAYS_OF_NUMBERS = (
    "satisfied if {{\n\tis_number({fact})\n\t{fact} >= {n}\n}}",
    "satisfied if {{\n\tis_number({fact})\n\t{fact} < {more}\n\t{fact} > 0\n}}",
    "satisfied if {fact} == {n}",
    "import data.gate.lib.amounts\n\nsatisfied if {{\n\tamounts.is_whole({fact})\n\t{fact} * 2 - {n} == {n}\n}}",
    "import data.gate.lib.amounts\n\nsatisfied if {{\n\tx := {fact}\n\tamounts.is_whole(x)\n\t"
    "(x - (x % 10)) / 10 >= 0\n}}",
    "import data.gate.lib.amounts\n\nsatisfied if {{\n\tamounts.is_whole({fact})\n\t100 * {fact} > 99 * {fact}\n}}",
    "satisfied if _enough({fact}, 1)\n\n_enough(x, least) if {{\n\tis_number(x)\n\tx >= least\n}}",
    "satisfied if {{\n\tis_number({fact})\n\tmax([{fact}, 0]) == {n}\n}}",
)
BAD_WAYS_OF_NUMBERS = (
    "satisfied if {fact} / 100 > 0",
    "satisfied if {fact} + 0.5 > 1",
    "satisfied if {fact} * 1.0 > 0.1",
    "satisfied if not {fact} > 900000000",
    'satisfied if sprintf("%d", [{fact}]) == "{n}"',
    "satisfied if to_number({fact}) == {n}",
    "satisfied if sum([{fact}, 1]) > 1",
)

TIMES = (
    "input.evidence.ci.finished_at",
    "input.evidence.scan.scanned_at",
    "input.source.steady_since",
)
WAYS_OF_TIMES = (
    "import data.gate.lib.times\n\n"
    "satisfied if {{\n\t[seen, now] := times.both({fact}, input.now)\n\ttimes.within(seen, now, 86400)\n}}",
    "import data.gate.lib.times\n\n"
    "satisfied if {{\n\t[seen, now] := times.both({fact}, input.now)\n\ttimes.past(seen, now, 600)\n}}",
    "import data.gate.lib.times\n\nsatisfied if times.ns({fact}) <= times.ns(input.now)",
    "import data.gate.lib.times\n\n"
    "satisfied if {{\n\tage := times.ns(input.now) - times.ns({fact})\n\tage >= 0\n\tage <= 86400 * 1000000000\n}}",
    "import data.gate.lib.times\n\n"
    "satisfied if {{\n\tmoments := times.all([{fact}, input.now])\n\tmin(moments) == moments[0]\n}}",
)
BAD_WAYS_OF_TIMES = (
    "satisfied if time.parse_rfc3339_ns({fact}) <= time.parse_rfc3339_ns(input.now)",
    "satisfied if time.now_ns() - time.parse_rfc3339_ns({fact}) < 3600000000000",
    'satisfied if time.weekday(time.parse_rfc3339_ns({fact})) != "Friday"',
    "import data.gate.lib.times\n\nsatisfied if not times.ns({fact}) > times.ns(input.now)",
    "import data.gate.lib.times\n\nsatisfied if (times.ns(input.now) - times.ns({fact})) / 3600000000000 < 24",
)

LISTS = {
    "input.evidence.ci.checks": ("status", "pass", "fail"),
    "input.evidence.scan.findings": ("severity", "low", "critical"),
    "input.destination.backups": ("status", "pass", "never"),
    "input.destination.history": ("rolled_back", "ghcr", "never"),
}
WAYS_OF_LISTS = (
    'satisfied if {{\n\tis_array({fact})\n\tevery entry in {fact} {{ entry.{key} != "{never}" }}\n}}',
    "satisfied if {{\n\tis_array({fact})\n\tcount({fact}) > 1\n\tevery entry in {fact} {{ entry.{key} != null }}\n}}",
    "satisfied if {{\n\tentries := {fact}\n\tis_array(entries)\n\t"
    '[1 | some entry in entries; is_object(entry); object.get(entry, "{key}", "{never}") == "{never}"] == []\n\t'
    "every entry in entries {{ is_object(entry) }}\n}}",
    "satisfied if _all({fact})\n\n_all(entries) if {{\n\tevery entry in entries {{ _one(entry) }}\n\t"
    "is_array(entries)\n}}\n\n"
    '_one(entry) if entry.{key} != "{never}"',
)
# Which entries each does without, and it.
WAYS_OF_ONE = (
    (
        "[02]",
        "satisfied if {{\n\tis_array({fact})\n\tsome i, entry in {fact}\n\ti == 1\n\tentry.{key} != null\n}}",
    ),
    (
        "[12]",
        'satisfied if {{\n\tis_object({fact}[0])\n\tobject.get({fact}[0], "{key}", null) != null\n}}',
    ),
)
BAD_WAYS_OF_LISTS = (
    'satisfied if count([1 | some entry in {fact}; entry.{key} == "{never}"]) == 0',
    'satisfied if not _any\n\n_any if {{\n\tsome entry in {fact}\n\tentry.{key} == "{never}"\n}}',
    'satisfied if {{\n\tsome entry in {fact}\n\tentry.{key} != "{never}"\n}}',
    "satisfied if count(_bad) == 0\n\n_bad contains entry if {{\n\tsome entry in {fact}\n\t"
    'entry.{key} == "{never}"\n}}',
    'satisfied if {fact}[_].{key} != "{never}"',
    'satisfied if {{\n\tis_array({fact})\n\t{{entry.{key} | some entry in {fact}}} & {{"{never}"}} == set()\n}}',
    "satisfied if {{\n\tentries := {fact}\n\tis_array(entries)\n\t"
    'count({{1 | some e in entries; e.{key} == "{never}"}}) < 1\n}}',
    'satisfied if not "{never}" in {{entry.{key} | some entry in {fact}}}',
    "satisfied if {{\n\tsome i\n\t{fact}[i].{key} != null\n}}",
    'satisfied if every entry in [e | e := {fact}[_]; e.{key} == "{never}"] {{ false }}',
    "satisfied if max([count(e) | some e in {fact}]) > 0",
)

FLAGS = {
    "input.destination.frozen": "false",
    "input.evidence.ci.complete": "true",
    "input.evidence.ticket.closed": "false",
    "input.request.dry_run": "false",
}
WAYS_OF_FLAGS = (
    "satisfied if {fact} == {value}",
    "satisfied if {{\n\tis_boolean({fact})\n\t{fact} == {value}\n}}",
    "satisfied if _is({fact}, {value})\n\n_is(x, y) if x == y",
    "satisfied if [{fact}] == [{value}]",
)
BAD_WAYS_OF_FLAGS = (
    "satisfied if not {fact}",
    "satisfied if not {fact} == true",
    "satisfied if _is({fact}, {value})\n\n_is(x, x) if true",
    "satisfied if not _is({fact})\n\n_is(x) if x == 7",
    "satisfied if [1 | {fact} == 7] == []",
)

LOAD = (
    "satisfied if is_null(input.destination.hold)",
    'satisfied if {\n\tinput.action == "promote"\n\tinput.phase == "admit"\n}',
    'satisfied if input.action == "promote"\n\nsatisfied if input.action == "deploy"',
    "satisfied if input.source.lane.context == input.destination.lane.context",
    "satisfied if input.source.lane.instance != input.destination.lane.instance",
    "satisfied if {\n\tis_string(input.request.reason)\n\tregex.match(`^[A-Z]+-[0-9]+: .+$`, input.request.reason)\n}",
    'satisfied if {\n\tis_string(input.request.reason)\n\t[key, _] := split(input.request.reason, ": ")\n\t'
    "key == input.evidence.ticket.key\n}",
    'satisfied if {\n\tis_string(input.request.reason)\n\tparts := split(input.request.reason, ":")\n\t'
    "count(parts) == 2\n\t"
    "parts[0] == input.evidence.ticket.key\n}",
    "import data.gate.lib.texts\n\nsatisfied if texts.length(input.request.reason) >= 10",
    "import data.gate.lib.releases\n\nsatisfied if releases.is_commit(input.release.source_git_ref)",
    "import data.gate.lib.texts\n\nsatisfied if {\n\tis_string(input.release.artifact_id)\n\t"
    '[_, digest] := split(input.release.artifact_id, "@")\n\ttexts.is_hex(trim_prefix(digest, "sha256:"), 64)\n}',
    'import data.gate.lib.versions\n\nsatisfied if versions.newer(input.request.version, "v1.9.9")',
    'satisfied if {\n\tis_array(input.actor.groups)\n\t"ops" in input.actor.groups\n}',
    "satisfied if {\n\tis_array(input.actor.groups)\n\tsome group in input.actor.groups\n\t"
    'group in {"ops", "release"}\n}',
    "satisfied if {\n\tis_array(input.evidence.ticket.approvers)\n\tcount(input.evidence.ticket.approvers) >= 2\n\t"
    "every approver in input.evidence.ticket.approvers { approver != input.actor.subject }\n}",
    "satisfied if {\n\tapprovers := input.evidence.ticket.approvers\n\tis_array(approvers)\n\t"
    "count({approver | some approver in approvers}) >= 2\n}",
    "satisfied if {\n\tnames := input.evidence.image.platforms\n\tis_array(names)\n\t"
    '{"amd64", "arm64"} - {name | some name in names} == set()\n}',
    'satisfied if {\n\tevery check in input.evidence.ci.checks { check.status in {"pass", "skipped"} }\n\t'
    "count(input.evidence.ci.checks) > 0\n}",
    "import data.gate.lib.amounts\n\nsatisfied if {\n\tchecks := input.evidence.ci.checks\n\tis_array(checks)\n\t"
    "every check in checks {\n\t\tamounts.is_whole(check.seconds)\n\t\tcheck.seconds * 2 <= 600\n\t}\n}",
    "satisfied if {\n\tinput.evidence.scan.counts.critical == 0\n\tinput.evidence.scan.counts.high == 0\n}",
    "import data.gate.lib.amounts\n\nsatisfied if {\n\tcounts := input.evidence.scan.counts\n\t"
    "amounts.is_whole(counts.high)\n\tamounts.is_whole(counts.critical)\n\tcounts.high + counts.critical == 0\n}",
    'satisfied if {\n\tevery severity in ["high", "critical"] { input.evidence.scan.counts[severity] == 0 }\n}',
    "import data.gate.lib.amounts\n\nsatisfied if {\n\tload := input.evidence.load\n\tamounts.is_whole(load.errors)\n\t"
    "amounts.is_whole(load.requests)\n\tload.requests > 0\n\tload.errors * 100 <= load.requests\n}",
    "satisfied if {\n\tis_object(input.evidence.image.labels)\n\tsome key, value in input.evidence.image.labels\n\t"
    'key == "team"\n\tvalue == input.request.product\n}',
    "satisfied if {\n\tlabels := input.evidence.image.labels\n\tis_object(labels)\n\t"
    'object.keys(labels) == {"team", "tier"}\n}',
    "satisfied if {\n\tis_string(input.request.product)\n\tis_string(input.release.artifact_id)\n\t"
    'startswith(input.release.artifact_id, concat("", ["ghcr.io/acme/", input.request.product, "@"]))\n}',
    "satisfied if {\n\thistory := input.destination.history\n\tis_array(history)\n\tevery entry in history {\n\t\t"
    "entry.rolled_back == false\n\t\tentry.artifact_id != input.release.artifact_id\n\t}\n}",
    "import data.gate.lib.times\nimport data.gate.lib.windows\n\nsatisfied if {\n\tnow := times.ns(input.now)\n\t"
    'windows.open({"days": ["Thursday"], "from": "09:00", "to": "17:00", "zone": "Europe/Berlin"}, now)\n}',
    'satisfied if _limit >= 40\n\n_limit := limit if {\n\tinput.destination.lane.instance == "prod"\n\t'
    "limit := input.evidence.load.cpu_percent\n\tis_number(limit)\n} else := 100 if {\n\t"
    'input.destination.lane.instance == "testing"\n}',
    "satisfied if _is_mine\n\n_is_mine if {\n\tis_string(input.actor.subject)\n\t"
    'startswith(input.actor.subject, "repo:acme/")\n\t'
    'endswith(input.actor.subject, "[bot]") == false\n}',
    'satisfied if _order[input.evidence.ticket.state] >= 2\n\n_order := {"open": 0, "reviewed": 1, "approved": 2}',
    "satisfied if min([data.config.thresholds.health_s, input.evidence.load.cpu_percent]) > 0",
    "satisfied if {\n\tis_number(data.config.thresholds.health_s)\n\tdata.config.thresholds.health_s > 0\n\t"
    "input.now != null\n}",
    "satisfied if {\n\tis_array(input.evidence.ticket.approvers)\n\t"
    "every a in input.evidence.ticket.approvers { is_string(a) }\n\t"
    'concat(",", input.evidence.ticket.approvers) == "ann,ben"\n}',
    "satisfied if {\n\tis_array(input.evidence.image.platforms)\n\t"
    'array.concat(input.evidence.image.platforms, ["x"])[1] == "arm64"\n}',
    'satisfied if {\n\tis_string(input.request.version)\n\ttrim(input.request.version, "v0123456789.") == ""\n}',
    "satisfied if {\n\tis_string(input.request.version)\n\t"
    'trim_suffix(trim_prefix(input.request.version, "v"), ".2") == "1.10"\n}',
    'satisfied if input.request.version < "v2"',
    'satisfied if [input.action, input.phase] == ["promote", "admit"]',
    'satisfied if {"action": input.action} == {"action": "promote"}',
    "import data.gate.lib.say\n\nsatisfied if {\n\tapprovers := input.evidence.ticket.approvers\n\t"
    'count([1 | some one in say.entries(approvers); one != ""]) == 2\n}',
)

# With a default that its author wrote, or by the one of several that is good.
LOAD_ALL_THE_SAME = (
    (
        r"evidence\.ci\.checks\.2\.\w+",
        'satisfied if {\n\tevery name in {"lint", "unit"} { _passed(name) }\n}\n\n_passed(name) if {\n\t'
        "is_array(input.evidence.ci.checks)\n\tsome check in input.evidence.ci.checks\n\tcheck.name == name\n\t"
        'check.status == "pass"\n}',
    ),
    (
        r"evidence\.image\.labels\.\w+",
        "satisfied if {\n\tis_object(input.evidence.image.labels)\n\t"
        "every key, value in input.evidence.image.labels {\n\t\t"
        'key in {"team", "tier"}\n\t\tis_string(value)\n\t}\n}',
    ),
    (
        r"destination\.history\.1\.\w+",
        "satisfied if {\n\tis_array(input.destination.history)\n\tinput.destination.history[0].rolled_back == false\n}",
    ),
    (
        r"destination\.backups\.0\.\w+",
        "import data.gate.lib.times\n\nsatisfied if {\n\tis_array(input.destination.backups)\n\t"
        'some backup in input.destination.backups\n\tbackup.status == "pass"\n\t'
        "[made, now] := times.both(backup.created_at, input.now)\n\ttimes.within(made, now, 43200)\n}",
    ),
    (r"destination(\.hold)?", 'satisfied if object.get(input, ["destination", "hold"], null) == null'),
    (
        r"evidence(\.ticket(\.closed)?)?",
        'satisfied if object.get(input, ["evidence", "ticket", "closed"], false) == false',
    ),
    (
        r"evidence\.scan\.findings\.\d\.severity",
        "satisfied if {\n\tfindings := input.evidence.scan.findings\n\tis_array(findings)\n\t"
        '[1 | some f in findings; is_object(f); object.get(f, "severity", "low") == "high"] == []\n}',
    ),
    ("actor.groups", 'satisfied if input.actor.verified_by == "github-oidc"\n\nsatisfied if input.actor.groups == []'),
    (
        "actor.verified_by",
        'satisfied if input.actor.groups == ["ops", "oncall"]\n\nsatisfied if input.actor.verified_by == ""',
    ),
)

REFUSED = (
    "default satisfied := true",
    "satisfied := true",
    "satisfied if not input.destination.hold",
    'satisfied if not _held(input.missing)\n\n_held(x) if x == "yes"',
    "import future.keywords.not\n\nsatisfied if not _held(input.missing)\n\n_held(x) if x == 1",
    'satisfied if {\n\tsome x in input.evidence\n\tx.status == "pass"\n}',
    "satisfied if {\n\tsome path, value\n\twalk(input, [path, value])\n\tvalue == 3\n}",
    "satisfied if input[_].status == 1",
    "satisfied if count(input.evidence.scan.findings) < 10",
    'satisfied if count({x | x := input.evidence.scan.findings[_]; x.severity == "high"}) == 0',
    "satisfied if all([true, input.evidence.ci.complete])",
    'satisfied if lower(input.request.product) == "shop"',
    'satisfied if upper(input.request.product) == "SHOP"',
    'satisfied if semver.compare(input.request.version, "1.0.0") > 0',
    'satisfied if glob.match("repo:*", [], input.actor.subject)',
    'satisfied if http.send({"method": "get", "url": "http://localhost"}).status_code == 200',
    'satisfied if crypto.sha256(input.request.reason) != ""',
    "satisfied if json.unmarshal(input.request.reason) == {}",
    'satisfied if base64.decode(input.request.reason) == ""',
    'satisfied if net.cidr_contains("10.0.0.0/8", input.actor.ip)',
    "satisfied if input.evidence.ci.coverage_percent > 86.5",
    "satisfied if round(input.evidence.ci.coverage_percent) > 86",
    "satisfied if floor(input.evidence.ci.coverage_percent) > 86",
    "satisfied if abs(input.evidence.load.errors) < 10",
    "satisfied if input.evidence.load.errors / input.evidence.load.requests < 1",
    "satisfied if input.evidence.load.errors % 2 == 1",
    "satisfied if -input.evidence.load.errors < 0",
    "satisfied if numbers.range(1, input.destination.replicas)[0] == 1",
    'satisfied if array.slice(input.evidence.image.platforms, 0, 1) == ["amd64"]',
    'satisfied if sort(input.evidence.image.platforms) == ["amd64", "arm64"]',
    'satisfied if replace(input.request.version, "v", "") == "1.10.2"',
    'satisfied if trim_space(input.request.version) == "v1.10.2"',
    'satisfied if split(input.request.version, ".")[0] == "v1"',
    'satisfied if {\n\t{"product": product} := input.request\n\tproduct == "shop"\n}',
    'satisfied if {\n\t[_, x] = input.evidence.image.platforms\n\tx == "arm64"\n}',
    'satisfied if _match({"status": "pass"})\n\n_match({"status": x}) if x == "pass"',
    "satisfied if _level > 1\n\n_level := 1 if input.action\n\n_level := 2 if input.phase",
    "satisfied if _x == 3\n\n_x := input.destination.none if {\n\tinput.destination.replicas\n} else := 3",
    "satisfied if {\n\tinput.destination.replicas == 3\n} else := false",
    'satisfied if object.get(input.destination, "frozen", false) == false',
    'satisfied if object.union(input.destination, {"frozen": false}).frozen == false',
    "satisfied if {k: v | some k, v in input.evidence.scan.counts; v > 0} != {}",
    'satisfied if input.evidence.scan.counts < {"z": 1} with input.evidence as {}',
    "satisfied if {1} < {2}",
    "satisfied if regex.match(`(?i)^SHOP`, input.request.product)",
    'satisfied if regex.match(`^\\d+$`, "1")',
    'satisfied if regex.match(`^a++$`, "a")',
    'satisfied if regex.match(`[a-z&&[^b]]`, "a")',
    'satisfied if regex.match(input.request.product, "shop")',
    'satisfied if regex.match(sprintf("^%v", [input.request.product]), "shop")',
    'satisfied if re_match(`a`, "a")',
    "satisfied if input.actor.subject == data.config.products.shop.owner with input.actor as {}",
    "satisfied if data.gate.rules.lane.settled.satisfied",
    "satisfied if {\n\ty := [y | some y in [1]]\n\ty == [1]\n}",
    "satisfied if {\n\tsome x in [1]\n\tcount([x | some x in [2]]) == 1\n}",
)
