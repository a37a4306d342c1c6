"""Start the fake for a person: ``python -m tests.fakes.github``."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

from tests.fakes.github.fake import FakeGitHub
from tests.fakes.github.stage import FIRST, REPOSITORY, SECOND, SIDE_BRANCH, Stage, set_up


def main() -> int:
    """Serve until Ctrl-C or SIGTERM."""
    args = _arguments()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with FakeGitHub(args.port, log=_log if not args.command else lambda _: None) as github:
            stage = set_up(github, args.stage.with_name(f"{args.stage.stem}-app.pem"))
            args.stage.write_text(stage.toml())
            if args.command:
                return subprocess.run(args.command, check=False).returncode  # as it was typed
            _greet(stage, args.stage)
            stopped.wait()
    except (OSError, OverflowError, ValueError) as error:  # a port out of range, a stage that is no file name
        print(f"cannot start on port {args.port} with the stage in {args.stage}: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fakes.github", description="A GitHub in memory, with a repository to publish releases in."
    )
    parser.add_argument("--port", type=int, default=3998, help="0 takes any that is free (default: %(default)s)")
    parser.add_argument(
        "--stage",
        type=Path,
        default=Path("github.toml"),
        help="file to write; the key of the App goes beside it (default: %(default)s)",
    )
    parser.add_argument("command", nargs="*", help="what to run beside it; it ends with that, as that ended")
    return parser.parse_args()


def _greet(stage: Stage, written: Path) -> None:
    github, app = stage.github, stage.app
    print(f"GitHub (a fake) listens on {github.url}; its stage is written to {written}. Ctrl-C ends it.\n")
    print(f"{REPOSITORY} has {FIRST[:7]} and {SECOND[:7]} on main, {stage.side[:7]} on {SIDE_BRANCH}.")
    print(f"App {app.app_id} is installed there as {stage.installation_id}; its key is {stage.key_file}")
    print(f"OIDC tokens are issued by {github.oidc_issuer}\n\nNow type:\n")
    print(f"    export GITHUB_TOKEN={stage.token}")
    print(f"    export ACTIONS_ID_TOKEN_REQUEST_URL='{github.oidc_request_url}'")
    print(f"    export ACTIONS_ID_TOKEN_REQUEST_TOKEN={github.oidc_request_token}")
    print(f'    curl -H "Authorization: Bearer $GITHUB_TOKEN" {github.url}/repos/{REPOSITORY}/releases', flush=True)


def _log(line: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
