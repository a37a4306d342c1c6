"""Golden questions, broken at random in the ways that bite in Rego, one or several at once; the same for each seed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from launchplane_gate.model import stamp, unstamp
from tests.places import CASES

Json = Any
Place = tuple[Json, Any]
"""What holds a fact, and the key or the index at which it stands there."""

OF_RUNS = (
    "promote_admit",
    "promote_confirm",
    "deploy_admit",
    "deploy_confirm",
    "rollback_admit",
    "rollback_confirm",
    "evidence_admit",
)
OF_STANDING = ("promote_standing", "deploy_standing", "rollback_standing", "waive_standing", "approve_standing")
GOLDEN = (*OF_RUNS, *OF_STANDING)
OTHERS: tuple[Json, ...] = (
    *(None, True, False, 0, 1, -1, 7, 0.5, 2**53 + 1, 10**30),
    *("", " ", "odd", "null", "true", "5", "*", "2026-05-07T12:00:00Z"),
    *([], {}, [None], [[]], {"": ""}, {"context": "sellyouroutboard", "instance": "testing"}),
)
LOOK_ALIKES = {"a": "а", "e": "е", "o": "о", "c": "с", "p": "р", "1": "１", "-": "‐", "/": "∕", "s": "ſ", "k": "K"}  # noqa: RUF001  # that is their point
TIMES = (
    *("2026-05-07T12:00:60Z", "2026-02-30T12:00:00Z", "2026-05-07T24:00:00Z", "2026-05-07 12:00:00Z", "2026-05-07"),
    *("1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "2024-02-29T00:00:00Z", "9999-12-31T23:59:59Z", "now"),
    *("0000-01-01T00:00:00Z", "2026-05-07T12:00:00.1234567890Z", "2026-05-07T12:00:00.Z", "+2026-05-07T12:00:00Z"),
)
IDLE = frozenset({"deploy", "destination_health", "updated_at", "schema_version", "manifest_version", "detail", "why"})
"""Facts that no rule reads; they are broken too, but seldom."""

PRODUCTS = ("sellyouroutboard", "night", "bare", "unknown")
LANES = ("testing", "staging", "prod", "prod", "")
SUBJECTS = (
    *("unverified:alice@workshop", "unverified:bob@desk", "unverified:*", "unverified:", "*", ""),
    *("repo:cbusillo/sellyouroutboard:ref:refs/heads/main", "repo:cbusillo/other:ref:refs/heads/main", "odd"),
    *("repo:cbusillo/sellyouroutboard:environment:approvals", "carol", "carol@desk"),
)
ACTIONS = (
    *("deploy", "promote", "rollback", "rollback", "publish", "waive", "waive", "approve", "approve", "revoke"),
    *("adopt", "adopt", "resume", "reconcile", "evidence", "replay", "hold", "release", "quarantine"),
)
AUTHORS = ("release-bot", "release-bot", "release-bot", "carol", None, "")
VERSIONS = (
    *(
        "v0.2.9",
        "v0.2.10",
        "0.2.10",
        "v0.10.0",
        "v10.0.0",
        "v9.99.0",
        "v1.0.0",
        None,
        "v1.0.0-rc.1",
        "v01.0.0",
        "nightly",
    ),
    *("v999999999999999.0.0", "v1000000000000000.0.0", "v１.0.0", "v1.0.0\n", "1.0", "v1.0.0.0"),  # noqa: RUF001  # that is its point
)
LIMITS = (0, 1, 60, 120, 3600, 10800, 36000, 57600, 86400, 1209600, 900 * 86400)  # of the ages that rules ask for


def golden(name: str) -> Json:
    """A golden question; one of a run with the evidence of plugins that only products ask for."""
    question = json.loads((CASES / f"{name}.json").read_text())
    if name in OF_STANDING:
        return question
    artifact, commit = question["release"]["artifact_id"], question["release"]["source_git_ref"]
    platforms = [
        {"platform": name, "digest": "sha256:aa", "revision": commit} for name in ("linux/amd64", "linux/arm64")
    ]
    manifest = {"media_type": "index", "digest": artifact.partition("@")[2], "platforms": platforms}
    question["evidence"]["oci"] = {"artifact_id": artifact, "seen_at": question["now"], "manifest": manifest}
    question["evidence"]["github"] = {
        "repository": "cbusillo/sellyouroutboard",
        "seen_at": question["now"],
        "commit": {"sha": commit, "exists": True},
        "branches": [{"name": "main", "contains": True}, {"name": "release/next", "contains": False}],
        "version": {"asked": question["request"].get("version"), "tag": None, "release": None},
        "latest": {"version": "v0.2.9", "commit": "215f71bc1a58639fe4bcd3b3609a4e68304184ab"},
        "publisher": {"identity": "app 7", "can_publish": True, "why": ""},
    }
    return question


def questions(count: int, seed: int) -> Iterator[Json]:
    """The golden questions as they are; then such with another story, with facts broken, or with both."""
    of_runs, of_standing = ([json.dumps(golden(name)) for name in names] for names in (OF_RUNS, OF_STANDING))
    yield from map(json.loads, (*of_runs, *of_standing))
    for number in range(len(GOLDEN), count):
        chance = random.Random(f"{seed}/{number}")  # noqa: S311  # nobody has to be unable to guess it
        is_of_a_run = chance.random() < 0.7
        question = json.loads(chance.choice(of_runs if is_of_a_run else of_standing))
        for tell in (*STORIES, *OF_A_RUN) if is_of_a_run else (*STORIES, *BEFORE_A_RUN):
            if chance.random() < 0.25:
                tell(question, chance)
        for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 5))):
            chance.choice(BREAKS)(question, chance)
        yield question


def places(value: Json, *, idle: bool = True) -> Iterator[Place]:
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        if idle or key not in IDLE:
            yield value, key
            if isinstance(child, dict | list):
                yield from places(child, idle=idle)


def any_place(question: Json, chance: random.Random, kind: type | tuple[type, ...] = object) -> Place | None:
    """The place of a fact of this kind; half of the time nearer to the top, where fewer facts stand."""
    idle = chance.random() < 0.1
    found = [(holder, key) for holder, key in places(question, idle=idle) if isinstance(holder[key], kind)]
    if chance.random() < 0.3:
        found = [place for place in found if isinstance(place[0][place[1]], dict | list)] or found
    return chance.choice(found) if found else None


# -- one fact


def left_out(question: Json, chance: random.Random) -> None:
    if place := any_place(question, chance):
        del place[0][place[1]]


def another_type(question: Json, chance: random.Random) -> None:
    if place := any_place(question, chance):
        place[0][place[1]] = other(chance)


def emptied(question: Json, chance: random.Random) -> None:
    if place := any_place(question, chance, (dict, list, str)):
        place[0][place[1]] = chance.choice(("", [], {}, None, False, 0))


def other(chance: random.Random) -> Json:
    return json.loads(json.dumps(chance.choice(OTHERS)))  # a copy: it may be changed in its turn


def wrapped(question: Json, chance: random.Random) -> None:
    """In a list, in an object, or as the text that looks like it."""
    if place := any_place(question, chance):
        holder, key = place
        value = holder[key]
        as_text = value if isinstance(value, str) else json.dumps(value)
        holder[key] = chance.choice([[value], {"0": value}, {str(key): value}, as_text, f"{as_text} "])


def another_name(question: Json, chance: random.Random) -> None:
    if place := any_place(question, chance):
        holder, key = place
        if isinstance(holder, dict):
            holder[chance.choice([key.upper(), f"{key}s", f" {key}", look_alike(key, chance)])] = holder.pop(key)


def extra_key(question: Json, chance: random.Random) -> None:
    if place := any_place(question, chance, dict):
        place[0][place[1]][chance.choice(["", "extra", "version", "0", "*"])] = other(chance)


# -- texts, numbers and times


def another_text(question: Json, chance: random.Random) -> None:
    if place := any_place(question, chance, str):
        text = place[0][place[1]]
        ways = [text + "x", text[:-1], text.upper(), text + "\n", f" {text}", text[::-1], f"{text}\u0000", f"{text}*"]
        place[0][place[1]] = chance.choice([*ways, look_alike(text, chance)])


def look_alike(text: str, chance: random.Random) -> str:
    there = [letter for letter in LOOK_ALIKES if letter in text]
    if not there:
        return text + "\u200b"
    letter = chance.choice(there)
    return text.replace(letter, LOOK_ALIKES[letter], chance.choice((1, -1)))


def another_number(question: Json, chance: random.Random) -> None:
    if place := any_place(question, chance, int):
        number = place[0][place[1]]
        place[0][place[1]] = chance.choice([-number, number + 1, number - 1, str(number), number * 10**20, not number])


def another_time(question: Json, chance: random.Random) -> None:
    """Another moment, the same as another one, near to now, or in another form."""
    found = [(holder, key) for holder, key in places(question, idle=False) if is_time(holder[key])]
    if not found:
        return
    holder, key = chance.choice(found)
    text, tie, now = holder[key], chance.choice(found), question.get("now")
    seconds = text.partition(".")[0].rstrip("Z")
    forms = [text.replace("Z", "z"), text.replace("Z", "+00:00"), text.replace("T", "t"), seconds, f"{text} "]
    forms += [seconds + fraction for fraction in (".0Z", ".5Z", ".123456789Z", ",5Z")]
    holder[key] = chance.choice(
        [
            chance.choice(forms),
            chance.choice(TIMES),
            tie[0][tie[1]],
            tie[0][tie[1]],
            shifted(text, chance),
            shifted(text, chance),
            shifted(now, chance) if is_time(now) else now,
        ]
    )


def is_time(value: Json) -> bool:
    return isinstance(value, str) and unstamp(value) is not None


def shifted(text: str, chance: random.Random) -> str:
    """Earlier or later by one of the limits, or by a moment more or less."""
    there = unstamp(text)
    assert there
    by = timedelta(seconds=chance.choice(LIMITS), microseconds=chance.choice((-1, 0, 0, 1)))
    try:
        return stamp(there - by if chance.random() < 0.7 else there + by)
    except OverflowError:
        return text


# -- lists, and several facts at once


def another_list(question: Json, chance: random.Random) -> None:
    place = any_place(question, chance, list)
    entries = place[0][place[1]] if place else []
    if not entries:
        return
    entry = json.loads(json.dumps(chance.choice(entries)))
    if isinstance(entry, dict) and chance.random() < 0.5:  # one like it, but for a fact
        chance.choice((left_out, another_type, another_text, another_time))(entry, chance)
    ways: list[Callable[[], object]] = [
        lambda: entries.append(entry),
        lambda: entries.insert(0, entry),
        lambda: chance.shuffle(entries),
        lambda: entries.append(other(chance)),
        entries.clear,
        lambda: entries.append([entry]),
        lambda: place and place[0].__setitem__(place[1], {str(key): one for key, one in enumerate(entries)}),
    ]
    chance.choice(ways)()


def swapped(question: Json, chance: random.Random) -> None:
    """The lanes, two facts of one name, or a fact in the place of another of its type."""
    if chance.random() < 0.2:
        evidence = question.get("evidence")
        samples = evidence.get("health") if isinstance(evidence, dict) and chance.random() < 0.5 else None
        for within in (question, samples):
            if isinstance(within, dict) and {"source", "destination"} <= within.keys():
                within["source"], within["destination"] = within["destination"], within["source"]
        return
    first = any_place(question, chance)
    if first is None:
        return
    kind, same_name = type(first[0][first[1]]), chance.random() < 0.5
    alike = [
        (holder, key)
        for holder, key in places(question)
        if isinstance(holder[key], kind) and (not same_name or key == first[1])
    ]
    second = chance.choice(alike)
    copies = json.dumps(first[0][first[1]]), json.dumps(second[0][second[1]])
    second[0][second[1]] = json.loads(copies[0])
    if chance.random() < 0.5:
        first[0][first[1]] = json.loads(copies[1])


def everywhere(question: Json, chance: random.Random) -> None:
    """A text, wherever it stands or is a part of another: so that what has to be equal still is."""
    texts = sorted({holder[key] for holder, key in places(question, idle=False) if isinstance(holder[key], str)} - {""})
    if not texts:
        return
    old = chance.choice(texts)
    if chance.random() < 0.3:
        new: Json = chance.choice((None, 7, True, [], {}, 10**30))
        for holder, key in list(places(question)):
            if holder[key] == old and isinstance(holder[key], str):
                holder[key] = new
        return
    if chance.random() < 0.3:
        old = chance.choice([part for part in re.split("[/:@]", old) if part] or [old])
    text = chance.choice(
        ["", "", old + "x", old[1:], old[:-1], chance.choice(texts), look_alike(old, chance), old.upper()]
    )
    for holder, key in list(places(question)):
        if isinstance(holder[key], str):
            holder[key] = holder[key].replace(old, text)


# -- another story, well told


def at_another_time(question: Json, chance: random.Random) -> None:
    """All times moved by as much: the same story in another hour, season or year."""
    by = timedelta(minutes=chance.randrange(0, 60 * 24 * 7), weeks=chance.choice((0, 0, 1, 26, -26, 400)))
    for holder, key in list(places(question)):
        if is_time(holder[key]):
            moment = unstamp(holder[key])
            assert moment
            if moment.year < 2090:
                holder[key] = stamp(moment + by)


APPROVING = "cbusillo/sellyouroutboard/.github/workflows/approve.yml@refs/heads/main"


def of_another_product(question: Json, chance: random.Random) -> None:
    """About one for which other things were decided, or nothing."""
    name = chance.choice(PRODUCTS)
    for part in ("request", "product"):
        if isinstance(question.get(part), dict) and chance.random() < 0.9:
            question[part]["product"] = name


def of_another_actor(question: Json, chance: random.Random) -> None:
    verifier = chance.choice((None, None, "github-oidc", "github-oidc", "ssh", "", "another", ["github-oidc"]))
    question["actor"] = {"subject": chance.choice(SUBJECTS), "verified_by": verifier, "claims": some_claims(chance)}


def some_claims(chance: random.Random) -> Json:
    """Such as entries want, and others."""
    environment = chance.choice(("production", "production", "staging", 7, None, ["production"]))
    return chance.choice(({}, {"environment": environment}, {"environment": environment, "ref": "x"}, None, [], "x"))


def of_another_driver(question: Json, chance: random.Random) -> None:
    """The one that the caller addressed, and now and then the one that would act."""
    question["driver"]["addressed"] = chance.choice(("generic-web", "generic-web", "local", "", None))
    if chance.random() < 0.3:
        question["driver"]["driver_id"] = chance.choice(("local", "", None))
    if chance.random() < 0.2:
        question["product"]["driver_id"] = question["driver"]["driver_id"]


def of_another_action(question: Json, chance: random.Random) -> None:
    """For this some are listed and others are not, such as alice and carol."""
    question["action"] = chance.choice(ACTIONS)
    if chance.random() < 0.5:
        question["actor"] = chance.choice(
            (
                {"subject": "unverified:alice@workshop", "verified_by": None},
                {"subject": "carol", "verified_by": "ssh"},
                {
                    "subject": "repo:cbusillo/sellyouroutboard:environment:approvals",
                    "verified_by": "github-oidc",
                    "claims": {"job_workflow_ref": chance.choice((APPROVING, "other"))},
                },
            )
        )


def of_other_people(question: Json, chance: random.Random) -> None:
    """Who requested a waiver, and who approves it."""
    names = ("alice", "bob", "bob", "Bob", "github-actions[bot]", "[bot]x", "", None)
    people = {"requester": chance.choice(names), "approver": chance.choice(names)}
    question["waiver"] = {"waiver_id": "w-1", "code": "lane.not_bypassed", **people}


def at_another_lane(question: Json, chance: random.Random) -> None:
    side = question.get(chance.choice(("source", "destination")))
    if isinstance(side, dict):
        lane = {
            "context": chance.choice(("sellyouroutboard", "sellyouroutboard", "other")),
            "instance": chance.choice(LANES),
        }
        side["lane"] = lane
        if chance.random() < 0.7:
            question["product"]["lanes"].append({**lane, "base_url": "", "health_url": "https://another.example.org"})


def ran_before(question: Json, chance: random.Random) -> None:
    """The release, or a part of it, is in the destination's past; what it runs now is told in some way or other."""
    destination, release = question["destination"], question["release"]
    part = chance.choice(((), (), ("artifact_id",), ("source_git_ref",)))
    known = {key: "other" if key in part else value for key, value in release.items()}
    entry = {**known, "action": "promote", "at": question["now"], "rolled_back": chance.random() < 0.3}
    destination["history"] = [*destination.get("history", []), entry]
    if chance.random() < 0.3:
        destination["rolled_back"] = [known, *destination.get("rolled_back", [])]
    if chance.random() < 0.3:
        destination["way_back"] = [known, *destination.get("way_back", [])]
    destination["run"]["settled"] = chance.choice((True, False, False))
    last = (
        {**release, "status": "recorded"} if chance.random() < 0.6 else {"status": chance.choice(("recorded", "fail"))}
    )
    destination["run"]["last"] = {**(destination["run"]["last"] or {}), **last}
    if chance.random() < 0.3:
        destination["run"]["last"][chance.choice(("status", "artifact_id", "source_git_ref"))] = "another"
    match chance.choice(("as it is", "lost", "torn", "named", "commit")):
        case "lost":
            destination["inventory"] = None
        case "torn":
            destination.pop("inventory", None)
        case "named":
            destination["inventory"]["artifact_identity"]["artifact_id"] = known["artifact_id"]
            destination["inventory"]["source_git_ref"] = known["source_git_ref"]
        case "commit":
            destination["inventory"]["source_git_ref"] = known["source_git_ref"]


def held_or_open(question: Json, chance: random.Random) -> None:
    side = question.get(chance.choice(("source", "destination")))
    if isinstance(side, dict):
        if chance.random() < 0.3:
            ends = chance.choice(({}, {"until": None}, {"until": question["now"]}, {"until": 7}))
            side["hold"] = {"reason": "audit", "subject": "alice", "since": question["now"], **ends}
        else:
            side["run"][chance.choice(("open", "settled"))] = chance.choice((True, True, False, False, "true"))


def compared(question: Json, chance: random.Random) -> None:
    """What runs and what is to run were compared."""
    inventory = question["destination"].get("inventory")
    base = inventory["source_git_ref"] if inventory else None
    status = chance.choice(("ahead", "ahead", "ahead", "identical", "identical", "behind", "diverged"))
    comparison = {"base": base, "status": status, "ahead_by": 1, "behind_by": 0}
    question["evidence"]["github"]["comparison"] = chance.choice((comparison, comparison, comparison, None))


def spelt(version: Json, chance: random.Random) -> Json:
    """A version as it is, or now and then with its v or without."""
    if not isinstance(version, str) or chance.random() < 0.8:
        return version
    return version.removeprefix("v") if version.startswith("v") else f"v{version}"


def released(question: Json, chance: random.Random) -> None:
    """Another version is asked for, or after another one; it may be tagged, drafted or out already, or not be asked."""
    github, version = question["evidence"]["github"], chance.choice(VERSIONS)
    question["request"]["version"] = github["version"]["asked"] = version
    github["latest"] = chance.choice((None, {"version": chance.choice(VERSIONS), "commit": "41620cf"}))
    if chance.random() < 0.5:
        at = chance.choice((question["release"]["source_git_ref"], "215f71bc1a58639fe4bcd3b3609a4e68304184ab"))
        github["version"]["tag"] = {"name": spelt(version, chance), "commit": at}
    if chance.random() < 0.5:
        github["version"]["release"] = {
            "tag": spelt(version, chance),
            "draft": chance.random() < 0.3,
            "prerelease": chance.random() < 0.2,
            "author": chance.choice(AUTHORS),
            "marked_by": chance.choice((["r-1"], ["r-1"], ["r-2"], ["r-2", "r-1"], [], None)),
            "url": "u",
        }
    if chance.random() < 0.3:
        github["version"]["others"] = chance.choice(([], [spelt(version, chance)], ["v0.1.0"], None))
    at = chance.choice((question["release"]["source_git_ref"], "215f71bc1a58639fe4bcd3b3609a4e68304184ab"))
    known = chance.choice((chance.choice(VERSIONS), spelt(version, chance), version))
    made = [{"run_id": chance.choice(("r-1", "r-1", "r-2", None)), "author": chance.choice(AUTHORS)}]
    question["destination"]["versions"] = [
        {"version": known, "source_git_ref": at, "made": chance.choice((made, made, made, [], None))}
    ]
    github["publisher"]["can_publish"] = chance.random() < 0.8
    for branch in github["branches"]:
        branch["contains"] = chance.random() < 0.5


def may_be_a_rebuild(question: Json, chance: random.Random) -> None:
    """What may run there, and what tells it apart: by digest or not, of the same commit or not, or of none known."""
    release, destination = question["release"], question["destination"]
    other = {"artifact_id": "ghcr.io/cbusillo/sellyouroutboard@sha256:" + "9" * 64, "source_git_ref": "9" * 40}
    parts = [{**other, "source_git_ref": release["source_git_ref"]}, {**other, "source_git_ref": None}, other]
    parts += [release, {**release, "artifact_id": None}]
    destination["may_run"] = chance.sample(parts, chance.choice((0, 1, 1, 2)))
    for side in (destination, question["source"]):
        observed = side and side.get("observed")
        if observed and chance.random() < 0.7:
            observed["digests"] = chance.choice(("shown", "shown", "not_shown", "failed"))
            shown = chance.choice((release["artifact_id"], release["artifact_id"], other["artifact_id"], None))
            container = {
                "container_id": "c",
                "artifact_id": shown,
                "started_at": "1",
                "restarts": 0,
                "state": "running",
            }
            observed["containers"] = chance.choice(([], [container], [container, container], observed["containers"]))
    commit = chance.choice((release["source_git_ref"], "9" * 40, "9" * 40, None))
    for sample in question["evidence"].get("health", {}).get("destination", []):
        if question["phase"] == "admit":
            sample["revision"] = commit


def stayed(question: Json, chance: random.Random) -> None:
    """For how long it was good or steady, and what took place."""
    now = question["now"]
    since = chance.choice((now, shifted(now, chance), shifted(now, chance), None))
    if question["outcome"]:
        question["outcome"]["good_since"] = since
        question["outcome"]["told_apart_by"] = chance.choice(("digests", "commit", "commit", None))
        question["outcome"] |= chance.choice(({}, {}, {"status": "unchanged", "touched": chance.random() < 0.3}))
    elif question["source"]:
        question["source"]["steady_since"] = since


def tested(question: Json, chance: random.Random) -> None:
    """What was done after the deployments of the source, as their records say, if they do."""
    for deployment in question["source"]["deployments"] if question["source"] else ():
        if chance.random() < 0.8:
            deployment["update"] = chance.choice(("pass", "pass", "pass", "fail", "pending", "skipped", None, 7))


STORIES = (of_another_product, of_another_driver, of_another_actor, at_another_lane)
OF_A_RUN = (may_be_a_rebuild, stayed, at_another_time, ran_before, held_or_open, compared, released, tested)
BEFORE_A_RUN = (of_another_action, of_other_people)
BREAKS = (
    left_out,
    another_type,
    another_type,
    emptied,
    wrapped,
    another_name,
    extra_key,
    another_text,
    another_number,
    another_time,
    another_time,
    another_list,
    another_list,
    swapped,
    swapped,
    everywhere,
    everywhere,
)
