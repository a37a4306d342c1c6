"""Expressions of GitHub Actions, as far as the workflow has any."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(\|\||&&|==|!=|[!(),]|'[^']*'|[A-Za-z_][\w.-]*)")
_IN_TEXT = re.compile(r"\$\{\{(.+?)\}\}", re.DOTALL)


def evaluated(text: object, contexts: Mapping[str, Any]) -> str:
    """A text, with each expression in it replaced by what that stands for."""
    return _IN_TEXT.sub(lambda found: said(value(found[1], contexts)), str(text))


def value(expression: str, contexts: Mapping[str, Any]) -> Any:
    """``contexts``: ``inputs``, ``vars``, ``needs`` and so on. Nothing was cancelled."""
    reading = _Reading(expression, contexts)
    found = reading.either()
    assert reading.tokens == [], f"not read: {expression}"
    return found


def said(found: Any) -> str:
    return "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)


class _Reading:
    """Each part of the grammar reads as many of the tokens as it takes; ``&&`` binds closer than ``||``."""

    def __init__(self, expression: str, contexts: Mapping[str, Any]) -> None:
        self.tokens = _TOKEN.findall(expression)
        assert "".join(self.tokens) == re.sub(r"\s", "", expression), f"cannot be read: {expression}"
        self._contexts = contexts

    def either(self) -> Any:
        found = self._both()
        while self._takes("||"):
            other = self._both()
            found = found or other
        return found

    def _both(self) -> Any:
        found = self._compared()
        while self._takes("&&"):
            other = self._compared()
            found = found and other
        return found

    def _compared(self) -> Any:
        found = self._one()
        for sign in ("==", "!="):
            if self._takes(sign):
                return (found == self._one()) is (sign == "==")
        return found

    def _one(self) -> Any:
        token = self.tokens.pop(0)
        if token == "!":
            return not self._one()
        if token == "(":
            found = self.either()
            assert self._takes(")")
            return found
        if token.startswith("'"):
            return token[1:-1]
        return self._called(token) if self._takes("(") else self._of_a_context(token)

    def _called(self, name: str) -> Any:
        given = []
        while not self._takes(")"):
            given.append(self.either())
            self._takes(",")
        if name == "format":
            return str(given[0]).format(*(said(one) for one in given[1:]))
        assert name == "cancelled", f"no function that is known here: {name}"
        return False

    def _of_a_context(self, path: str) -> Any:
        here: Any = self._contexts
        for name in path.split("."):
            here = here.get(name) if isinstance(here, Mapping) else None
        return here

    def _takes(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        self.tokens.pop(0)
        return True
