"""A real registry, Debian's ``docker-registry``, on loopback.

with running(tmp_path) as registry:
    registry.push("shop/web", images)
    ... f"{registry.host}/shop/web@sha256:..." ...
"""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.fakes.registry_images import Images, digest_of

USERNAME, PASSWORD = "operator", "hunter2"
_HTPASSWD = f"{USERNAME}:$2b$04$X4QHaEEVGLpyk8bf77CFCelbAyZx0aRmi2o9F8DX8Zf.HZichpXAS\n"  # bcrypt of the password

needs_registry = pytest.mark.skipif(
    shutil.which("docker-registry") is None, reason="no docker-registry at hand: apt-get install docker-registry"
)


class Registry:
    """``host`` is what images there are named by. With ``login`` it wants a user name and a password."""

    def __init__(self, port: int, *, login: bool) -> None:
        self.host = f"127.0.0.1:{port}"
        headers = {"Authorization": basic(USERNAME, PASSWORD)} if login else {}
        self._client = httpx.Client(base_url=f"http://{self.host}", headers=headers, trust_env=False, timeout=10)

    def push(self, repository: str, images: Images, *, tag: str = "", tagged: str = "") -> None:
        """Push whatever of these the repository has not; then let ``tag`` name the manifest ``tagged``."""
        for body in images.blobs.values():
            begun = self._said(self._client.post(f"/v2/{repository}/blobs/uploads/"))
            self._said(self._client.put(begun.headers["location"], params=_with(begun, digest_of(body)), content=body))
        for digest, (media_type, body) in images.manifests.items():
            names = [digest] + ([tag] if digest == tagged else [])
            for name in names:
                self._said(
                    self._client.put(
                        f"/v2/{repository}/manifests/{name}", content=body, headers={"Content-Type": media_type}
                    )
                )

    def tagged(self, repository: str, tag: str) -> str:
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        return str(
            self._said(self._client.head(f"/v2/{repository}/manifests/{tag}", headers=accept)).headers[
                "docker-content-digest"
            ]
        )

    def answers(self) -> bool:
        try:
            return self._client.get("/v2/").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    @staticmethod
    def _said(answer: httpx.Response) -> httpx.Response:
        assert answer.is_success, (answer.request.method, answer.request.url, answer.status_code, answer.text)
        return answer


@contextmanager
def running(folder: Path, *, login: bool = False) -> Iterator[Registry]:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    registry = Registry(port, login=login)
    program = subprocess.Popen(
        ["docker-registry", "serve", str(_config(folder, port, login=login))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"OTEL_TRACES_EXPORTER": "none"},
    )
    try:
        deadline = time.monotonic() + 10
        while not registry.answers():
            assert program.poll() is None, "docker-registry ended"
            assert time.monotonic() < deadline, "docker-registry does not answer"
            time.sleep(0.02)
        yield registry
    finally:
        program.kill()
        program.wait()


def basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _with(begun: httpx.Response, digest: str) -> dict[str, str]:
    """The parameters of the place that an upload was begun at, and the digest that ends it."""
    return dict(httpx.URL(begun.headers["location"]).params) | {"digest": digest}


def _config(folder: Path, port: int, *, login: bool) -> Path:
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if login:
        (folder / "htpasswd").write_text(_HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    path = folder / "registry.yml"
    path.write_text(yaml.safe_dump(config))
    return path
