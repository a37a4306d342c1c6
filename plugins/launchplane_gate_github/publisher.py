"""The publisher of this plugin: which products it publishes, and as what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template

from launchplane_gate.errors import EvidenceFailed, SettingsError
from launchplane_gate.hookspecs import PluginConfig, Progress
from launchplane_gate.model import Bump, Publication, Run
from launchplane_gate.records import ProductProfile
from launchplane_gate_github import published, versions
from launchplane_gate_github.assets import unfit
from launchplane_gate_github.commits import is_whole
from launchplane_gate_github.connection import GitHub
from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.notes import read_template
from launchplane_gate_github.options import GitHubOptions, repository_of
from launchplane_gate_github.ours import Ours
from launchplane_gate_github.publishing import Publishing
from launchplane_gate_github.rights import login_of

NEXT_VERSION_S = 30.0
PUBLISH_S = 120.0  # all of it, with what GitHub wants to be waited for


class GitHubPublisher:
    """Publishes the products that the settings name, if they name an identity that may. ``templates`` by product."""

    def __init__(self, options: GitHubOptions, github: GitHub, templates: Mapping[str, Template]) -> None:
        self._options, self._github, self._templates = options, github, templates

    def publishes(self, product: ProductProfile) -> bool:
        return self._github.release is not None and product.product in self._options.products

    def next_version(self, product: ProductProfile, bump: Bump) -> str:
        """After the highest version of all that are out and all tags: no tag is made twice. Raises EvidenceFailed."""
        full_name, github = repository_of(self._options, product), self._github.within(NEXT_VERSION_S)
        try:
            shop = github.repository(full_name, "release")
            with github.explained(full_name, "release"):
                out = [one.tag_name for one in published.all_releases(shop) if published.is_out(one)]
                names = [*out, *published.all_tags(shop)]
        except GitHubError as error:
            raise EvidenceFailed(f"what follows the latest release cannot be told: {error}") from None
        return versions.following(versions.latest(names), bump)

    def publishes_as(self, product: ProductProfile) -> str:
        return login_of(self._github.within(NEXT_VERSION_S), repository_of(self._options, product))

    def publish(
        self,
        product: ProductProfile,
        run: Run,
        progress: Progress,
        assets: Mapping[str, bytes] = {},
        others: Sequence[Run] = (),
    ) -> Publication:
        assert run.publication and run.release
        version, commit = run.publication.version, run.release.source_git_ref
        if not is_whole(commit):
            return Publication(version=version, published=False, detail=f"{commit} is not the whole id of a commit")
        if why := unfit(assets):
            return Publication(version=version, published=False, detail=why)
        try:
            full_name = repository_of(self._options, product)
            github, template = self._github.within(PUBLISH_S), self._templates.get(run.product)
            ours = Ours.of(run, others)
            return Publishing(github, full_name, run, version, commit, template, assets, ours, progress).go()
        except SettingsError as error:
            return Publication(version=version, published=False, detail=str(error))


def read_templates(config: PluginConfig, options: GitHubOptions) -> Mapping[str, Template]:
    """The template of each product that has one of its own. Raises SettingsError."""
    return {
        name: read_template(
            config.base_dir / product.notes_template, f"plugins.{config.name}.products.{name}.notes_template"
        )
        for name, product in options.products.items()
        if product.notes_template
    }
