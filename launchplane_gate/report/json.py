"""JSON for programs: one document, in ASCII, so that no encoding on the way can break it and nothing in it steers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping


def document(answer: Mapping[str, object]) -> str:
    text = json.dumps(answer, indent=2, allow_nan=False) + "\n"
    return re.sub("#(?=#)", r"\\u0023", text)  # in strings alone, and the same to every reader but a CI runner
