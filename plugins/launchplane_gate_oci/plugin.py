"""The plugin ``oci``: before a deploy or a promotion, the artifact's registry is asked about it by digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from launchplane_gate.errors import EvidenceFailed
from launchplane_gate.hookspecs import Answered, PluginConfig, Question, hookimpl
from launchplane_gate.model import stamp
from launchplane_gate.records import ProductProfile
from launchplane_gate_oci.evidence import ManifestFacts, OciEvidence
from launchplane_gate_oci.image import read_image
from launchplane_gate_oci.options import read_options
from launchplane_gate_oci.reference import Reference, reference_of, repository_of
from launchplane_gate_oci.repository import RegistryError, Repository

NO_IMAGE = f"sha256:{'0' * 64}"  # whose name nothing has


class OciPlugin:
    """Asks registries. Raises SettingsError for settings it cannot use."""

    evidence_contract = OciEvidence

    def __init__(self, config: PluginConfig) -> None:
        self._options, self._registries = read_options(config)
        self._now, self._name = config.now, config.name

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any]:
        """What a registry says of the artifact; nothing for one that is of no registry, or not pinned by digest.

        Nothing for one of another repository than the product's either: else whoever asks could have the gate log in
        and look where only the gate may. The rule ``release.artifact_pinned`` refuses that one anyway.
        Nothing where no rule reads it, and nothing in ``confirm`` either: what a digest stands for was decided on, it
        never changes, and a registry that is away by then makes no deploy doubtful. Raises EvidenceFailed for whatever
        cannot be known; and of a rollback, at which it looks whatever is read, also for an image that is not there.
        """
        reference = reference_of(question.release.artifact_id) if question.release else None
        if question.phase == "confirm" or question.release is None or reference is None:
            return {}
        if not question.reads(self._name) and not question.goes_back:
            return {}
        if (reference.registry, reference.repository) != repository_of(question.product.image.repository):
            return {}
        timeout_s = min(self._options.timeout_s, question.deadline_s)
        try:
            manifest = self._looked_up(reference, timeout_s)
        except TimeoutError:
            raise EvidenceFailed(
                f"{reference}: no whole answer came within {timeout_s:.1f} s; see whether the registry can be reached "
                "from here, or raise timeout_s in [plugins.oci]"
            ) from None
        except RegistryError as error:
            raise EvidenceFailed(f"{reference}: {error}") from None
        if manifest is None and question.goes_back:
            raise EvidenceFailed(
                f"{reference}: its registry has no such image any more, so nothing could run it; push it there again, "
                "or go back to another release that ran on the lane (launchplane-gate inventory history)"
            )
        seen_at = stamp(self._now())  # after the answer: it was true no later than this
        found = OciEvidence(artifact_id=question.release.artifact_id, seen_at=seen_at, manifest=manifest)
        return found.model_dump(mode="json")

    @hookimpl
    def gate_doctor(self, product: ProductProfile | None, deadline_s: float) -> Iterable[Answered]:
        """Whether the registry answers and takes the login: asked for what is no image, for there may be none yet."""
        found = repository_of(product.image.repository) if product else None
        if found is None:
            return ()
        timeout_s, whom = min(self._options.timeout_s, deadline_s), "/".join(found)
        try:
            self._looked_up(Reference(*found, NO_IMAGE), timeout_s)
        except TimeoutError:
            wrong = f"no whole answer came within {timeout_s:.1f} s; see whether the registry can be reached from here"
            return [Answered(whom, wrong)]
        except RegistryError as error:
            return [Answered(whom, str(error))]
        return [Answered(whom)]

    def _looked_up(self, reference: Reference, timeout_s: float) -> ManifestFacts | None:
        """Raises RegistryError, and TimeoutError where the time is over."""
        repository = Repository(
            reference,
            self._registries.access(reference.registry),
            timeout_s=timeout_s,
            max_bytes=self._options.max_bytes,
        )
        return read_image(repository, reference.digest)
