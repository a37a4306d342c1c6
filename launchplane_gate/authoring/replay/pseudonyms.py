"""Names in place of names: what tells who asked, and where something runs, is replaced; what is equal stays equal.

Word by word, with all that stands between the words as it was: so a text that begins with another one, is made of two,
or names the same person in capital letters does so afterwards too, and rules that compare go on to say what they said.
Whoever has a file and a name can find out whether it is in there; nobody can read a name from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

LETTERS = "bcdfghjklmnpqrst"  # no vowels: a pseudonym is nobody's name by chance
LENGTH = 12

# Words that say nothing of anybody, by which a subject or a URL can still be read as one.
PLAIN = frozenset(
    {
        *("environment", "github", "heads", "http", "https", "main", "master", "pull", "ref", "refs", "repo"),
        *("sha256", "ssh", "tags", "unverified", "workflows"),
    }
)
NAMING = frozenset({"subject", "person", "requester", "approver", "claims"})  # whatever they say is replaced
KEPT = frozenset(
    {
        *("schema_version", "action", "phase", "nonce", "verified_by", "product", "version", "reported", "driver_id"),
        *("addressed", "context", "instance", "status", "record_id", "deployment_record_id", "promotion_record_id"),
        *("promoted_from_instance", "digests", "waiver_id", "code", "how", "run_id", "told_apart_by", "deploy_mode"),
        *("target_type", "asked", "decision_id"),
    }
)  # of our contracts: what they are compared with stands in policies, or is a number by which something is found again
_SAFE = re.compile(  # a moment, a version or a number, a digest, a commit
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z|v?\d{1,9}(\.\d{1,9}){0,2}|(sha256:)?[0-9a-f]{64}|[0-9a-f]{40}",
    re.ASCII,
)
_WORD = re.compile(r"[^\W_]+")
_ARTIFACT = re.compile(r"(?P<repository>[^@]+)(?P<digest>@sha256:[0-9a-f]{64})", re.ASCII)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>,;)\]}]+")


class Pseudonyms:
    """Of one ``salt``: with another one every name has another pseudonym."""

    def __init__(self, salt: str) -> None:
        self.salt = salt
        self._word = lru_cache(maxsize=100_000)(self._made)

    def text(self, text: str) -> str:
        return _WORD.sub(lambda found: self._word(found[0]), text)

    def _made(self, word: str) -> str:
        """Of words that differ in capitals alone those of one are the capitals of the other."""
        lower = word.casefold()
        if lower in PLAIN:
            return word
        name = "".join(LETTERS[byte % 16] for byte in self._hash(lower)[:LENGTH])
        if word == lower:
            return name
        capital = [byte % 2 for byte in self._hash(word)[:LENGTH]]
        capital[0] = capital[0] if any(capital) else 1
        return "".join(letter.upper() if big else letter for letter, big in zip(name, capital, strict=True))

    def _hash(self, word: str) -> bytes:
        return hmac.digest(self.salt.encode(), word.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def of_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration of policies, in which those who may ask have the names that they have here."""
        products = {name: self._of_product(product) for name, product in config.get("products", {}).items()}
        return {**config, "products": products}

    def _of_product(self, product: Mapping[str, Any]) -> dict[str, Any]:
        actors = {
            instance: [self._of_entry(entry) for entry in entries]
            for instance, entries in product.get("actors", {}).items()
        }
        return {**product, "actors": actors} if actors else dict(product)

    def _of_entry(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        claims = {name: self.text(value) for name, value in entry.get("claims", {}).items()}
        return {**entry, "subject": self.text(entry["subject"]), **({"claims": claims} if "claims" in entry else {})}


def names_in_config(config: Mapping[str, Any]) -> Iterator[str]:
    """Those who may ask, by the configuration of policies, and what is claimed of them."""
    for product in config.get("products", {}).values():
        for entries in product.get("actors", {}).values():
            for entry in entries:
                yield entry["subject"].removesuffix("*")
                yield from entry.get("claims", {}).values()


class Replacing:
    """What stands in a decision, with pseudonyms. ``said``: the texts that its policies write out; they are no secret.

    ``replaced`` has each text that was replaced, ``names`` those of them that must not be found any more.
    """

    def __init__(self, pseudonyms: Pseudonyms, said: frozenset[str], known: Iterable[str]) -> None:
        self._pseudonyms, self._said = pseudonyms, said
        self.replaced: dict[str, str] = {text: pseudonyms.text(text) for text in known if text}
        self.names = set(self.replaced)

    def value(self, value: Any, key: str = "", *, naming: bool = False) -> Any:
        if isinstance(value, dict):
            return {name: self.value(part, name, naming=naming or name in NAMING) for name, part in value.items()}
        if isinstance(value, list):
            return [self.value(part, key, naming=naming) for part in value]
        if not isinstance(value, str) or not value:
            return value
        return self._text(value, key, naming=naming)

    def _text(self, text: str, key: str, *, naming: bool) -> str:
        if not naming and (key in KEPT or _SAFE.fullmatch(text) or text in self._said):
            return text
        if artifact := _ARTIFACT.fullmatch(text):
            self._replace(artifact["repository"])
            return self._replace(text, self._pseudonyms.text(artifact["repository"]) + artifact["digest"])
        if naming or _URL.search(text):
            self.names.add(text)
        return self._replace(text)

    def _replace(self, text: str, by: str = "") -> str:
        self.replaced[text] = by or self._pseudonyms.text(text)
        return self.replaced[text]

    def message(self, text: str) -> str:
        """What a rule said, in the words that it would say with what was replaced before."""
        known = "|".join(re.escape(one) for one in sorted(self.replaced, key=len, reverse=True))
        pattern = rf"{_URL.pattern}|(?<!\w)(?:{known})(?!\w)" if known else _URL.pattern
        return re.sub(pattern, lambda found: self.replaced.get(found[0]) or self._pseudonyms.text(found[0]), text)

    def left_in(self, text: str) -> bool:
        """Whether a name can be found in a text all the same."""
        return any(len(name) >= SHORTEST and self.replaced.get(name) != name and name in text for name in self.names)


SHORTEST = 4  # letters of a name that is looked for: shorter ones are part of too many words
