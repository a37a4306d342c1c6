"""What the plugin ``health`` promises, asked of real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import PluginConfig, Question
from launchplane_gate.model import Lane, Phase, ReleaseIdentity, unstamp
from launchplane_gate.records import ProductImage, ProductLane, ProductProfile
from launchplane_gate.urls import without_query
from launchplane_gate_health import HealthPlugin
from tests.fakes.certificates import self_signed
from tests.fakes.health_server import (
    Answer,
    HealthServer,
    drips,
    flaps,
    floods,
    hangs_up,
    html,
    redirects,
    reports,
    says,
    sleeps,
    status,
)

COMMIT, OTHER = "a" * 40, "b" * 40
TESTING, PROD = Lane(context="shop", instance="testing"), Lane(context="shop", instance="prod")
TOKEN = "tok-5f1e6d9b"


@pytest.fixture
def server() -> Iterator[HealthServer]:
    with HealthServer() as server:
        yield server


def made(*, plain_http: frozenset[Lane] = frozenset(), **options: Any) -> HealthPlugin:
    options = {"interval_s": 0, "timeout_s": 5} | options
    return HealthPlugin(
        PluginConfig(
            name="health",
            options=options,
            targets={TESTING: {}, PROD: {}},
            base_dir=Path(),
            state_dir=Path("unused"),
            now=lambda: datetime.now(UTC),
            plain_http=plain_http,
        )
    )


def question(
    urls: Mapping[Lane, list[str]],
    *,
    phase: Phase = "confirm",
    source: Lane | None = None,
    commit: str | None = COMMIT,
    deadline_s: float = 10,
) -> Question:
    lanes = [
        ProductLane(context=lane.context, instance=lane.instance, health_url=url)
        for lane, named in urls.items()
        for url in named
    ]
    product = ProductProfile(
        product="shop",
        display_name="Shop",
        repository="example/shop",
        driver_id="local",
        image=ProductImage(repository="local/shop"),
        runtime_port=80,
        health_path="/health",
        lanes=tuple(lanes),
        updated_at="2026-01-01T00:00:00Z",
        source="test",
    )
    release = ReleaseIdentity(artifact_id=f"local/shop@sha256:{'0' * 64}", source_git_ref=commit) if commit else None
    return Question(
        phase=phase, product=product, source=source, destination=PROD, release=release, deadline_s=deadline_s
    )


def confirm(*urls: str, plugin: HealthPlugin | None = None, **rest: Any) -> list[dict[str, Any]]:
    evidence = (plugin or made()).gate_evidence(question({PROD: list(urls)}, **rest))
    assert set(evidence) == {"destination"}
    samples = evidence["destination"]
    assert all(set(sample) == {"url", "status", "revision", "seen_at", "detail"} for sample in samples)
    return list(samples)


# -- whom it asks, and how often


def test_before_a_promotion_both_lanes_are_asked_and_afterwards_the_destination(server: HealthServer) -> None:
    server.answers |= {"/testing": reports(COMMIT), "/prod": reports(COMMIT)}
    urls = {TESTING: [server.url("/testing")], PROD: [server.url("/prod")]}

    admit = made().gate_evidence(question(urls, phase="admit", source=TESTING))
    confirm = made().gate_evidence(question(urls, phase="confirm", source=TESTING))

    assert {name: {sample["url"] for sample in found} for name, found in admit.items()} == {
        "source": set(urls[TESTING]),
        "destination": set(urls[PROD]),
    }
    assert {name: {sample["url"] for sample in found} for name, found in confirm.items()} == {
        "destination": set(urls[PROD])
    }


def test_before_a_deploy_the_destination_tells_what_it_runs(server: HealthServer) -> None:
    server.answers["/health"] = reports(OTHER)
    found = made().gate_evidence(question({PROD: [server.url()]}, phase="admit"))
    assert [(name, [sample["revision"] for sample in samples]) for name, samples in found.items()] == [
        ("destination", [OTHER])
    ]


def test_a_lane_without_urls_was_looked_at_and_proves_nothing() -> None:
    assert confirm() == []


def test_a_release_is_seen_several_times_in_a_row_each_time_after_the_answer(server: HealthServer) -> None:
    server.answers["/health"] = sleeps(0.05, reports(COMMIT))
    before = datetime.now(UTC)

    samples = confirm(server.url())

    assert [(sample["status"], sample["revision"], sample["detail"]) for sample in samples] == [(200, COMMIT, "")] * 3
    times = [unstamp(sample["seen_at"]) for sample in samples]
    for number, seen in enumerate(times, 1):
        assert seen and seen >= before + number * timedelta(seconds=0.05)


def test_matches_are_taken_an_interval_apart(server: HealthServer) -> None:
    server.answers["/health"] = reports(COMMIT)
    began = time.monotonic()
    assert len(confirm(server.url(), plugin=made(matches=4, interval_s=0.1))) == 4
    assert time.monotonic() - began >= 0.3


def test_a_series_ends_with_the_first_answer_of_another_revision_and_shows_it(server: HealthServer) -> None:
    server.answers["/health"] = flaps(COMMIT, OTHER)
    assert [sample["revision"] for sample in confirm(server.url())] == [COMMIT, OTHER]


def test_every_url_has_a_series_of_its_own_and_they_run_at_the_same_time(server: HealthServer) -> None:
    server.answers |= {f"/{name}": sleeps(0.3, reports(COMMIT)) for name in "abc"} | {"/old": reports(OTHER)}
    urls = [server.url(path) for path in ("/a", "/b", "/old", "/c")]
    began = time.monotonic()

    samples = confirm(*urls, plugin=made(matches=2))

    assert time.monotonic() - began < 1.8  # one after the other would take that long
    assert [sample["url"] for sample in samples] == [urls[0]] * 2 + [urls[1]] * 2 + [urls[2]] + [urls[3]] * 2


def test_without_a_known_release_no_answer_is_a_match(server: HealthServer) -> None:
    server.answers["/health"] = reports(COMMIT)
    assert [sample["revision"] for sample in confirm(server.url(), commit=None)] == [COMMIT]


def test_no_answer_binds_the_next_one_to_its_replica(server: HealthServer) -> None:
    body = json.dumps({"revision": COMMIT}).encode()
    server.answers["/health"] = says(body, Set_Cookie="replica=1; Path=/")
    confirm(server.url())
    assert len(server.seen) == 3
    assert not any("Cookie" in headers for _, headers in server.seen)


def test_it_may_be_asked_from_inside_an_event_loop(server: HealthServer) -> None:
    server.answers["/health"] = reports(COMMIT)

    async def embedded() -> list[dict[str, Any]]:
        return confirm(server.url())

    assert len(asyncio.run(embedded())) == 3


# -- what proves nothing

SECRET = "hunter2"
BODY = json.dumps({"revision": COMMIT, "password": SECRET}).encode()


@pytest.mark.parametrize(
    ("answer", "code", "why"),
    [
        (status(500, COMMIT), 500, "answers with status 500"),
        (status(404, COMMIT), 404, "answers with status 404"),
        (says(BODY, code=304), 304, "answers with status 304"),
        (html(), 200, "not JSON"),
        (says(b""), 200, "the body is empty"),
        (says(b'{"revision": "' + SECRET.encode()), 200, "not JSON"),
        (says(b'{"revision": "%s", "revision": "%s"}' % (COMMIT.encode(), OTHER.encode())), 200, "not JSON"),
        (says(b'{"%s": 1, "%s": 2}' % (SECRET.encode(), SECRET.encode())), 200, "not JSON"),
        (says(b"\xff\xfe\xfa" + SECRET.encode()), 200, "not JSON"),
        (says(b"[" * 100 + b"]" * 100), 200, "not JSON"),
        (says(b'{"version": "hunter2"}'), 200, "nothing at '/revision'"),
        (says(b'["hunter2"]'), 200, "nothing at '/revision'"),
        (says(b'"hunter2"'), 200, "nothing at '/revision'"),
        (reports(None), 200, "no revision"),
        (reports(7), 200, "no revision"),
        (reports(True), 200, "no revision"),
        (reports([COMMIT]), 200, "no revision"),
        (reports({"password": SECRET}), 200, "no revision"),
        (reports(""), 200, "no revision"),
        (reports(f"{COMMIT} {SECRET}"), 200, "no revision"),
        (reports(f"{COMMIT}\n"), 200, "no revision"),
        (reports("\ud800"), 200, "no revision"),
        (reports(SECRET * 100), 200, "no revision"),
        (hangs_up(), None, "broke off"),
        (hangs_up(after=b"SSH-2.0-hunter2\r\n"), None, "broke off"),
        (hangs_up(after=b"HTTP/1.0 200 OK\r\nContent-Length: 500\r\n\r\n" + BODY), None, "broke off"),
    ],
)
def test_what_names_no_revision_proves_none_and_nothing_of_it_is_quoted(
    server: HealthServer, answer: Answer, code: int | None, why: str
) -> None:
    server.answers["/health"] = answer
    (sample,) = confirm(server.url())
    assert (sample["status"], sample["revision"]) == (code, None)
    assert why in sample["detail"]
    assert SECRET not in json.dumps(sample)


def test_a_refused_connection_is_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    (sample,) = confirm(f"http://127.0.0.1:{port}/health")
    assert (sample["status"], sample["revision"], sample["detail"]) == (None, None, "the connection was refused")


def test_what_does_not_speak_tls_is_an_answer(server: HealthServer) -> None:
    (sample,) = confirm(server.url().replace("http:", "https:"))
    assert (sample["status"], sample["detail"]) == (None, "no TLS connection could be made")


def test_a_certificate_that_nobody_vouches_for_is_an_answer(server: HealthServer, tmp_path: Path) -> None:
    server.answers["/health"] = reports(COMMIT)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(tmp_path))
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    (sample,) = confirm(server.url().replace("http:", "https:"))
    assert (sample["status"], sample["detail"]) == (None, "its TLS certificate could not be verified")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://127.0.0.1/health", "not an http(s) URL"),
        ("file:///etc/hostname", "not an http(s) URL"),
        ("http:///health", "not an http(s) URL"),
        ("health", "not an http(s) URL"),
        ("http://127.0.0.1:port/health", "not a URL"),
        ("http://operator@127.0.0.1/health", "user name"),
    ],
)
def test_a_url_that_cannot_be_asked_is_an_answer(url: str, why: str) -> None:
    (sample,) = confirm(url)
    assert (sample["status"], sample["revision"]) == (None, None)
    assert why in sample["detail"]


# -- what it costs at most


@pytest.mark.parametrize("headers_too", [False, True])
def test_an_answer_that_drips_is_given_up_in_time(server: HealthServer, headers_too: bool) -> None:
    server.answers["/health"] = drips(BODY, every_s=0.05, headers_too=headers_too)
    began = time.monotonic()
    (sample,) = confirm(server.url(), plugin=made(timeout_s=0.4))
    assert time.monotonic() - began < 2  # the whole would take more than three seconds
    assert (sample["status"], sample["revision"]) == (None, None)
    assert sample["detail"] == "no whole answer within 0.4 s"


def test_redirects_share_the_time_of_one_answer(server: HealthServer) -> None:
    server.answers |= {f"/{n}": sleeps(0.25, redirects(f"/{n + 1}")) for n in range(3)} | {"/3": reports(COMMIT)}
    (sample,) = confirm(server.url("/0"), plugin=made(timeout_s=0.4))
    assert sample["revision"] is None


def test_the_deadline_bounds_the_whole_call(server: HealthServer) -> None:
    server.answers |= {"/slow": sleeps(3, reports(COMMIT)), "/health": reports(COMMIT)}
    began = time.monotonic()
    samples = confirm(server.url("/slow"), server.url(), plugin=made(matches=5, interval_s=0.2), deadline_s=0.5)
    assert time.monotonic() - began < 2
    revisions = [sample["revision"] for sample in samples]
    assert revisions[0] is None
    assert set(revisions[1:]) == {COMMIT}
    assert len(revisions[1:]) < 5  # no policy takes that for a series


def test_a_body_is_read_no_further_than_its_limit(server: HealthServer) -> None:
    server.answers["/health"] = floods(100_000_000)
    (sample,) = confirm(server.url())
    assert (sample["status"], sample["revision"]) == (200, None)
    assert sample["detail"] == "the body is larger than 65536 bytes"
    deadline = time.monotonic() + 5
    while len(server.seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert int(server.seen[1][1]["bytes"]) < 50_000_000  # what fits into the buffers between


# -- plain http, queries and logs

ANOTHER_MACHINE = "127.1"  # by its name


def test_another_machine_is_asked_over_plain_http_only_where_the_settings_of_the_lane_say_so(
    server: HealthServer,
) -> None:
    server.answers["/health"] = reports(COMMIT)
    url = server.url(host=ANOTHER_MACHINE)
    for plugin in (made(), made(plain_http=frozenset({TESTING}))):
        (sample,) = confirm(url, plugin=plugin)
        assert (sample["status"], sample["revision"]) == (None, None)
        assert "another machine is not asked over plain http; use https, or allow_plain_http" in sample["detail"]
    assert server.seen == []
    assert confirm(url, plugin=made(matches=1, plain_http=frozenset({PROD})))[0]["revision"] == COMMIT
    own = made(matches=1, lanes={str(PROD): {"allow_plain_http": True}})  # of a lane that no settings name
    assert confirm(url, plugin=own)[0]["revision"] == COMMIT


def test_a_sample_tells_no_query_and_keeps_urls_apart(server: HealthServer) -> None:
    server.answers["/health"] = reports(COMMIT)
    urls = [server.url(f"/health?token={token}") for token in (TOKEN, "another")]
    samples = confirm(*urls, plugin=made(matches=1))
    assert {sample["url"] for sample in samples} == {without_query(url) for url in urls}
    assert len({sample["url"] for sample in samples}) == 2
    assert TOKEN not in str(samples)
    assert sorted(path for path, _ in server.seen) == sorted(url.partition(str(server.server_port))[2] for url in urls)


def test_neither_query_nor_token_is_logged(server: HealthServer, caplog: pytest.LogCaptureFixture) -> None:
    server.answers["/health"] = reports(COMMIT)
    lanes = {str(PROD): {"token": SecretStr(TOKEN)}}
    with caplog.at_level(logging.DEBUG):
        assert confirm(server.url("/health?key=s3cret"), plugin=made(lanes=lanes))[0]["revision"] == COMMIT
    assert [record for record in caplog.records if record.name.startswith("http")] == []
    assert "s3cret" not in caplog.text
    assert TOKEN not in caplog.text


# -- redirects, and the token


def test_a_redirect_that_names_a_user_is_not_followed(server: HealthServer) -> None:
    server.answers |= {"/health": redirects(f"http://ann:pw@127.0.0.1:{server.server_port}/1"), "/1": reports(COMMIT)}
    (sample,) = confirm(server.url())
    assert (sample["revision"], sample["detail"]) == (None, "redirects to a URL with a user name")
    assert len(server.seen) == 1


@pytest.mark.parametrize(("steps", "revision"), [(1, COMMIT), (3, COMMIT), (4, None)])
def test_up_to_three_redirects_on_the_same_host_are_followed(
    server: HealthServer, steps: int, revision: str | None
) -> None:
    server.answers |= {f"/{n}": redirects(f"/{n + 1}", Set_Cookie="\x80") for n in range(steps)}
    server.answers[f"/{steps}"] = reports(COMMIT)
    sample = confirm(server.url("/0"), plugin=made(matches=1))[0]
    assert sample["revision"] == revision
    assert (sample["status"], sample["detail"]) == ((200, "") if revision else (302, "redirects more than 3 times"))


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_another_host_is_never_asked_and_never_sees_the_token(server: HealthServer, code: int) -> None:
    with HealthServer() as other:
        other.answers["/health"] = reports(COMMIT)
        server.answers["/health"] = redirects(other.url(host="localhost"), code=code)
        (sample,) = confirm(server.url(), plugin=made(lanes={str(PROD): {"token": SecretStr(TOKEN)}}))
        assert (sample["status"], sample["revision"]) == (code, None)
        assert sample["detail"] == "redirects to another host"
        assert other.seen == []


@pytest.mark.parametrize("to", ["http://127.0.0.1:{other}/health", "https://127.0.0.1:{same}/health"])
def test_another_port_or_scheme_is_never_asked(server: HealthServer, to: str) -> None:
    with HealthServer() as other:
        server.answers["/health"] = redirects(to.format(other=other.server_port, same=server.server_port))
        (sample,) = confirm(server.url())
        assert (sample["status"], sample["revision"]) == (302, None)
        assert sample["detail"] == "redirects to another scheme or port"
        assert other.seen == []


def test_the_token_goes_to_its_own_lane_and_nowhere_else(
    server: HealthServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers |= {"/prod": redirects("/health"), "/testing": reports(COMMIT), "/health": reports(COMMIT)}
    plugin = made(matches=1, lanes={str(PROD): {"token": SecretStr(TOKEN)}})
    urls = {TESTING: [server.url("/testing")], PROD: [server.url("/prod")]}

    with caplog.at_level(logging.DEBUG):
        admit = plugin.gate_evidence(question(urls, phase="admit", source=TESTING))
        confirmed = plugin.gate_evidence(question(urls))

    sent = {path: headers.get("Authorization") for path, headers in server.seen}
    assert sent == {"/testing": None, "/prod": f"Bearer {TOKEN}", "/health": f"Bearer {TOKEN}"}
    assert TOKEN not in json.dumps([admit, confirmed]) + repr(vars(plugin)) + caplog.text


def test_neither_proxies_nor_logins_of_the_environment_are_used(
    server: HealthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/health"] = reports(COMMIT)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login operator password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with HealthServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        assert confirm(server.url(), plugin=made(matches=1))[0]["revision"] == COMMIT
        assert proxy.seen == []
    assert "Authorization" not in server.seen[0][1]


# -- where the revision stands


@pytest.mark.parametrize(
    ("pointer", "document", "revision"),
    [
        ("/build/commit", {"build": {"commit": COMMIT}}, COMMIT),
        ("/a~1b", {"a/b": COMMIT}, COMMIT),
        ("/m~0n", {"m~n": COMMIT}, COMMIT),
        ("/~01", {"~1": COMMIT, "/": OTHER}, COMMIT),
        ("/", {"": COMMIT}, COMMIT),
        ("", COMMIT, COMMIT),
        ("/0", {"0": COMMIT}, COMMIT),
        ("/list/1", {"list": [OTHER, COMMIT]}, COMMIT),
        ("/list/01", {"list": [OTHER, COMMIT]}, None),
        ("/list/-1", {"list": [OTHER, COMMIT]}, None),
        ("/list/-", {"list": [OTHER, COMMIT]}, None),
        ("/list/2", {"list": [OTHER, COMMIT]}, None),
        ("/list/\u0661", {"list": [OTHER, COMMIT]}, None),
        ("/revision/0", {"revision": COMMIT}, None),
        ("/revision/x", {"revision": None}, None),
    ],
)
def test_a_pointer_finds_the_revision_or_nothing(
    server: HealthServer, pointer: str, document: object, revision: str | None
) -> None:
    server.answers["/health"] = says(json.dumps(document).encode())
    for plugin in (
        made(matches=1, revision_pointer=pointer),
        made(matches=1, lanes={str(PROD): {"revision_pointer": pointer}}),  # even the empty one replaces the default
    ):
        assert confirm(server.url(), plugin=plugin)[0]["revision"] == revision


# -- settings


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"timeout": 5}, "plugins.health.timeout: is not a known key"),
        ({"timeout_s": 0}, "plugins.health.timeout_s"),
        ({"timeout_s": float("nan")}, "plugins.health.timeout_s"),
        ({"matches": 0}, "plugins.health.matches"),
        ({"revision_pointer": "revision"}, "plugins.health.revision_pointer"),
        ({"revision_pointer": "/a~2"}, "plugins.health.revision_pointer"),
        ({"lanes": {"shop/prod": {"tokn": TOKEN}}}, "plugins.health.lanes.shop/prod.tokn: is not a known key"),
        ({"lanes": {"shop/prod": {"token": SecretStr(f"{TOKEN}\r\nX: y")}}}, "plugins.health.lanes.shop/prod.token"),
        ({"lanes": {"shop/prod": {"token": SecretStr(f"{TOKEN}é")}}}, "plugins.health.lanes.shop/prod.token"),
        ({"lanes": {"shop/prod": {"token": {TOKEN: 1}}}}, "plugins.health.lanes.shop/prod.token"),
        ({"lanes": {"shop/prod": {"token": TOKEN}}}, "a secret is never written here"),
        (
            {"lanes": {"shop/pord": {"token": SecretStr(TOKEN)}}},
            "plugins.health.lanes.shop/pord: there is no such lane",
        ),
    ],
)
def test_settings_that_cannot_be_used_name_the_key_and_never_the_token(options: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        made(**options)
    assert named in str(refused.value)
    assert refused.value.hint.startswith("Nothing was done.")
    assert TOKEN not in f"{refused.value} {refused.value.hint}"
