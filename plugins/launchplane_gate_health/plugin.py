"""The plugin ``health``: in ``admit`` both lanes are asked what they report, in ``confirm`` the destination."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from launchplane_gate.hookspecs import PluginConfig, Question, hookimpl
from launchplane_gate.model import Lane, stamp
from launchplane_gate.urls import without_query
from launchplane_gate_health.answer import Asking, ask
from launchplane_gate_health.evidence import HealthEvidence
from launchplane_gate_health.options import LaneOptions, read_options
from launchplane_gate_http import all_at_once, usual_tls

MOST_AT_ONCE = 32  # URLs; each waits more than it works

Sample = dict[str, Any]  # {url, status, revision, seen_at, detail}


class HealthPlugin:
    """Asks every health URL of a lane, several times in a row. Raises SettingsError for settings it cannot use."""

    evidence_contract = HealthEvidence

    def __init__(self, config: PluginConfig) -> None:
        self._options = read_options(config)
        self._plain_http, self._now = config.plain_http, config.now

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any]:
        """``{"source": samples, "destination": samples}``, and what nobody looked at left out.

        The samples of a URL stand in the order in which they were taken and end at the first that does not report the
        commit of the release, or where the time was over. The destination tells in ``admit`` what it runs before the
        deploy, where its platform does not.
        """
        lanes = {"source": question.source if question.phase == "admit" else None, "destination": question.destination}
        deadline = time.monotonic() + question.deadline_s
        asked = [(name, url, how) for name, lane in lanes.items() if lane for url, how in self._urls(question, lane)]
        commit = question.release.source_git_ref if question.release else None
        found = all_at_once([partial(self._series, url, how, commit, deadline) for _, url, how in asked], MOST_AT_ONCE)
        samples: dict[str, list[Sample]] = {name: [] for name, lane in lanes.items() if lane}
        for (name, *_), series in zip(asked, found, strict=True):
            samples[name] += series
        return samples

    @hookimpl
    def gate_cannot_meet(self, product: str, thresholds: Mapping[str, int]) -> str | None:
        wanted, taken = thresholds.get("health_matches", 0), self._options.matches
        if taken >= wanted:
            return None
        return f"plugins.health.matches is {taken}; the policies want {wanted} answers in a row of {product}"

    def _urls(self, question: Question, lane: Lane) -> Iterator[tuple[str, Asking]]:
        own = self._options.lanes.get(str(lane), LaneOptions())
        how = Asking(
            pointer=self._options.revision_pointer if own.revision_pointer is None else own.revision_pointer,
            token=own.token.get_secret_value() if own.token is not None else None,
            max_bytes=self._options.max_bytes,
            tls=usual_tls(),
            is_plain_fine=own.allow_plain_http or lane in self._plain_http,
        )
        for url in question.product.health_urls(lane.context, lane.instance):
            yield url, how

    def _series(self, url: str, how: Asking, commit: str | None, deadline: float) -> list[Sample]:
        series: list[Sample] = []
        while len(series) < self._options.matches:
            if series:
                time.sleep(self._options.interval_s)
            left_s = deadline - time.monotonic()
            if series and left_s <= 0:
                break
            answer = ask(url, how, timeout_s=min(self._options.timeout_s, left_s))
            series.append(
                {
                    "url": without_query(url),
                    "status": answer.status,
                    "revision": answer.revision,
                    "seen_at": stamp(self._now()),  # after the answer: it was true no later than this
                    "detail": answer.detail,
                }
            )
            if answer.revision is None or answer.revision != commit:
                break
        return series
