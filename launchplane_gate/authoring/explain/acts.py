"""What a person can bring about, what to type for it, and which facts are others then: the one table of that.

An act changes what is asked, or facts that somebody changes by a command or by waiting; never what merely happened.
Whether it helps is not said here: it is asked again with the facts as they would be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from launchplane_gate.authoring.changes import MISSING, Change, moments_that_matter
from launchplane_gate.authoring.explain.asked import Asked, release_in, told, whole
from launchplane_gate.authoring.explain.deployed import reported, running, shown
from launchplane_gate.commands import command
from launchplane_gate.model import Actor, Lane, ReleaseIdentity, RunStatus, Waiver, WaiverApproval, stamp, unstamp
from launchplane_gate.policy.bundle.config import ActorEntry, Threshold
from launchplane_gate.policy.waiving import may_be_waived, same_person

SIDES = ("source", "destination")
MOST_MOMENTS = 40
PASS_WITH_TIME: tuple[Threshold, ...] = ("source_soak_s", "settle_s")  # of every other one time only takes away
AHEAD = timedelta(days=8)
WAIVED_FOR = timedelta(hours=4)
UNFINISHED: tuple[RunStatus, ...] = ("open", "interrupted")


@dataclass(frozen=True)
class Act:
    """``name`` tells programs which it is. ``commands``: to be typed for it, in their order; what is asked is asked
    again after that. ``waiver``: the leave that it gives. ``not_before``: when what is asked passes.

    ``asks_anew``: its last command is what was asked, in another way.
    """

    name: str
    words: str
    changes: tuple[Change, ...] = ()
    commands: tuple[str, ...] = ()
    waiver: Waiver | None = None
    not_before: str = ""
    asks_anew: bool = False


def acts(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """What could be done where these rules refuse, the simplest first."""
    for row in ACTS:
        yield from (act for act in row(asked, refused) if act.changes or act.waiver)


# -- asking in another way


def _name_nothing(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """A promotion and a rollback find their release by themselves."""
    if asked.at("request", "expected") in ({}, MISSING) or asked.action not in ("promote", "rollback"):
        return
    expected = Change(("request", "expected"), {})
    if asked.action == "promote":
        yield Act("name_no_release", f"Promote what {asked.lane('source')} runs now, naming none", (expected,))


def _go_back_to_another(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    if asked.action != "rollback" or asked.phase != "admit":
        return
    lane = asked.lane("destination")
    back = release_in(asked.at("destination", "way_back", 0))
    if back and asked.at("destination", "run", "settled") is False:
        words = f"Go back to {told(back)}, which was recorded on {lane} last, naming none"
        yield Act("name_no_release", words, (*_release(back, stated=False), *_ran_there(asked, back)))
    ran = (asked.at("destination", name, index) for name in ("history", "way_back") for index in range(10))
    for release in dict.fromkeys(filter(None, map(release_in, ran))):
        if release not in (asked.release, release_in(asked.at("destination", "inventory"))):
            changes = (*_release(release), *_ran_there(asked, release))
            yield Act("name_release", f"Go back to {told(release)}, which ran on {lane}", changes)


def _ran_there(asked: Asked, release: ReleaseIdentity) -> tuple[Change, ...]:
    """It stands in the lane's history, which an input has of the release at hand alone."""
    entry = {**release.model_dump(), "action": "deploy", "at": asked.text("now"), "rolled_back": False}
    history = asked.at("destination", "history")
    known = list(history) if isinstance(history, list | tuple) else []
    if any(release_in(one) == release for one in known):
        return ()
    return (Change(("destination", "history"), [*known, entry]),)


def _name_it_in_full(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """A commit that was shortened, where the whole one is known."""
    stated, repository = (
        asked.text("request", "expected", "source_git_ref"),
        asked.text("product", "image", "repository"),
    )
    if not stated or asked.action not in ("deploy", "evidence"):
        return
    for release in asked.releases():
        is_longer = release.source_git_ref.startswith(stated) and release.source_git_ref != stated
        if is_longer and whole(release, repository):
            yield Act("name_release", "Name the commit in full", _release(release))


def _release(release: ReleaseIdentity, *, stated: bool = True) -> tuple[Change, ...]:
    named = release.model_dump()
    return Change(("release",), named), Change(("request", "expected"), named if stated else {})


def _address_nobody(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    if asked.text("driver", "addressed"):
        yield Act("address_no_driver", "Leave out --driver", (Change(("driver", "addressed"), None),))


def _ask_for_another_version(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    version = asked.text("request", "version")
    if not version or asked.action != "promote" or asked.phase != "admit":
        return
    if (free := _next_version(asked)) and free != version:
        known = {**_of(asked, "evidence", "github", "version"), "asked": free, "tag": None, "release": None}
        changes = (Change(("request", "version"), free), Change(("evidence", "github", "version"), known))
        yield Act("name_version", f"Ask for {free}, which comes after the latest", changes)
    yield Act("name_no_version", "Promote without a version, so that nothing is published", _no_version())


def _no_version() -> tuple[Change, ...]:
    return (Change(("request", "version"), None),)


def _next_version(asked: Asked) -> str:
    """The patch after the latest; empty where that is not known."""
    latest = asked.text("evidence", "github", "latest", "version")
    parts = latest.removeprefix("v").split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):  # noqa: PLR2004
        return ""
    major, minor, patch = map(int, parts)
    return f"{'v' if latest.startswith('v') else ''}{major}.{minor}.{patch + 1}"


def _of(asked: Asked, *path: str) -> dict[str, object]:
    found = asked.at(*path)
    return dict(found) if isinstance(found, dict) else {}


def _take_a_path(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """Along another path of the product; only before facts of its lanes are known."""
    of_product = asked.settings.products.get(asked.product)
    if asked.action != "promote" or asked.phase != "standing" or of_product is None:
        return
    for path in of_product.paths:
        if (path.from_, path.to) != (asked.lane("source"), asked.lane("destination")):
            ends = (("source", path.from_), ("destination", path.to))
            changes = tuple(Change((side, "lane", "instance"), instance) for side, instance in ends)
            yield Act("take_path", f"Promote from {path.from_} to {path.to}", changes)


# -- what others hold open


def _release_holds(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    held = [side for side in SIDES if isinstance(asked.at(side, "hold"), dict)]
    for sides in [[side] for side in held] + ([held] if len(held) > 1 else []):
        names = [asked.lane(side) for side in sides]
        by = ", ".join(dict.fromkeys(asked.text(side, "hold", "subject") for side in sides))
        typed = [command("lane", "release", f"{asked.product}/{name}", reason=asked.goal) for name in names]
        changes = tuple(Change((side, "hold"), None) for side in sides)
        yield Act("release_lane", f"Talk to {by}, then release {' and '.join(names)}", changes, tuple(typed))


def _finish_runs(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    for side in SIDES:
        last, lane = _of(asked, side, "run", "last"), asked.lane(side)
        if asked.at(side, "run", "open") is not True and last.get("status") not in UNFINISHED:
            continue
        is_it = last.get("status") in UNFINISHED
        changes: tuple[Change, ...] = (Change((side, "run", "open"), False),)
        if is_it and (release := release_in(last)) and side == "source":
            changes = running(asked, side, release)
        if is_it:
            typed = command("runs", "resume", str(last["run_id"]))
            yield Act("resume_run", f"Finish the run that was interrupted on {lane}", changes, (typed,))
        else:
            words = f"Wait until the run that is open on {lane} has ended; this shows it"
            yield Act("await_run", words, changes, (command("runs", "list"),))


# -- the lane that a promotion starts from


def _settle(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """By what a lane is seen to run, where that is what a run brought, or what is recorded."""
    if asked.phase != "admit":
        return
    for side in SIDES:
        if asked.at(side, "run", "settled") is not False or asked.at(side, "run", "open") is not False:
            continue
        seen = asked.text(side, "observed", "artifact_id") or asked.text(side, "observed", "configured_artifact_id")
        known = (release_in(asked.at(side, "run", "last")), release_in(asked.at(side, "inventory")))
        for release in dict.fromkeys(filter(None, known)):
            if release.artifact_id != seen or reported(asked, side) - {release.source_git_ref}:
                continue
            words = f"Settle {asked.lane(side)} by what it is seen to run, {told(release)}"
            typed = command("inventory", "reconcile", f"{asked.product}/{asked.lane(side)}")
            yield Act("reconcile", words, running(asked, side, release), (typed,))


def _deploy_to_the_source(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    if asked.action != "promote" or asked.phase != "admit":
        return
    lane, repository = asked.lane("source"), asked.text("product", "image", "repository")
    places = (("inventory",), ("run", "last"), ("deployments", 0))
    known = [asked.what_is_meant(), *(release_in(asked.at("source", *place)) for place in places)]
    of_product = asked.settings.products.get(asked.product)
    comes_from = [path.from_ for path in of_product.paths if path.to == lane] if of_product else []
    for release in dict.fromkeys(filter(None, known)):
        if not whole(release, repository):
            continue
        if comes_from:
            typed = command("promote", asked.product, from_=comes_from[0], to=lane, ref=release.source_git_ref)
        else:
            typed = command("deploy", asked.product, to=lane, artifact=release.artifact_id, ref=release.source_git_ref)
        words = f"{'Promote' if comes_from else 'Deploy'} {told(release)} to {lane}, and have it confirmed"
        yield Act("deploy", words, running(asked, "source", release), (typed,))


# -- what was deployed, and is not proven


def _look_again(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    if asked.phase != "confirm" or asked.release is None or asked.now is None:
        return
    lane, settle_s = (
        asked.lane("destination"),
        asked.settings.settle_s(asked.text("driver", "driver_id"), asked.product),
    )
    seen = stamp(asked.now + timedelta(seconds=settle_s))
    changes = [
        *asked.is_asked_at(asked.now + timedelta(seconds=settle_s)),
        *shown(asked, "destination", asked.release, since=stamp(asked.now), seen_at=seen),
        Change(("outcome", "good_since"), stamp(asked.now)),
    ]
    typed = command("inventory", "reconcile", f"{asked.product}/{lane}")
    words = f"Once {lane} runs {told(asked.release)} and stays up, settle it by what it is seen to run"
    yield Act("reconcile", words, tuple(changes), (typed,), asks_anew=True)
    if asked.text("outcome", "status") in ("fail", "unknown") and (again := asked.again()):
        passed = [Change(("outcome", "status"), "pass"), Change(("outcome", "touched"), True)]
        words = f"Mend what it failed on, and have {told(asked.release)} deployed again"
        yield Act("again", words, (*changes, *passed), (again,), asks_anew=True)


# -- beside the gate


def _wait(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """Moments at which something begins or ends by the policies or by itself; a hold may end so, too."""
    now = asked.now
    if now is None or asked.phase != "admit":
        return
    ends = {side: unstamp(asked.text(side, "hold", "until")) for side in SIDES}
    known = {
        moment
        for moment in moments_that_matter(asked.facts, asked.settings, PASS_WITH_TIME)
        if now < moment <= now + AHEAD
    }
    moments = sorted({_whole_second(moment) for moment in (*known, *filter(None, ends.values())) if moment > now})
    for moment in moments[:MOST_MOMENTS]:
        over = [Change((side, "hold"), None) for side, end in ends.items() if end and end <= moment]
        changes = (*asked.is_asked_at(moment), *over)
        at = clock(moment, asked.typed_at)
        words = f"Wait: not before {at}" if moment > asked.typed_at else f"Ask again, since {at} is over"
        yield Act("wait", words, changes, not_before=stamp(moment))


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)


def clock(moment: datetime, read_at: datetime) -> str:
    """``14:30 UTC``, with its day where it is not that on which it is read."""
    at = moment.astimezone(UTC)
    day = "" if at.date() == read_at.astimezone(UTC).date() else "%Y-%m-%d "
    return at.strftime(f"{day}%H:%M:%S UTC" if at.second else f"{day}%H:%M UTC")


def _wait_for_the_platform(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    for side in SIDES:
        if asked.at(side, "observed", "in_flight") is True:
            words = f"Wait until what the platform does on {asked.lane(side)} has ended"
            yield Act("await_platform", words, (Change((side, "observed", "in_flight"), False),))


def _take_a_backup(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    backups, lane = asked.at("destination", "backups"), asked.at("destination", "lane")
    now = asked.text("now")
    if not isinstance(backups, list | tuple) or not now:
        return
    of_lane = asked.settings.products.get(asked.product)
    if of_lane is None or asked.lane("destination") not in of_lane.backup:
        return
    taken = {**lane, "record_id": "to-come", "status": "pass", "created_at": now, "first_seen": now}
    words = f"Take a backup of {asked.lane('destination')}, and have its record written"
    yield Act("take_backup", words, (Change(("destination", "backups"), [*backups, taken]),))


def _show_digests(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """For a platform that would show by which digest containers run, were the gate let."""
    lacks = asked.text("destination", "observed", "lacks")
    if lacks and asked.at("destination", "observed", "digests") != "shown" and asked.phase == "admit":
        changes = [
            Change(("destination", "observed", name), value)
            for name, value in (("digests", "shown"), ("reachable", True))
        ]
        yield Act("grant_right", f"Grant the gate the right that it lacks on the platform: {lacks}", tuple(changes))


def _give_health_urls(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """To every entry of a lane that takes part and has none; which, only the person knows."""
    without = [
        (index, entry)
        for index, entry in enumerate(asked.at("product", "lanes") or ())
        if entry["instance"] in map(asked.lane, SIDES) and not (entry["health_url"] or entry["base_url"])
    ]
    changes = tuple(
        Change(("product", "lanes", index, "health_url"), f"https://{entry['instance']}.example/health")
        for index, entry in without
    )
    if changes:
        names = ", ".join(dict.fromkeys(entry["instance"] for _, entry in without))
        yield Act(
            "give_health_url", f"Give {names} a health URL: `health_url`, in the settings or the profile", changes
        )


def _ask_as_another(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """As somebody whom the policies name for the lane; told to those alone whom they name somewhere."""
    actor = Actor.model_validate(asked.at("actor"))
    if not asked.settings.names(actor):
        return
    for entry in asked.settings.actors_of(asked.product, asked.lane("destination")):
        if not entry.names(actor) and "*" not in entry.subject:
            by = f", verified by {entry.verified_by}" if entry.verified_by else ""
            told_as = Actor(subject=entry.subject, verified_by=entry.verified_by, claims=entry.claims)
            yield Act("ask_as", f"Have {entry.subject}{by} ask", (Change(("actor",), told_as.model_dump()),))


# -- leave


def _waive(asked: Asked, refused: Collection[str]) -> Iterator[Act]:
    """By somebody who can be verified: of a mere word nobody could tell whose it is to be."""
    release, repository = asked.release, asked.text("product", "image", "repository")
    if asked.phase != "admit" or release is None or not whole(release, repository) or asked.now is None:
        return
    approvers = asked.settings.approvers(asked.product, asked.lane("destination"))
    asks = Actor.model_validate(asked.at("actor"))
    approver = next((who for who in map(_somebody, approvers) if not same_person(who, asks)), None)
    lasts = min(WAIVED_FOR, timedelta(seconds=asked.settings.waiver_max_s(asked.product)))
    if approver is None or lasts <= timedelta(minutes=1):
        return
    for code in refused:
        if may_be_waived(code, asked.settings):
            waiver = _waiver(asked, code, release, (asks, approver), lasts)
            words = f"Have {code} waived: request it, and have somebody approve it who may"
            yield Act("waive", words, (), (_request(asked, waiver, lasts),), waiver)


def _request(asked: Asked, waiver: Waiver, lasts: timedelta) -> str:
    return command(
        "waiver",
        "request",
        waiver.code,
        lane=f"{asked.product}/{asked.lane('destination')}",
        artifact=waiver.release.artifact_id,
        ref=waiver.release.source_git_ref,
        reason=waiver.reason,
        expires=(asked.typed_at + lasts - timedelta(minutes=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _waiver(asked: Asked, code: str, release: ReleaseIdentity, who: tuple[Actor, Actor], lasts: timedelta) -> Waiver:
    """``who`` asks, and who approves."""
    asks, approver = who
    now = asked.now
    assert now is not None  # it is looked at before
    return Waiver(
        waiver_id="to-come",
        code=code,
        product=asked.product,
        lane=Lane.model_validate(asked.at("destination", "lane")),
        release=release,
        reason=asked.goal,
        requested_by=asks,
        requested_at=now,
        expires_at=now + lasts,
        approval=WaiverApproval(by=approver, how="identity", at=now),
    )


def _somebody(entry: ActorEntry) -> Actor:
    """Somebody whom an entry names."""
    subject = entry.subject.replace("*", "somebody")
    return Actor(subject=subject, verified_by=entry.verified_by, claims=entry.claims)


Row = Callable[[Asked, Collection[str]], Iterator[Act]]

ACTS: tuple[Row, ...] = (
    _name_nothing,
    _go_back_to_another,
    _name_it_in_full,
    _address_nobody,
    _ask_for_another_version,
    _take_a_path,
    _release_holds,
    _finish_runs,
    _wait,
    _wait_for_the_platform,
    _settle,
    _deploy_to_the_source,
    _look_again,
    _take_a_backup,
    _show_digests,
    _give_health_urls,
    _ask_as_another,
    _waive,
)
