"""Images as small as they can be: every blob and every manifest by its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from launchplane_gate.strictjson import sha256

REVISION = "org.opencontainers.image.revision"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

Descriptor = dict[str, Any]


class Document(NamedTuple):
    media_type: str
    body: bytes


def digest_of(body: bytes) -> str:
    return f"sha256:{sha256(body)}"


class Images:
    """What a registry would hold; manifests stand in the order in which they can be pushed."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, Document] = {}

    def blob(self, body: bytes, media_type: str) -> Descriptor:
        self.blobs[digest_of(body)] = body
        return {"mediaType": media_type, "digest": digest_of(body), "size": len(body)}

    def manifest(self, document: Any, media_type: str) -> Descriptor:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.manifests[digest_of(body)] = Document(media_type, body)
        return {"mediaType": media_type, "digest": digest_of(body), "size": len(body)}

    def image(
        self,
        labels: Mapping[str, Any] | None,
        *,
        platform: str = "linux/amd64",
        docker: bool = False,
        annotations: Mapping[str, str] | None = None,
        **changed: Any,
    ) -> Descriptor:
        """An image of one platform, as an index names it; ``changed`` replaces parts of its configuration."""
        os, architecture, *variant = platform.split("/")
        told = {"os": os, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
        config = told | {"config": {"Labels": labels}, "rootfs": {"type": "layers", "diff_ids": []}} | changed
        config_type, layer_type = (DOCKER_CONFIG, DOCKER_LAYER) if docker else (OCI_CONFIG, OCI_LAYER)
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
            "config": self.blob(json.dumps(config).encode(), config_type),
            "layers": [self.blob(b"a layer", layer_type)],
        }
        if annotations:
            manifest["annotations"] = dict(annotations)
        return self.manifest(manifest, manifest["mediaType"]) | {"platform": told}

    def revision(self, commit: str, **rest: Any) -> Descriptor:
        """An image that is labelled with a commit."""
        return self.image({REVISION: commit, "maintainer": "tests"}, **rest)

    def attestation(self, platform: str = "unknown/unknown") -> Descriptor:
        """What a builder puts into an index beside an image, about it."""
        return self.image(None, platform=platform) | {
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"}
        }

    def index(self, *entries: Descriptor, docker: bool = False, **changed: Any) -> Descriptor:
        media_type = DOCKER_INDEX if docker else OCI_INDEX
        document = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(entries)} | changed
        return self.manifest(document, media_type)
