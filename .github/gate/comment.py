"""Writes what a run of policy.yml said on its pull request, as one comment, which is brought up to date.

The run may have been of a stranger. Its reports are data: bounded, and shown only where the gate could have written
each line. The pull request is looked up by what GitHub says of the run, and has to be at the commit that the run was
of. It needs Python alone, and takes from its job: GITHUB_EVENT_PATH, GITHUB_API_URL, GITHUB_SERVER_URL,
GITHUB_REPOSITORY and TOKEN. Exit code 0: written, or nothing to write; 1: GitHub did not take it.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPORTS = ("launchplane-gate-policies", "launchplane-gate-promotion")
MEMBER = "report.md"
LARGEST_ANSWER = 4 * 2**20
LARGEST_ZIP = 128 * 1024
LARGEST = 30_000  # letters of a report; a comment holds 65,536, and there are two
PAGES = 30
TIMEOUT_S = 30
MARK = "<!-- launchplane-gate -->"
US = "github-actions[bot]"
OF_A_FORK = "It is of a fork, whose author may have changed what it says. Look at what the fork changes first."
UNTOLD = "It left a report that the gate did not write, which is not shown."

# What report/markdown.py makes of any text: references in place of all that means something, and four tags. A sign for
# which GitHub looks once more has an empty comment behind it.
_MADE = re.compile(r"&#(?:35|36|64);<!-- -->|&#(?!0*(?:35|36|64);)[0-9]{1,7};|</?code>|<br>")
_MEANS = re.compile(r"[#$&*:<>@\[\\\]_`{}~]|\.(?=\S)")
_LINE = re.compile(r"|#{2,3} .*|\|.*\||[A-Za-z0-9][^|]*")


class NotWritten(Exception):
    """GitHub did not answer as it should."""


def main() -> int:
    run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))["workflow_run"]
    github = GitHub(os.environ["GITHUB_API_URL"], os.environ["GITHUB_REPOSITORY"], os.environ["TOKEN"])
    try:
        print(write(github, run))
    except (NotWritten, ValueError, LookupError, TypeError, AttributeError) as error:
        why = (
            error if isinstance(error, NotWritten) else f"GitHub answered in a form of its own ({type(error).__name__})"
        )
        print(f"::error::The comment was not written. {why}. The summary of the run has what it would say.")
        return 1
    return 0


class GitHub:
    """Its API, as far as it is needed here, in one repository."""

    def __init__(self, url: str, repository: str, token: str) -> None:
        self.repository = repository
        self._root, self._token = f"{url}/repos/{repository}", token

    def ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.read(path, LARGEST_ANSWER, data, method))

    def read(self, path: str, most: int, data: bytes | None = None, method: str | None = None) -> bytes:
        request = urllib.request.Request(self._root + path, data, method=method)  # noqa: S310  # of the runner's API
        request.add_header("Accept", "application/vnd.github+json")
        # Not sent on to the storage that a redirect leads to: that one refuses a request with two logins.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 # nosec B310  # the same
                content: bytes = answer.read(most + 1)
        except urllib.error.HTTPError as error:
            raise NotWritten(f"GitHub answered {error.code} to {method or 'GET'} {path.partition('?')[0]}") from None
        except (OSError, ValueError) as error:
            raise NotWritten(f"GitHub could not be asked ({type(error).__name__})") from None
        if len(content) > most:
            raise NotWritten(f"GitHub answered {path.partition('?')[0]} with more than {most} bytes")
        return content


def write(github: GitHub, run: dict[str, Any]) -> str:
    """What was done, in a sentence that quotes nothing of the pull request."""
    if run["event"] != "pull_request":
        return "It was no run of a pull request. Nothing was written."
    numbers = list(pull_requests(github, run))
    if len(numbers) != 1:
        return f"{len(numbers)} open pull requests are at the commit of the run. Nothing was written."
    found, told = list(reports(github, int(run["id"]))), comment_of(github, numbers[0])
    if not found and not told and run["conclusion"] == "success":
        return "The pull request changes nothing that is looked at. Nothing was written."
    body = {"body": composed(run, github.repository, found)}
    if told:
        github.ask(f"/issues/comments/{told}", body, "PATCH")
        return f"The comment on #{numbers[0]} was brought up to date."
    github.ask(f"/issues/{numbers[0]}/comments", body, "POST")
    return f"A comment was written on #{numbers[0]}."


def pull_requests(github: GitHub, run: dict[str, Any]) -> Iterator[int]:
    """Those that are open, of the head that the run was of, and still at its commit.

    The run itself lists none where the head is a fork.
    """
    head = run["head_repository"]
    if not head:  # a fork that was deleted
        return
    named = urllib.parse.quote(f"{head['owner']['login']}:{run['head_branch']}", safe="")
    for one in github.ask(f"/pulls?state=open&per_page=100&head={named}"):
        of = one["head"]
        ours = one["base"]["repo"]["full_name"] == github.repository
        if ours and of["sha"] == run["head_sha"] and of["repo"] and of["repo"]["id"] == head["id"]:
            yield int(one["number"])


def reports(github: GitHub, run: int) -> Iterator[str]:
    """The reports that a run left, of policies first; a sentence in the place of one that cannot be shown."""
    left = github.ask(f"/actions/runs/{run}/artifacts?per_page=100")["artifacts"]
    for name in REPORTS:
        newest = max((one for one in left if one["name"] == name), key=lambda one: int(one["id"]), default=None)
        if newest is None:
            continue
        fits = not newest["expired"] and int(newest["size_in_bytes"]) <= LARGEST_ZIP
        text = unpacked(github.read(f"/actions/artifacts/{int(newest['id'])}/zip", LARGEST_ZIP)) if fits else None
        yield text if text is not None and is_of_the_gate(text) else UNTOLD


def unpacked(content: bytes) -> str | None:
    """The report in an archive; None where there is none, or one that is too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(MEMBER) as file:
            read = file.read(4 * LARGEST + 1)
            return read.decode() if len(read) <= 4 * LARGEST else None
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, RuntimeError, zlib.error):
        return None


def is_of_the_gate(text: str) -> bool:
    """Whether the gate could have written it: no link, picture, call or markup of anybody's own can be in it."""
    return len(text) <= LARGEST and all(map(_could_be_ours, text.split("\n")))


def _could_be_ours(line: str) -> bool:
    if not (line.isprintable() and _LINE.fullmatch(line)):
        return False
    return not _MEANS.search(_MADE.sub("", line.lstrip("#")))


def comment_of(github: GitHub, number: int) -> int | None:
    """Our comment, if there is one: of our name, not one in which somebody else says ours."""
    for page in range(1, PAGES + 1):
        told = github.ask(f"/issues/{number}/comments?per_page=100&page={page}")
        for one in told:
            if one["user"] and one["user"]["login"] == US and one["body"].startswith(MARK):
                return int(one["id"])
        if len(told) < 100:  # noqa: PLR2004  # as many as were asked for
            return None
    return None


def composed(run: dict[str, Any], repository: str, found: list[str]) -> str:
    url = f"{os.environ['GITHUB_SERVER_URL']}/{repository}/actions/runs/{int(run['id'])}"
    said = [MARK, f"What [this run]({url}) says of {str(run['head_sha'])[:7]}."]
    if run["head_repository"]["full_name"] != repository:
        said += ["", OF_A_FORK]
    if found:
        return "\n".join([*said, "", "\n\n".join(found)])
    nothing = "Nothing is changed here that the gate looks at."
    return "\n".join([*said, "", nothing if run["conclusion"] == "success" else "It left no report. Its log says why."])


if __name__ == "__main__":
    sys.exit(main())
