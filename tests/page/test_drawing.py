"""What the pages say, of lanes in trouble and of hostile records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import get_args

import pytest

from launchplane_gate.lanes import Promotion
from launchplane_gate.model import Hold, Observation, RunStatus
from launchplane_gate.page import words
from launchplane_gate.page.drawing import INDEX, WRITTEN, draw, link, moment
from launchplane_gate.page.look import LaneSeen, Look, ProductSeen, RunSeen, in_order
from launchplane_gate.page.public import LEFT_OUT, public
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.sight import NotTold
from tests.cli.test_cli_text import PROD, TESTING, view
from tests.conftest import ACTOR, APPROVER, PRODUCT, A, B, C, MakeGate
from tests.fakes.platform import FakePlatform
from tests.page.looks import NAMES, look_of_trouble, seen_by, swapped, troubled_gate
from tests.places import ROOT

SEEN = Observation(seen_at="", reachable=True, artifact_id=None, in_flight=None)
UNSEEN = SEEN.model_copy(update={"reachable": False})
AT = datetime(2026, 5, 7, 14, 2, tzinfo=UTC)
TEMPLATES = ROOT / "launchplane_gate" / "page" / "templates"
PAGE = f"products/{PRODUCT}.html"


class Read(HTMLParser):
    """What a page is made of. Raises AssertionError for what is not closed as it was opened."""

    EMPTY = ("meta", "link", "path", "circle", "rect")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self._said: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open, self._open

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._said).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self._said.append(data)


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle, engine: EmbeddedEngine) -> Iterator[Look]:
    yield from look_of_trouble(tmp_path_factory.mktemp("state"), bundle, engine)


def of(*lanes: LaneSeen, paths: tuple[tuple[str, str], ...] | None = (("testing", "prod"),)) -> Look:
    return Look(at=AT, products=(ProductSeen("shop", lanes, paths),), decisions={})


# -- what is said


def test_the_first_page_tells_which_lane_is_in_trouble_and_why(look: Look) -> None:
    said = Read(draw(look)[INDEX]).text
    assert said.index("2 of 2 lanes need a look") < said.index("sellyouroutboard testing unsettled")
    assert "its last run, a deploy of ccccccc, ended unconfirmed" in said
    assert "to prod: nothing to promote testing is unsettled" in said
    assert "may run ccccccc or bbbbbbb" in said and "health reports bbbbbbb" in said
    assert "by unverified:operator@desk: the fair" in said
    assert "v0.2.10" in said and "waived window.open for bbbbbbb, until 20" in said


def test_the_page_of_a_product_has_its_runs_with_what_refused_them(look: Look) -> None:
    page = Read(draw(look)[PAGE])
    said = page.text
    assert "unconfirmed Deploy of ccccccc" in said and "confirm.revision_live" in said
    assert "recorded, v0.2.10 Promotion of aaaaaaa from testing" in said
    assert (
        "denied Promotion of bbbbbbb from testing" in said and "inventory.source_current Asked for was aaaaaaa" in said
    )
    assert "Reason: the first one" in said
    assert "launchplane-gate rollback sellyouroutboard --lane testing" in said
    linked = {value for _, name, value in page.attributes if name == "href" and "decisions/" in value}
    assert {f"../decisions/{name}.html" for name in look.decisions} == linked


def test_a_decision_has_a_page_with_the_cause_the_facts_and_what_to_type(look: Look) -> None:
    (refused,) = (
        name for name, seen in look.decisions.items() if seen.decision.refusals and seen.decision.phase == "admit"
    )
    said = Read(draw(look)[f"decisions/{refused}.html"]).text
    assert "Refused: promote sellyouroutboard from testing to prod" in said
    assert "1 of 20 rules refuses" in said and "refuses inventory.source_current" in said
    assert "policies/gate/rules/inventory/source_current.rego:" in said
    assert 'request.expected.artifact_id "ghcr.io/cbusillo/sellyouroutboard@sha256:aaaaaaa"' in said
    assert "19 other rules passed" in said
    assert "launchplane-gate promote sellyouroutboard --from testing --to prod" in said


def test_every_page_is_whole_and_each_link_in_it_leads_to_something(look: Look) -> None:
    for shown in (look, public(look)):
        pages = {name: Read(page) for name, page in draw(shown).items()}
        for name, page in pages.items():
            assert len(page.ids) == len(set(page.ids)), name
            for tag, attribute, value in page.attributes:
                if attribute != "href" or tag == "link" or value.startswith("https:"):
                    continue
                path, _, anchor = value.partition("#")
                here = pages[name if not path else path.removeprefix("../")]
                assert not anchor or anchor in here.ids, (name, value)


def test_pages_are_the_same_as_long_as_they_say_the_same(make_gate: MakeGate, platform: FakePlatform) -> None:
    gate = troubled_gate(make_gate, platform)
    first, second = draw(seen_by(gate)), draw(replace(seen_by(gate), at=AT))
    assert first.keys() == second.keys() and first[INDEX] != second[INDEX]
    assert {name for name in first if first[name] != second[name]} == {INDEX}
    assert WRITTEN in first[PAGE] and WRITTEN not in first[INDEX]


def test_no_text_in_it_tells_how_long_ago_a_moment_was(look: Look) -> None:
    """That would be wrong when it is read, and would have every page written again at each look."""
    names = NAMES | {"artifact_id", "configured_artifact_id", "source_git_ref", "revision"}
    told = swapped(look, lambda field, said: said if field in names else "at 2026-05-07T14:02:59.123456Z, so")
    pages = {name: Read(page).text for name, page in draw(told).items()}
    assert not [name for name, text in pages.items() if " ago" in text]
    assert "at 2026-05-07 14:02:59 UTC, so" in pages[INDEX] and "at 2026-05-07 14:02:59 UTC, so" in pages[PAGE]


def test_the_first_page_tells_when_it_is_old_without_a_script() -> None:
    said = Read(draw(of())[INDEX]).text
    assert "Looked at 2026-05-07 14:02 UTC . Take this as old after 2026-05-07 15:02 UTC" in said


def test_it_says_what_nobody_could_tell_and_to_everybody_not_why() -> None:
    told = replace(of(paths=None), not_told=(NotTold("what can be promoted", "policies/x:1: no", "policy check"),))
    said = Read(draw(told)[INDEX]).text
    assert "Not told: what can be promoted. policies/x:1: no Find out more: policy check" in said
    said = Read(draw(public(told))[INDEX]).text
    assert "Not told: what can be promoted." in said and "policies/x" not in said and "Find out" not in said


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        ({}, "settled"),
        ({"runs": None}, "nothing has run here"),
        ({"settled": False, "why": "x"}, "unsettled"),
        ({"settled": False, "why": "x", "hold": Hold(reason="x", subject="x", since="x")}, "unsettled"),
        ({"hold": Hold(reason="x", subject="x", since="x")}, "held"),
        ({"differs": "x"}, "not looked at"),
        ({"differs": "x", "observed": SEEN}, "drifted"),
        ({"differs": "x", "observed": UNSEEN}, "not looked at"),
        ({"mode": "observe"}, "only observed"),
    ],
)  # fmt: skip
def test_a_lane_is_told_by_a_word_and_what_needs_somebody_comes_first(changed: dict[str, object], first: str) -> None:
    shown = view(**changed)
    assert words.marks(shown)[0].word == first
    good = ("settled", "nothing has run here", "only observed")
    assert words.is_in_trouble(shown) == (first not in good)
    assert first in Read(draw(of(LaneSeen(shown, 1)))[INDEX]).text


def test_each_sign_has_a_shape_of_its_own() -> None:
    shapes = {}
    for sign in get_args(words.Sign):
        from launchplane_gate.page.drawing import environment  # noqa: PLC0415  # the templates alone

        drawn = environment().get_template("macros.html").module.sign(words.Mark("x", sign))  # type: ignore[attr-defined]  # a macro
        shapes[sign] = re.sub(r' class="[^"]*"', "", str(drawn))
    assert len(set(shapes.values())) == len(shapes)


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        (Promotion(to="prod", allowed=True), "can be promoted"),
        (Promotion(to="prod", allowed=False, done=True), "runs it already"),
        (Promotion(to="prod", allowed=False, code="a.rule", reason="Closed."), "would be refused a.rule Closed."),
        (Promotion(to="prod", allowed=False, unknown=True, reason="it is away"), "could not be asked it is away"),
        (None, "nothing to promote testing: settled"),
    ],
)  # fmt: skip
def test_the_arrow_says_what_a_promotion_would_meet(offer: Promotion | None, said: str) -> None:
    testing = LaneSeen(view(lane=TESTING, promotions=(offer,) if offer else ()), 1)
    text = Read(draw(of(testing, LaneSeen(view(), 1)))[INDEX]).text
    assert f"A promotion from testing to prod: {said}" in text


def test_lanes_stand_from_left_to_right_as_they_are_promoted() -> None:
    lanes = [view(lane=PROD), view(lane=TESTING)]
    assert in_order(lanes, [("testing", "prod")]) == lanes[::-1]
    assert in_order(lanes, []) == lanes
    assert in_order(lanes, [("testing", "prod"), ("prod", "testing")]) == lanes


def test_trouble_comes_first() -> None:
    good, bad = (ProductSeen(name, (LaneSeen(view(settled=name == "a", product=name), 1),)) for name in ("a", "b"))
    look = Look(at=AT, products=(good, bad), decisions={})
    assert words.trouble_first(look) == [bad, good]
    assert words.headline(look) == "1 of 2 lanes needs a look"
    assert words.headline(replace(look, products=(good, good))) == "All 2 lanes are as recorded"


@pytest.mark.parametrize("status", get_args(RunStatus))
def test_every_status_of_a_run_has_a_sign(look: Look, status: RunStatus) -> None:
    run = look.products[0].lanes[0].runs[0].run.model_copy(update={"status": status})
    mark = words.run_mark(RunSeen(run))
    happened = ("fail", "unknown", "unconfirmed", "unrecorded", "interrupted")
    assert mark.word == status and (mark.sign == "bad") == (status in happened)


# -- what others wrote


HOSTILE = "<script>alert(1)</script>'\"><img src=x onerror=alert(2)>&\u202e\u2066\x00\n\r\u2028{{ 1234567*7 }}</style>"


def test_hostile_texts_in_every_field_stay_text(look: Look) -> None:
    def hostile(field: str, said: str) -> str:
        return said if field in NAMES else HOSTILE

    ours = {tag for name in TEMPLATES.glob("*.html") for tag in re.findall(r"<([a-z0-9]+)", name.read_text())}
    pages = draw(swapped(look, hostile))
    assert pages.keys() == draw(look).keys()
    for name, page in pages.items():
        read = Read(page)
        assert set(read.tags) <= ours | {"h2", "h3", "time"}, name
        assert read.tags.count("script") == (1 if name == INDEX else 0)
        handlers = [one for one in read.attributes if one[1].startswith("on") or "javascript" in one[2]]
        assert not handlers, name
        assert page.replace("\n", "").isprintable() and "8641969" not in page
        assert "<script>alert(1)</script>" in read.text and "\\u202e\\u2066\\x00\\n" in read.text, name


NO_ADDRESS = [
    "javascript:alert(1)",
    "JAVASCRIPT://%0aalert(1)",
    "data:text/html,x",
    "https://a b",
    "//x",
    "https://x\n",
]


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_address_of_the_web_is_no_link(url: str) -> None:
    assert link(url) == url
    assert (
        link('https://x/"><b>')
        == '<a href="https://x/&#34;&gt;&lt;b&gt;" rel="noreferrer">https://x/&#34;&gt;&lt;b&gt;</a>'
    )


@pytest.mark.parametrize("told", ["", "soon", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-23:00", None])
def test_what_is_no_moment_is_shown_as_it_is(told: str | None) -> None:
    assert moment(told) == (told or "an unknown moment")
    assert moment("2026-05-07T14:02:59.5Z") == '<time datetime="2026-05-07T14:02:59Z">2026-05-07 14:02 UTC</time>'
    assert moment(AT + timedelta(seconds=1)) == '<time datetime="2026-05-07T14:02:01Z">2026-05-07 14:02 UTC</time>'


def test_a_decision_whose_name_is_none_has_no_page(look: Look) -> None:
    seen = next(iter(look.decisions.values()))
    assert set(draw(replace(look, decisions={"../x": seen}))) == {INDEX, PAGE}


# -- what everybody may have

# Of what is public, what people, policies and platforms do not write; what they write of it has a form that is held.
PUBLIC = NAMES | {
    "code",
    "follows",
    "title",
    "titles",
    "version",
    "out_as",
    "policy_revision",
    "decided_at",
    "started_at",
    "at",
}
PUBLIC |= {"follows", "kind", "of_run", "became", "waiver_id", "url_count"}


def test_nothing_that_somebody_wrote_is_public(look: Look) -> None:
    def canary(field: str, said: str) -> str:
        return said if field in PUBLIC else f"CANARY {field}"

    marked = swapped(look, canary)
    assert all("CANARY" in page for page in draw(marked).values())
    pages = draw(public(marked))
    assert pages.keys() == draw(look).keys()
    for page in pages.values():
        assert "CANARY" not in page and LEFT_OUT not in Read(page).text.replace("all of that is left out of", "")


def test_the_public_page_names_no_actor_reason_nor_url(look: Look) -> None:
    for name, page in draw(public(look)).items():
        said = page.partition("<body>")[2]
        for kept in (
            ACTOR.subject,
            APPROVER.subject,
            "the fair",
            "the first one",
            "cannot wait",
            "example.org",
            "ghcr",
        ):
            assert kept not in said, (name, kept)
        assert "://" not in said and "launchplane-gate promote" not in said


def test_the_public_page_still_tells_what_runs_where_and_which_rule_refuses(look: Look) -> None:
    pages = {name: Read(page).text for name, page in draw(public(look)).items()}
    first = pages[INDEX]
    assert "testing unsettled" in first and "its last run, a deploy of ccccccc, ended unconfirmed" in first
    assert "aaaaaaa" in first and "v0.2.10" in first and "held since 20" in first
    assert "proven by digest aaaaaaa and 1 URL that reports it" in first
    assert f"{A.source_git_ref}" in pages[PAGE] and f"sha256:{'b' * 64}" in pages[PAGE]
    assert "inventory.source_current What is promoted is what the source lane runs" in pages[PAGE]
    assert B.artifact_id not in pages[PAGE] and C.artifact_id not in pages[PAGE]


def test_a_title_with_an_address_in_it_is_not_public(look: Look) -> None:
    swapping = swapped(look, lambda field, said: "Ask at https://wiki.example.org" if field == "title" else said)
    assert "wiki" in draw(swapping)[PAGE] + "".join(draw(swapping).values())
    assert "wiki" not in "".join(draw(public(swapping)).values())
