"""A Dokploy v0.30.2 in memory, over a real socket, with the traps that a real one has been seen to set.

    with FakeDokploy() as dokploy:
        dokploy.push(image, revision)
        lane = dokploy.add_application("shop")
        ... dokploy.url, dokploy.key, dokploy.health_url(lane) ...

`python -m tests.fakes.dokploy` starts one for a person; `python -m tests.fakes.dokploy.compare FILE` compares it with
requests and answers recorded from a real server.
"""

from tests.fakes.dokploy.breaks import SECRET_IN_A_STACK, How
from tests.fakes.dokploy.fake import FakeDokploy
from tests.fakes.dokploy.host import SECRET_IN_ENV
from tests.fakes.dokploy.state import Asked

__all__ = ["SECRET_IN_A_STACK", "SECRET_IN_ENV", "Asked", "FakeDokploy", "How"]
