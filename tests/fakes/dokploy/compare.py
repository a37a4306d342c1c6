"""Compare the fake with a real server: ``python -m tests.fakes.dokploy.compare RECORDED.jsonl``.

Each line of the file is ``{label, request: {method, path, query, json, raw, auth}, response: {status, content_type,
json, text}}``. Routes that the fake does not have set the stage, where the script knows how, and are not compared.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import httpx

from tests.fakes.dokploy.docker_replay import PACE, DockerReplay
from tests.fakes.dokploy.fake import FakeDokploy
from tests.fakes.dokploy.replay import Exchange, Replay

_NOBODY = re.compile(r"0{64}$")  # the digest of an image that was never pushed


def push_what_was_pushed(dokploy: FakeDokploy, text: str) -> None:
    """Put each image of a recording into the registry, under each digest in it but that of zeros."""
    digests = set(re.findall(r"sha256:[0-9a-f]{64}", text))
    for repository in set(re.findall(r"[\w.:-]+(?:/[\w.-]+)+(?=@)", text)):
        for digest in digests:
            if not _NOBODY.search(digest):
                dokploy.push(f"{repository}@{digest}", revision=digest[-40:])


def compare(recording: Path) -> tuple[int, list[str], list[str]]:
    """Replay a recording: how many answers were compared, the labels that were not, and what differs."""
    text = recording.read_text()
    exchanges = [Exchange(**json.loads(line)) for line in text.splitlines()]
    of_docker = any(exchange.route.startswith("docker.") for exchange in exchanges)
    compared, skipped, differing = 0, list[str](), list[str]()
    with (
        FakeDokploy(strict=False, job_s=0, pace=PACE if of_docker else 100) as dokploy,
        httpx.Client(base_url=dokploy.url, trust_env=False) as client,
    ):
        push_what_was_pushed(dokploy, text)
        dokploy.pause(pause_running=True)
        replay = DockerReplay(dokploy, client, exchanges) if of_docker else Replay(dokploy, client)
        for number, exchange in enumerate(exchanges):
            replay.prepare(number, exchange)
            if not replay.compares(number, exchange):
                skipped.append(exchange.label)
                if exchange.status == 200:
                    replay.set_the_stage(exchange)
                continue
            compared += 1
            if exchange.request["method"] == "GET":
                replay.wait_as_recorded(exchange)
            found = replay.ask(exchange)
            differing += [f"{exchange.label}: {difference}" for difference in replay.differences(exchange, found)]
    return compared, skipped, differing


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tests.fakes.dokploy.compare RECORDED.jsonl", file=sys.stderr)
        return 2
    try:
        compared, skipped, differing = compare(Path(sys.argv[1]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{sys.argv[1]} is no recording that can be replayed: {error!r}", file=sys.stderr)
        return 2
    for difference in differing:
        print(difference)
    print(f"{len(skipped)} not compared: {', '.join(skipped) or 'none'}")
    print(f"{compared} answers compared, {len(differing)} differences")
    return 1 if differing or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
