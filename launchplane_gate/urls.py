"""What of a URL may be printed, stored or told to policies: a query or a user's name in it may be a secret."""

from __future__ import annotations

import hashlib
import re

DIGITS = 8

_OURS = re.compile(rf"[0-9a-f]{{{DIGITS}}}")
_USERINFO = re.compile(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)[^/]*@")


def without_query(url: str) -> str:
    """A URL, or a path, without user name, query and fragment; anything else is left as it is.

    ``#`` and eight hex digits of the SHA-256 of the query stand in its place: URLs that differ in it stay apart. What
    this has made stays as it is, so that both sides of a comparison may have gone through here, however often.
    """
    asked, _, fragment = url.partition("#")
    named, question_mark, query = asked.partition("?")
    if question_mark:
        fragment = hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    plain = _USERINFO.sub(r"\1", named, count=1)
    return f"{plain}#{fragment}" if _OURS.fullmatch(fragment) else plain
