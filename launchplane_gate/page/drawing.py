"""Pages of HTML: each is whole by itself, needs nothing from elsewhere, and is the same as long as it says the same."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from launchplane_gate.model import short
from launchplane_gate.page import words
from launchplane_gate.page.look import DECISIONS, RUNS, Look
from launchplane_gate.report.decision import ASKED, way_on
from launchplane_gate.report.explained import value_text
from launchplane_gate.report.safe import one_line
from launchplane_gate.report.words import brief, count

INDEX = "index.html"
WRITTEN = "@@written@@"  # stands where a page tells when it was written
OLD = timedelta(hours=1)  # after which nobody should act on what a page says
_CODE = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def draw(look: Look) -> dict[str, str]:
    """Every page, by its path in the folder. Only that of INDEX tells the moment of the look."""
    pages = _Pages(look)
    return {INDEX: pages.index(), **dict(pages.products()), **dict(pages.decisions())}


def product_page(name: str) -> str:
    return f"products/{name}.html"


def decision_page(decision_id: str) -> str:
    return f"decisions/{decision_id}.html"


class _Pages:
    def __init__(self, look: Look) -> None:
        self.look = look
        self.env = environment()
        self.env.globals.update(
            look=look,
            words=words,
            RUNS=RUNS,
            DECISIONS=DECISIONS,
            WRITTEN=WRITTEN,
            has_page=lambda name: name in look.decisions and bool(_NAME.fullmatch(name)),
            product_page=product_page,
            decision_page=decision_page,
        )

    def index(self) -> str:
        looked_at, old_after = self.look.at.astimezone(UTC), (self.look.at + OLD).astimezone(UTC)
        age = {"looked_at": looked_at, "old_after": old_after, "old_after_s": int(OLD.total_seconds())}
        return self._drawn("index.html", **age)

    def products(self) -> Iterator[tuple[str, str]]:
        for product in self.look.products:
            yield product_page(product.name), self._drawn("product.html", product=product)

    def decisions(self) -> Iterator[tuple[str, str]]:
        for name, seen in self.look.decisions.items():
            if _NAME.fullmatch(name):
                yield decision_page(name), self._drawn("decision.html", seen=seen)

    def _drawn(self, template: str, **given: Any) -> str:
        return self.env.get_template(template).render(given)


def environment() -> Environment:
    """Whatever is put into a template is text: it is escaped, and what would steer a reader or hide is written out."""
    loader = PackageLoader("launchplane_gate.page")
    env = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (Markup(loader.get_source(env, name)[0]) for name in ("style.css", "age.js"))  # noqa: S704 # nosec B704  # ours
    env.globals.update(style=style, script=script, style_hash=_hash(style), script_hash=_hash(script))
    env.globals.update(count=count, ASKED=ASKED, way_on=way_on)
    env.filters.update(said=said, short=short, moment=moment, link=link, value=value)
    return env


def _shown(value: object) -> object:
    return value if isinstance(value, Markup) else one_line(str(value))


def said(text: str) -> Markup:
    """What people wrote, or rules said, for people; what stands between backquotes is set as code, and whole."""
    parts = _CODE.split(one_line(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else brief(words.still(part))
        for number, part in enumerate(parts)
    )


def value(told: object) -> str:
    """A fact as JSON; a moment that is counted in nanoseconds as one."""
    return value_text(told) if isinstance(told, int) else brief(words.still(json.dumps(told, ensure_ascii=False)))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def moment(told: str | datetime | None) -> Markup | str:
    """A moment, to the minute, in UTC; what names none as it is."""
    try:
        at = told if isinstance(told, datetime) else datetime.fromisoformat(told or "")
        exact = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return told if isinstance(told, str) and told else "an unknown moment"
    return Markup('<time datetime="{}">{}</time>').format(exact, f"{exact[:10]} {exact[11:16]} UTC")


def link(url: str) -> Markup | str:
    """A link where a URL is one of the web; anything else is text."""
    if not re.fullmatch(r"https?://[!-~]+", url):
        return url
    return Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(url)
