"""What stands at ``input.evidence.oci``."""

from __future__ import annotations

from launchplane_gate.model import Contract


class PlatformFacts(Contract):
    """One platform of an image, by the digest of its manifest.

    ``revision``: the label ``org.opencontainers.image.revision`` of its configuration, null where it has none.
    """

    platform: str
    digest: str
    revision: str | None


class ManifestFacts(Contract):
    """What a digest stands for: an image of one platform, or an index of several."""

    media_type: str
    digest: str
    platforms: tuple[PlatformFacts, ...]


class OciEvidence(Contract):
    """Empty where nobody looked; ``manifest`` is null where the registry said that it has none."""

    artifact_id: str = ""
    seen_at: str = ""
    manifest: ManifestFacts | None = None
