"""JSON for programs: one document, in ASCII, so that no encoding on the way can break it."""

from __future__ import annotations

import json
from collections.abc import Mapping


def document(answer: Mapping[str, object]) -> str:
    return json.dumps(answer, indent=2, allow_nan=False) + "\n"
