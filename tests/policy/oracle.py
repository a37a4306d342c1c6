"""What each shipped rule has to say of a question, told once more, in Python and independent of Rego.

Written from the titles and descriptions of the rules and from the design, to be held against them: one function a rule,
in the order of the roll call. A fact that is missing, null where something has to be known, or of another type is never
enough; text that is empty names nothing. Questions may be anything that JSON can say; the configuration is valid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

Json = Any
Rule = Callable[["Question"], bool]

ABSENT = object()  # nobody looked, or nothing could be read
SECOND = 1_000_000_000


def at(value: Json, path: str) -> Json:
    for name in path.split("."):
        value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def is_text(value: Json) -> bool:
    return isinstance(value, str) and value != ""


def entries(value: Json, path: str) -> list[Json] | None:
    """The entries of a list, None where there is no list."""
    found = at(value, path)
    return found if isinstance(found, list) else None


def moment(value: Json) -> int | None:
    """Nanoseconds since 1970 of an RFC 3339 text with ``Z``, of a day of this century that exists."""
    form = r"(20\d\d)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z"
    match = re.fullmatch(form, value, re.ASCII) if isinstance(value, str) else None
    if not match:
        return None
    *whole, fraction = match.groups()
    try:
        second = datetime(*map(int, whole), tzinfo=UTC)  # type: ignore[misc, arg-type]  # six numbers
    except ValueError:
        return None
    return int(second.timestamp()) * SECOND + int((fraction or "0").ljust(9, "0"))


class Question:
    """A policy input, and what is decided for the product that it is about."""

    def __init__(self, asked: Json, config: Mapping[str, Any]) -> None:
        self.asked = asked
        self.config = config
        self.now = moment(self.at("now"))
        self.artifact, self.commit = self.at("release.artifact_id"), self.at("release.source_git_ref")
        self.of_product = is_text(self.at("request.product")) and self.at("request.product") == self.at(
            "product.product"
        )
        self.policy = config["products"].get(self.at("request.product")) if self.of_product else None

    def at(self, path: str) -> Json:
        return at(self.asked, path)

    def entries(self, path: str) -> list[Json] | None:
        return entries(self.asked, path)

    def decided(self, heading: str, instance: Json) -> Json:
        """What the product's policy says of a lane under a heading; ABSENT where it says nothing."""
        return self.policy.get(heading, {}).get(instance, ABSENT) if self.policy is not None else None

    def threshold(self, name: str) -> int | None:
        if self.policy is None:
            return None
        found: int | None = self.policy.get("thresholds", {}).get(name, self.config["thresholds"].get(name))
        return found

    def is_recent(self, time: Json, limit_s: int | None) -> bool:
        """Neither in the future nor older than the limit."""
        then = moment(time)
        if then is None or self.now is None or limit_s is None:
            return False
        return 0 <= self.now - then <= limit_s * SECOND

    def is_aged(self, said: Json, seen: Json, limit_s: int | None) -> bool:
        """The same of the sooner of two moments; ``seen`` may be null, and then says nothing."""
        then = [moment(one) for one in ([said] if seen is None else [said, seen])]
        known = [one for one in then if one is not None]
        if self.now is None or limit_s is None or len(known) != len(then):
            return False
        return 0 <= self.now - min(known) <= limit_s * SECOND

    def lane(self, side: str) -> tuple[str, str] | None:
        return named_lane(self.at(f"{side}.lane"))

    def is_listed(self, side: str) -> bool:
        """Whether a lane is one of the product's."""
        lane = self.lane(side)
        return lane is not None and lane in [named_lane(entry) for entry in self.entries("product.lanes") or []]

    def paths(self) -> list[dict[str, str]] | None:
        """None where nobody decided on them, which is not the same as that there are none."""
        return self.policy.get("paths") if self.policy is not None else None

    def is_never_promoted_to(self, instance: str) -> bool:
        paths = self.paths()
        return paths is not None and instance not in [path["to"] for path in paths]


def named_lane(value: Json) -> tuple[str, str] | None:
    context, instance = at(value, "context"), at(value, "instance")
    return (context, instance) if is_text(context) and is_text(instance) else None


def names_release(value: Json, artifact: Json, commit: Json, artifact_at: str = "artifact_id") -> bool:
    """Whether a record names exactly this release."""
    if not is_text(artifact) or not is_text(commit):
        return False
    return bool(at(value, artifact_at) == artifact and at(value, "source_git_ref") == commit)


def inventory_names(q: Question, side: str, artifact: Json, commit: Json) -> bool:
    return names_release(q.at(f"{side}.inventory"), artifact, commit, "artifact_identity.artifact_id")


def linked_deployment(q: Question) -> Json:
    """The one deployment that the source's inventory rests on, which passed; None without."""
    inventory = q.at("source.inventory")
    named = [
        one for one in q.entries("source.deployments") or [] if is_named(one, at(inventory, "deployment_record_id"))
    ]
    if len(named) != 1 or named_lane(inventory) is None or named_lane(named[0]) != named_lane(inventory):
        return None
    [one] = named
    same = inventory_names(q, "source", at(one, "artifact_id"), at(one, "source_git_ref"))
    return one if same and at(one, "status") == "pass" and at(one, "touched") is True else None


def is_named(record: Json, record_id: Json) -> bool:
    return is_text(record_id) and bool(at(record, "record_id") == record_id)


def shows(observed: Json, artifact: Json) -> bool:
    """By digest, that of each running container; where digests are not shown, what runs or else is set to run."""
    runs, containers = at(observed, "artifact_id"), entries(observed, "containers")
    if not is_text(artifact) or containers is None or any(at(one, "state") != "running" for one in containers):
        return False
    if at(observed, "digests") == "shown":
        return bool(containers and runs == artifact and all(at(one, "artifact_id") == artifact for one in containers))
    if at(observed, "digests") != "not_shown":
        return False
    told = at(observed, "configured_artifact_id") if runs is None else runs
    return bool(told == artifact) and all(at(one, "artifact_id") in (None, artifact) for one in containers)


def is_seen_at_rest(observed: Json, artifact: Json) -> bool:
    """Reachable, nothing in flight, and it shows the artifact."""
    return at(observed, "reachable") is True and at(observed, "in_flight") is False and shows(observed, artifact)


def has_lasted(q: Question, since: Json) -> bool:
    """For as long as a lane of the driver has to stay good, which a product may only raise."""
    driver, then = q.at("driver.driver_id"), moment(since)
    if q.policy is None or not is_text(driver) or then is None or q.now is None:
        return False
    of_driver = q.config["drivers"].get(driver, q.config["thresholds"])["settle_s"]
    of_product = q.policy.get("thresholds", {}).get("settle_s", 0)
    return bool(q.now - then >= max(of_driver, of_product) * SECOND)


def is_commit(value: Json) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{40}", value, re.ASCII) is not None


def health_urls(q: Question, side: str) -> set[str] | None:
    """Every health URL of a lane; None where one cannot be told, or an entry might be of any lane."""
    urls = set()
    for entry in q.entries("product.lanes") or []:
        if named_lane(entry) is None:
            return None
        if named_lane(entry) != q.lane(side):
            continue
        url, base, path = at(entry, "health_url"), at(entry, "base_url"), q.at("product.health_path")
        if url == "" and is_text(base) and is_text(path) and path.startswith("/"):
            url = base + path
        if not is_text(url):
            return None
        urls.add(url)
    return urls


def health_proves(q: Question, side: str, is_timely: Callable[[Json], bool]) -> bool:
    """Every URL, at least one, reported the commit often enough, and nothing reported anything else."""
    urls, samples = health_urls(q, side), q.entries(f"evidence.health.{side}")
    matches = q.threshold("health_matches")
    if not urls or samples is None or matches is None or not is_text(q.commit):
        return False
    for sample in samples:
        status = at(sample, "status")
        is_good = isinstance(status, int | float) and not isinstance(status, bool) and 200 <= status <= 299
        reports = at(sample, "url") in [*urls] and at(sample, "revision") == q.commit
        if not (is_good and reports and is_timely(at(sample, "seen_at"))):
            return False
    return all(sum(at(sample, "url") == url for sample in samples) >= matches for url in urls)


def provable(q: Question) -> bool:
    if q.at("action") in ("deploy", "rollback", "resume", "reconcile", "evidence"):
        return bool(health_urls(q, "destination")) and q.at("source") is None
    both = bool(health_urls(q, "destination")) and bool(health_urls(q, "source"))
    return q.at("action") == "promote" and both


def told_apart(q: Question) -> bool:
    """Digests are shown; or nothing else that may run there can be of this commit."""
    by = q.at("outcome.told_apart_by")
    is_asked = (q.at("phase") == "admit" and q.at("outcome") is None) or (
        q.at("phase") == "confirm" and by in ("digests", "commit")
    )
    if not is_asked:
        return False
    if q.at("destination.observed.reachable") is True and q.at("destination.observed.digests") == "shown":
        return True
    others = q.entries("destination.may_run")
    if by == "digests" or others is None or not is_text(q.artifact) or not is_commit(q.commit):
        return False
    return all(isinstance(one, dict) and is_another_commit(q, one) for one in others)


def is_another_commit(q: Question, one: Json) -> bool:
    commit = at(one, "source_git_ref")
    if at(one, "artifact_id") == q.artifact:
        return True
    if is_commit(commit):
        return bool(commit != q.commit)
    return (commit is None or isinstance(commit, str)) and another_is_live(q)


def another_is_live(q: Question) -> bool:
    urls, samples = health_urls(q, "destination"), q.entries("evidence.health.destination")
    limit_s = q.threshold("health_s")
    if not urls or samples is None:
        return False
    for sample in samples:
        status, revision = at(sample, "status"), at(sample, "revision")
        is_good = isinstance(status, int | float) and not isinstance(status, bool) and 200 <= status <= 299
        if not (is_good and at(sample, "url") in [*urls] and is_commit(revision) and revision != q.commit):
            return False
        if not q.is_recent(at(sample, "seen_at"), limit_s):
            return False
    return all(any(at(sample, "url") == url for sample in samples) for url in urls)


# -- promote/admit


def settled(q: Question) -> bool:
    """Of a promotion the source is; a rollback of a lane that is not leads where that one may go back to."""
    if q.at("destination.run.open") is not False:
        return False
    if q.at("action") == "promote":
        return q.at("source.run.open") is False and q.at("source.run.settled") is True
    if q.at("action") != "rollback" or q.at("source") is not None:
        return False
    if q.at("destination.run.settled") is True:
        return True
    ways = q.entries("destination.way_back") or []
    return q.at("destination.run.settled") is False and any(names_release(one, q.artifact, q.commit) for one in ways)


def source_present(q: Question) -> bool:
    inventory = q.at("source.inventory")
    names = is_text(at(inventory, "artifact_identity.artifact_id")) and is_text(at(inventory, "source_git_ref"))
    return names and q.lane("source") is not None and named_lane(inventory) == q.lane("source")


def source_current(q: Question) -> bool:
    expected, release = q.at("request.expected"), q.at("release")
    if not isinstance(expected, dict) or not inventory_names(q, "source", q.artifact, q.commit):
        return False
    return all(at_key(release, field) == (type(stated), stated) for field, stated in expected.items())


def at_key(value: dict[str, Json], key: str) -> tuple[type, Json]:
    found = value.get(key, ABSENT)
    return type(found), found


def source_latest(q: Question) -> bool:
    named, deployments = linked_deployment(q), q.entries("source.deployments")
    if named is None or deployments is None or named_lane(named) != q.lane("source"):
        return False
    if at(named, "older") is not False:
        return False
    ids = [at(one, "record_id") for one in deployments]
    if not all(map(is_text, ids)) or len(set(ids)) != len(ids):
        return False
    for one in deployments:
        touched, older = at(one, "touched"), at(one, "older")
        if named_lane(one) != q.lane("source") or not isinstance(touched, bool) or not isinstance(older, bool):
            return False
        if one is not named and touched and not older:
            return False
    return True


def source_running(q: Question) -> bool:
    observed = q.at("source.observed")
    runs = is_seen_at_rest(observed, q.at("source.inventory.artifact_identity.artifact_id"))
    is_recent = q.is_recent(at(observed, "seen_at"), q.threshold("observed_s"))
    return runs and is_recent and has_lasted(q, q.at("source.steady_since"))


def source_fresh(q: Question) -> bool:
    named = linked_deployment(q)
    return q.is_aged(at(named, "finished_at"), at(named, "first_seen"), q.threshold("source_fresh_s"))


def source_tested(q: Question) -> bool:
    return bool(at(linked_deployment(q), "update") == "pass")


def source_soaked(q: Question) -> bool:
    confirmed, soak_s = moment(q.at("source.run.confirmed_at")), q.threshold("source_soak_s")
    if q.at("source.run.settled") is not True or confirmed is None or q.now is None or soak_s is None:
        return False
    return q.now - confirmed >= soak_s * SECOND


def forward_only(q: Question) -> bool:
    inventory, history = q.at("destination.inventory"), q.entries("destination.history")
    unreadable = inventory is ABSENT and q.at("destination.run.settled") is False  # to be written anew
    if not (inventory is None or isinstance(inventory, dict) or unreadable):
        return False
    if history is None or not is_text(q.artifact) or not is_text(q.commit):
        return False
    comparison = q.at("evidence.github.comparison")  # absent: nobody compared what runs with what is to run
    if comparison is not ABSENT:
        of_both = q.at("evidence.github.commit.sha") == q.commit and isinstance(at(inventory, "source_git_ref"), str)
        if not of_both or at(comparison, "base") != at(inventory, "source_git_ref"):
            return False
        if at(comparison, "status") not in ("ahead", "identical"):
            return False
    runs_it = inventory_names(q, "destination", q.artifact, q.commit)
    if q.at("destination.run.settled") is False:  # its record is lost, torn or altered: the last recorded run tells
        last = q.at("destination.run.last")
        runs_it = runs_it or (at(last, "status") == "recorded" and names_release(last, q.artifact, q.commit))
    for entry in history:
        artifact, commit, rolled_back = at(entry, "artifact_id"), at(entry, "source_git_ref"), at(entry, "rolled_back")
        if not is_text(artifact) or not is_text(commit) or not isinstance(rolled_back, bool):
            return False
        is_new = artifact != q.artifact and commit != q.commit
        is_a_rebuild_of_what_runs = artifact != q.artifact and commit == at(inventory, "source_git_ref")
        is_known_to_be_ahead = comparison is not ABSENT and commit == q.commit
        if not (is_new or rolled_back or runs_it or is_a_rebuild_of_what_runs or is_known_to_be_ahead):
            return False
    return True


def path_allowed(q: Question) -> bool:
    source, destination = q.lane("source"), q.lane("destination")
    if source is None or destination is None or not q.is_listed("source") or not q.is_listed("destination"):
        return False
    in_one_context = source[0] == destination[0] and source[1] != destination[1]
    return in_one_context and {"from": source[1], "to": destination[1]} in (q.paths() or [])


def not_held(q: Question) -> bool:
    if q.at("destination.hold") is not None:
        return False
    if q.at("action") in ("deploy", "rollback", "resume", "reconcile", "evidence"):
        return q.at("source") is None
    return bool(q.at("action") == "promote") and q.at("source.hold") is None


def driver_matches(q: Question) -> bool:
    driver, addressed = q.at("driver.driver_id"), q.at("driver.addressed")
    is_addressed = addressed is None or bool(addressed == driver)
    return q.of_product and is_text(driver) and bool(driver == q.at("product.driver_id")) and is_addressed


def artifact_pinned(q: Question) -> bool:
    repository = q.at("product.image.repository")
    if not q.of_product or not is_text(repository) or not is_text(q.artifact) or "@" in repository:
        return False
    return re.fullmatch(re.escape(repository) + "@sha256:[0-9a-f]{64}", q.artifact) is not None


def commit_full(q: Question) -> bool:
    return is_text(q.commit) and re.fullmatch("[0-9a-f]{40}", q.commit) is not None


def source_revision(q: Question) -> bool:
    return health_proves(q, "source", lambda seen_at: q.is_recent(seen_at, q.threshold("health_s")))


def not_rolled_back(q: Question) -> bool:
    """Neither that artifact nor that commit was, but for the commit of what runs there, in another build."""
    history, listed = q.entries("destination.history"), q.entries("destination.rolled_back")
    if history is None or listed is None or not is_text(q.artifact) or not is_text(q.commit):
        return False
    if not all(isinstance(at(entry, "rolled_back"), bool) for entry in history):
        return False
    runs_it = inventory_names(q, "destination", q.artifact, q.commit)
    for entry in [*listed, *(entry for entry in history if at(entry, "rolled_back"))]:
        artifact, commit = at(entry, "artifact_id"), at(entry, "source_git_ref")
        if not is_text(artifact) or artifact == q.artifact:
            return False
        if not runs_it and (not is_text(commit) or commit == q.commit):
            return False
    return True


# -- rollback/admit, beside those that the others have too


def as_expected(q: Question) -> bool:
    expected, release = q.at("request.expected"), q.at("release")
    if not isinstance(expected, dict) or not is_text(q.artifact) or not is_text(q.commit):
        return False
    return all(at_key(release, field) == (type(stated), stated) for field, stated in expected.items())


def ran_here(q: Question) -> bool:
    return any(names_release(entry, q.artifact, q.commit) for entry in q.entries("destination.history") or [])


# -- evidence/admit


def approved(q: Question) -> bool:
    """Of a deploy that passed, after which nobody else came; where a path ends, of what a run of the gate brought."""
    deployments, named = q.entries("destination.deployments"), q.at("destination.inventory.deployment_record_id")
    if q.at("request.reported") != "pass" or q.at("source") is not None or deployments is None:
        return False
    if ABSENT in (q.at("destination.inventory"), q.at("release")):  # what is missing is no null
        return False
    for one in deployments:
        is_named = is_text(named) and at(one, "record_id") == named
        if at(one, "first_seen") is not None and not is_named:
            return False
    instance = q.at("destination.lane.instance")
    if is_text(instance) and q.is_never_promoted_to(instance):
        return True
    return names_release(q.at("destination.brought"), q.artifact, q.commit)


def permitted(q: Question) -> bool:
    lane, subject, verifier = q.lane("destination"), q.at("actor.subject"), q.at("actor.verified_by")
    if lane is None or not q.is_listed("destination") or not is_text(subject):
        return False
    if verifier is not None and not is_text(verifier):
        return False
    listed = q.decided("actors", lane[1])
    if listed is None or listed is ABSENT:
        return False
    told = q.at("actor.claims")
    known = told if isinstance(told, dict) else {}
    may = [
        entry
        for entry in listed
        if entry["verified_by"] == verifier
        and is_for(entry, q.at("action"))
        and entry.get("claims", {}).items() <= known.items()
    ]
    names = [entry["subject"] for entry in may]
    in_full = subject in names and not subject.endswith("*")
    prefixes = [name[:-1] for name in names if name.endswith("*") and name != "*"]
    by_pattern = verifier is not None or q.is_never_promoted_to(lane[1])
    return in_full or (by_pattern and subject.startswith(tuple(prefixes)))


SHIPS = ("deploy", "promote", "resume", "reconcile", "evidence", "publish", "revoke")


def is_for(entry: Mapping[str, Any], action: Json) -> bool:
    """What ships, publishes or revokes takes no more than an entry; anything else is named in it."""
    return isinstance(action, str) and action in (*SHIPS, *entry.get("may", ()))


def two_people(q: Question) -> bool:
    requester, approver = q.at("waiver.requester"), q.at("waiver.approver")
    known = is_text(q.at("actor.verified_by")) and is_text(requester) and is_text(approver)
    return known and bool(requester != approver) and not approver.endswith("[bot]")


def is_open(q: Question) -> bool:
    instance = q.at("destination.lane.instance")
    windows = q.decided("windows", instance) if is_text(instance) else None
    if q.now is None or windows is None:
        return False
    return windows is ABSENT or any(is_within(window, q.now) for window in windows)


def is_within(window: Mapping[str, Any], now: int) -> bool:
    local = datetime.fromtimestamp(now // SECOND, UTC).astimezone(ZoneInfo(window["zone"]))
    time, start, end = f"{local:%H:%M}", window["from"], window["to"]
    began_today = day(local.date()) in window["days"] and time >= start and (time < end or end < start)
    began_yesterday = end < start and time < end
    return began_today or (began_yesterday and day(date.fromordinal(local.toordinal() - 1)) in window["days"])


def day(of: date) -> str:
    return ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"][of.weekday()]


def backup_present(q: Question) -> bool:
    instance = q.at("destination.lane.instance")
    demand = q.decided("backup", instance) if is_text(instance) else None
    if demand is None or demand is ABSENT:
        return demand is ABSENT
    limit_s = demand.get("max_age_s", q.threshold("backup_s"))
    return any(
        at(one, "status") == "pass"
        and q.lane("destination") is not None
        and named_lane(one) == q.lane("destination")
        and is_text(at(one, "first_seen"))
        and q.is_aged(at(one, "created_at"), at(one, "first_seen"), limit_s)
        for one in q.entries("destination.backups") or []
    )


# -- by product


def artifact_revision(q: Question) -> bool:
    """The registry was asked a moment ago for this artifact, and each platform's label is the commit."""
    found, platforms = q.at("evidence.oci"), q.entries("evidence.oci.manifest.platforms")
    if not platforms or not is_text(q.artifact) or not is_text(q.commit) or q.artifact.count("@") != 1:
        return False
    digest = q.artifact.partition("@")[2]
    asked_for = at(found, "artifact_id") == q.artifact and is_text(digest) and at(found, "manifest.digest") == digest
    built = all(at(platform, "revision") == q.commit for platform in platforms)
    return asked_for and built and q.is_recent(at(found, "seen_at"), q.threshold("observed_s"))


def commit_on_branch(q: Question) -> bool:
    """GitHub has the commit, and a branch that the product releases from contains it."""
    found, branches, allowed = (
        q.at("evidence.github"),
        q.entries("evidence.github.branches"),
        (q.policy or {}).get("branches"),
    )
    if not is_text(q.commit) or branches is None or allowed is None:
        return False
    is_there = at(found, "commit.sha") == q.commit and at(found, "commit.exists") is True
    on_one = any(
        is_text(at(branch, "name")) and at(branch, "name") in allowed and at(branch, "contains") is True
        for branch in branches
    )
    return is_there and on_one and q.is_recent(at(found, "seen_at"), q.threshold("observed_s"))


def publishes_nothing(q: Question) -> bool:
    return q.at("request.version") is None


def is_asked_of_github(q: Question) -> bool:
    version, found = q.at("request.version"), q.at("evidence.github")
    is_asked = is_text(version) and at(found, "version.asked") == version
    return is_asked and q.is_recent(at(found, "seen_at"), q.threshold("observed_s"))


def numbers(version: Json) -> tuple[int, ...] | None:
    form = r"v?(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,14})"
    match = re.fullmatch(form, version, re.ASCII) if isinstance(version, str) else None
    return tuple(map(int, match.groups())) if match else None


def version_free(q: Question) -> bool:
    """There is no such tag and the version comes last; or the tag, and what is released of it, are of this commit."""
    if publishes_nothing(q) or not is_asked_of_github(q):
        return publishes_nothing(q)
    found, latest = q.at("evidence.github.version"), q.at("evidence.github.latest")
    tag, release = at(found, "tag"), at(found, "release")
    if not is_only_version(q):
        return False
    if tag is None:
        asked, last = numbers(q.at("request.version")), numbers(at(latest, "version"))
        comes_last = asked is not None and (latest is None or (last is not None and asked > last))
        return comes_last and (release is None or at(release, "draft") is True)
    of_the_commit = is_text(q.commit) and at(tag, "commit") == q.commit and at(tag, "name") == at(found, "asked")
    is_unpublished = release is None or at(release, "draft") is True
    return of_the_commit and (is_unpublished or (at(release, "tag") == at(found, "asked") and is_ours(q, release)))


def is_ours(q: Question, release: Json) -> bool:
    """It is out in full, and a run that the ledger knows made it, by whom the journal noted, if it noted anybody."""
    author, marks = at(release, "author"), at(release, "marked_by")
    if at(release, "draft") is not False or at(release, "prerelease") is not False or not is_text(author):
        return False
    known = [one for one in q.entries("destination.versions") or [] if at(one, "source_git_ref") == q.commit]
    of_version = [one for one in known if is_same_version(at(one, "version"), at(release, "tag"))]
    made = [one for version in of_version for one in entries(version, "made") or []]
    return isinstance(marks, list) and any(
        isinstance(at(one, "run_id"), str) and at(one, "run_id") in marks and at(one, "author") in (author, None)
        for one in made
    )


def is_same_version(one: Json, other: Json) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.removeprefix("v") == other.removeprefix("v")


def is_only_version(q: Question) -> bool:
    """No other version is known to be of this commit."""
    known, others = q.entries("destination.versions"), at(q.at("evidence.github.version"), "others")
    asked = q.at("request.version")
    if known is None or not is_text(q.commit):
        return False
    for one in known:
        version, commit = at(one, "version"), at(one, "source_git_ref")
        if not (is_text(version) and is_text(commit) and (is_same_version(version, asked) or commit != q.commit)):
            return False
    return others is ABSENT or (isinstance(others, list) and all(is_same_version(one, asked) for one in others))


def publisher_ready(q: Question) -> bool:
    if publishes_nothing(q) or not is_asked_of_github(q):
        return publishes_nothing(q)
    who = q.at("evidence.github.publisher")
    return is_text(at(who, "identity")) and at(who, "can_publish") is True


# -- deploy/admit, beside those that a promotion has too


def not_bypassed(q: Question) -> bool:
    instance = q.at("destination.lane.instance")
    return is_text(instance) and q.is_never_promoted_to(instance)


# -- every confirm


def outcome_passed(q: Question) -> bool:
    status, touched = q.at("outcome.status"), q.at("outcome.touched")
    return bool(status == "pass" and touched is True) or bool(status == "unchanged" and touched is False)


def is_after_the_deploy(q: Question, seen_at: Json) -> bool:
    """After the deploy ended, and not in the future."""
    finished, seen = moment(q.at("outcome.finished_at")), moment(seen_at)
    return finished is not None and seen is not None and q.now is not None and finished <= seen <= q.now


def artifact_matches(q: Question) -> bool:
    observed = q.at("destination.observed")
    return is_seen_at_rest(observed, q.artifact) and is_after_the_deploy(q, at(observed, "seen_at"))


def revision_live(q: Question) -> bool:
    return health_proves(q, "destination", lambda seen_at: is_after_the_deploy(q, seen_at))


def stayed_up(q: Question) -> bool:
    since, finished = q.at("outcome.good_since"), moment(q.at("outcome.finished_at"))
    if not has_lasted(q, since):
        return False
    good = moment(since)
    after = finished is not None and good is not None and finished <= good
    return bool(q.at("outcome.status") == "unchanged") or bool(q.at("outcome.status") == "pass" and after)


RULES: Mapping[str, Rule] = {
    "lane.settled": settled,
    "inventory.source_present": source_present,
    "inventory.source_current": source_current,
    "inventory.source_latest": source_latest,
    "inventory.source_running": source_running,
    "inventory.source_fresh": source_fresh,
    "inventory.source_soaked": source_soaked,
    "inventory.source_tested": source_tested,
    "inventory.forward_only": forward_only,
    "lane.path_allowed": path_allowed,
    "lane.not_held": not_held,
    "lane.driver_matches": driver_matches,
    "lane.provable": provable,
    "release.artifact_pinned": artifact_pinned,
    "release.commit_full": commit_full,
    "release.told_apart": told_apart,
    "release.source_revision": source_revision,
    "release.not_rolled_back": not_rolled_back,
    "release.as_expected": as_expected,
    "release.ran_here": ran_here,
    "evidence.approved": approved,
    "actor.permitted": permitted,
    "waiver.two_people": two_people,
    "window.open": is_open,
    "backup.present": backup_present,
    "release.artifact_revision": artifact_revision,
    "release.commit_on_branch": commit_on_branch,
    "release.version_free": version_free,
    "release.publisher_ready": publisher_ready,
    "lane.not_bypassed": not_bypassed,
    "confirm.outcome_passed": outcome_passed,
    "confirm.artifact_matches": artifact_matches,
    "confirm.revision_live": revision_live,
    "confirm.stayed_up": stayed_up,
}


def satisfied(asked: Json, config: Mapping[str, Any]) -> frozenset[str]:
    """The codes of the rules that a question satisfies."""
    question = Question(asked, config)
    return frozenset(code for code, rule in RULES.items() if rule(question))
