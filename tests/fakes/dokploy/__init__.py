"""A Dokploy v0.30.2 in memory, over a real socket, with the traps that a real one has been seen to set.

    with FakeDokploy() as dokploy:
        dokploy.push(image, revision)
        lane = dokploy.add_application("shop")
        ... dokploy.url, dokploy.key, dokploy.health_url(lane) ...

What is deployed runs on a model of Docker: a swarm and compose projects whose seconds pass ``pace`` times as fast as
ours, or when ``skip`` says so. Nothing happens by itself: what is due happens when somebody looks.

`python -m tests.fakes.dokploy` starts one for a person; `python -m tests.fakes.dokploy.compare FILE` compares it with
requests and answers recorded from a real server.
"""

from tests.fakes.dokploy.breaks import SECRET_IN_A_STACK, How
from tests.fakes.dokploy.fake import FakeDokploy
from tests.fakes.dokploy.host import SECRET_IN_ENV
from tests.fakes.dokploy.state import Asked

__all__ = ["SECRET_IN_A_STACK", "SECRET_IN_ENV", "Asked", "FakeDokploy", "How"]
