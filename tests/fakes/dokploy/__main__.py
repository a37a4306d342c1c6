"""Start the fake for a person: ``python -m tests.fakes.dokploy``."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

from tests.fakes.dokploy.fake import FakeDokploy
from tests.fakes.dokploy.stage import set_up


def main() -> int:
    """Serve until Ctrl-C or SIGTERM."""
    args = _arguments()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        log = (lambda _: None) if args.command else _log
        with FakeDokploy(args.port, job_s=args.job_s, takeover_s=args.takeover_s, log=log) as dokploy:
            args.stage.write_text(set_up(dokploy).toml())
            if args.command:
                environment = dict(os.environ) | {"DOKPLOY_API_KEY": dokploy.key}
                return subprocess.run(args.command, env=environment, check=False).returncode
            _greet(dokploy, args.stage)
            stopped.wait()
    except (OSError, OverflowError) as error:  # a port out of range is the latter
        print(f"cannot start on port {args.port} with the stage in {args.stage}: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fakes.dokploy", description="A Dokploy in memory, with two lanes of a product to play on."
    )
    parser.add_argument("--port", type=int, default=3999, help="0 takes any that is free (default: %(default)s)")
    parser.add_argument("--stage", type=Path, default=Path("stage.toml"), help="file to write (default: %(default)s)")
    parser.add_argument("--job-s", type=float, default=1.0, help="how long a deployment runs (default: %(default)s)")
    parser.add_argument(
        "--takeover-s",
        type=float,
        default=2.0,
        help="how long the old revision answers after that (default: %(default)s)",
    )
    parser.add_argument("command", nargs="*", help="what to run beside it, with its key; it ends as that ended")
    return parser.parse_args()


def _greet(dokploy: FakeDokploy, stage: Path) -> None:
    print(f"Dokploy (a fake) listens on {dokploy.url}; its stage is written to {stage}. Ctrl-C ends it. Now type:\n")
    print(f"    export DOKPLOY_API_KEY={dokploy.key}")
    print(f"    launchplane-gate demo --driver generic-web --dokploy-url {dokploy.url} --stage {stage}", flush=True)


def _log(line: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
