"""``demo``: the story that the gate exists for."""

from __future__ import annotations

import os
from pathlib import Path

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session


@click.command(cls=Command)
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Leave its records in DIR.")
@click.option(
    "--driver", type=click.Choice(["local", "generic-web"]), default="local", help="What deploys.  [default: local]"
)
@click.option("--dokploy-url", metavar="URL", help="With generic-web: the server; its key is in $DOKPLOY_API_KEY.")
@click.option(
    "--stage",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With generic-web: what was prepared there.  [default: stage.toml]",
)
@click.option(
    "--github-stage",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With local: publish the last release on the GitHub that this file names.",
)
@click.option("--all", "everything", is_flag=True, help="Show all that the commands print.")
@pass_session
def demo(
    session: Session,
    keep: Path | None,
    driver: str,
    dokploy_url: str | None,
    stage: Path | None,
    github_stage: Path | None,
    everything: bool,
) -> Answer:
    """Tell the story that the gate exists for.

    With real processes on this machine, a release is promoted; a stale promotion and a stale replay are refused; a
    rebuild that never comes up and a deploy that cannot be proven stop what would build on them until that is settled.
    It takes half a minute, stops what it started, and ends with a page of what was tried and what came of it.

    With --driver generic-web the same is told on a Dokploy server, with two targets and five releases that a stage
    file names. What was deployed there stays deployed. With --github-stage the last promotion ends with a release on
    GitHub.

    \b
    Examples:
      launchplane-gate demo
      launchplane-gate demo --keep story
      launchplane-gate demo --driver generic-web --dokploy-url https://dokploy.example.org --stage stage.toml
    """
    from functools import partial

    from launchplane_gate.extras import needed

    with needed("console", "the demo"):
        from rich.console import Console

    from launchplane_gate.demo.stage import KEY_VARIABLE, dokploy_stage, local_stage
    from launchplane_gate.demo.story import tell

    if keep and keep.exists():
        raise click.UsageError(f"{keep} is there already; name a new folder")
    if driver == "local" and (dokploy_url or stage):
        raise click.UsageError("--dokploy-url and --stage go with --driver generic-web")
    if driver == "generic-web" and github_stage:
        raise click.UsageError("--github-stage goes with --driver local")
    if driver == "generic-web" and not dokploy_url:
        raise click.UsageError("--driver generic-web needs --dokploy-url")
    if driver == "generic-web" and not os.environ.get(KEY_VARIABLE):
        raise click.UsageError(f"--driver generic-web needs an API key in the environment variable {KEY_VARIABLE}")
    to_stderr = any(output.format != "text" and output.path is None for output in session.outputs)
    build = partial(local_stage, github=github_stage)
    if dokploy_url:
        build = partial(dokploy_stage, url=dokploy_url, file=stage or Path("stage.toml"))
    code = tell(keep, console=Console(highlight=False, stderr=to_stderr), build=build, everything=everything)
    return Answer({"ended_as_told": code == 0}, [], code)
