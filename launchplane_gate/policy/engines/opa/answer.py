"""What an answer over HTTP says in OPA's terms: a document, an error of evaluation, or no answer at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError
from launchplane_gate.policy.engines.opa.session import MAX_ANSWER_BYTES, RawAnswer
from launchplane_gate.policy.engines.protocol import EvaluationFailed

OK = 200  # OPA answers a question in no other way
KINDS = ("application/json", "application/json;charset=utf-8")
KEYS = frozenset({"result", "provenance", "decision_id"})  # the last one where OPA keeps a log of its decisions
KEYS_OF_ERRORS = frozenset({"code", "message", "errors"})
LONGEST_REASON = 300
ELSEWHERE = "Nothing was deployed. See that opa.url in the settings is the address of an OPA itself."
NOT_LET_IN = (
    "Nothing was deployed. OPA has to let the gate POST to /v1/data and /v1/query and GET /v1/policies: see its "
    "authorization policy, and opa.token, cert_file and key_file in the settings."
)
UNWELL = "Nothing was deployed. OPA's own log says what is wrong with it."


class Answer(requests.Response):
    """What OPA answered, for its client to read: of the methods that requests has, the client calls these."""

    def __init__(self, raw: RawAnswer, where: str) -> None:
        super().__init__()
        self.status_code = raw.status
        self._raw, self._where = raw, where

    def json(self, **bounds: Any) -> Any:
        """The document, by strictjson and in its bounds. Raises EngineError."""
        return _document(self._raw, self._where, **bounds)


def read(raw: RawAnswer, where: str) -> Answer:
    """Raises EvaluationFailed where OPA says so, EngineError for whatever else is no answer."""
    if raw.status in (401, 403):
        raise EngineError(f"{where} does not let the gate in: status {raw.status}", hint=NOT_LET_IN)
    if raw.status in range(300, 400):
        raise EngineError(f"{where} sends the gate elsewhere: status {raw.status}", hint=ELSEWHERE)
    if raw.status == OK:
        return Answer(raw, where)
    match _document(raw, where):
        case {"code": "internal_error", "errors": [{"message": str(why), **rest}, *_]}:
            raise EvaluationFailed(_shortened(why) + _place(rest.get("location")))
        case {"code": str(code), "message": str(why)}:
            said = _shortened(f"{code}: {why}")
            raise EngineError(f"{where} cannot answer: status {raw.status}, {said}", hint=UNWELL)
    raise EngineError(f"{where} answered with status {raw.status}", hint=UNWELL)


def _document(raw: RawAnswer, where: str, **bounds: Any) -> Mapping[str, Any]:
    failed = f", with status {raw.status}" if raw.status != OK else ""
    if raw.kind.lower().replace(" ", "") not in KINDS or raw.coding not in ("", "identity"):
        kind = _shortened(" ".join(f"{raw.coding} {raw.kind}".split())) or "no type"
        raise EngineError(f"{where} answered with {kind!r}, not with plain JSON{failed}", hint=ELSEWHERE)
    try:
        document = strictjson.loads(_text(raw.body), max_bytes=MAX_ANSWER_BYTES, **bounds)
        _see_that_it_is_text(document, raw.body)
    except strictjson.NotStrictJson as error:
        raise EngineError(f"the answer of {where} {error}{failed}", hint=ELSEWHERE) from None
    if not isinstance(document, dict):
        raise EngineError(f"{where} answered with something else than OPA does{failed}", hint=ELSEWHERE)
    if unknown := document.keys() - (KEYS if raw.status == OK else KEYS_OF_ERRORS):
        what = ", ".join(sorted(map(repr, unknown)))
        raise EngineError(f"{where} answered with what OPA does not say: {_shortened(what)}{failed}", hint=ELSEWHERE)
    return document


def _text(body: bytes) -> str:
    """JSON is UTF-8; its reader would guess other encodings too. Raises NotStrictJson."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise strictjson.NotStrictJson(f"is not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise strictjson.NotStrictJson("is not plain UTF-8: it has a byte order mark")
    return text


def _see_that_it_is_text(document: Any, body: bytes) -> None:
    """Raises NotStrictJson for half a character, which JSON can escape, and which could be written nowhere."""
    if b"\\ud" not in body.lower():
        return
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise strictjson.NotStrictJson("has half a character") from None


def _place(location: Any) -> str:
    match location:
        case {"file": str(file), "row": int(row)}:
            return f" ({_shortened(file).lstrip('/')}:{row})"
    return ""


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."
