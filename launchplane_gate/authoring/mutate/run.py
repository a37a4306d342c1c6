"""All mutants of some folders of policies, put to the tests: which of them no test notices."""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from launchplane_gate.authoring.cases.reading import read_cases
from launchplane_gate.authoring.cases.running import run_cases
from launchplane_gate.authoring.mutate.explained import explanations, idle, misspelt, reason_for
from launchplane_gate.authoring.mutate.killing import Fate, Killing
from launchplane_gate.authoring.mutate.mutants import Mutant, mutants_of
from launchplane_gate.authoring.mutate.reach import Reach
from launchplane_gate.authoring.mutate.roll_call import Unasked, unasked
from launchplane_gate.authoring.mutate.telling import Telling, Told
from launchplane_gate.errors import PolicyError
from launchplane_gate.policy import BadForm
from launchplane_gate.policy.bundle.files import Folder
from launchplane_gate.policy.bundle.floor import DECISION_PATH
from launchplane_gate.policy.bundle.form import deciding
from launchplane_gate.policy.bundle.load import Bundle, bundle_of
from launchplane_gate.policy.bundle.rego_tests import RegoTest, failing, interpreter_of_tests, why_failing
from launchplane_gate.policy.bundle.syntax import Finding, Parsed, Source, parse
from launchplane_gate.policy.engines.embedded import worker

TIMEOUT_S = 5.0  # for one test, which takes some milliseconds
AT_ONCE = 16  # mutants of one file that one engine is given; what noticed one of them is asked first of the next

Progress = Callable[[int, int], None]
"""Is told how many mutants of how many are done."""


@dataclass(frozen=True)
class Result:
    """What became of a mutant. ``told`` and ``reason`` (why nothing could tell it) are of those that survived."""

    mutant: Mutant
    fate: Fate
    told: Told | None = None
    reason: str = ""

    @property
    def explained(self) -> bool:
        """Not where there is an input that tells it: then what is said of it is not true."""
        return bool(self.reason and self.told and self.told.asked is None)


@dataclass(frozen=True)
class Mutation:
    """``findings``: comments that explain nothing."""

    results: tuple[Result, ...]
    findings: tuple[Finding, ...]

    @cached_property
    def fates(self) -> Counter[Fate]:
        return Counter(result.fate for result in self.results)

    @cached_property
    def unexplained(self) -> tuple[Result, ...]:
        return tuple(one for one in self.results if one.fate == "survived" and not one.explained)


def mutate(
    folders: Sequence[Folder],
    of: Sequence[Folder],
    only: Sequence[str] = (),
    *,
    facts: dict[str, Any],
    progress: Progress,
    engines: int = 0,
) -> Mutation:
    """Put the tests of all ``folders`` to the mutants of those in ``of``, as many at once as there are ``engines``.

    What no test notices is put to the cases, whose ``facts`` are those of that schema. ``only``: of files and rules
    that have one of these in their names. Raises BadForm for policies that do not load or fail a test as they are, and
    PolicyError where that is none, or a case fails.
    """
    bundle = bundle_of(folders)
    work = _Work(bundle, folders, of, only, facts)
    if only and not work.total:
        raise PolicyError(f"nothing to change has one of these in its name: {', '.join(only)}")
    interpreter = interpreter_of_tests(bundle.modules, bundle.data)
    if failed := failing(interpreter, work.tests()):
        raise BadForm(why_failing(interpreter, bundle.modules, failed))
    if failed_cases := work.cases_failing(bundle):
        raise PolicyError(f"a case fails as it is: {failed_cases[0]}", hint="`launchplane-gate policy test` says why.")
    results = work.done(engines or processors(), progress)
    survivors = [result.mutant for result in results if result.fate == "survived"]
    said = work.explanations
    findings = [*(one for module in work.modules for one in misspelt(module.source))]
    findings += [] if only else idle(said, survivors)
    return Mutation(tuple(results), tuple(sorted(findings)))


def processors() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Work:
    def __init__(
        self,
        bundle: Bundle,
        folders: Sequence[Folder],
        of: Sequence[Folder],
        only: Sequence[str],
        facts: dict[str, Any],
    ) -> None:
        self._facts = facts
        parsed = [parse(source) for source in bundle.modules]
        self.reach = Reach(bundle, parsed)
        paths = {source.path for folder in of for source in folder.sources if not source.is_test} - {DECISION_PATH}
        self.modules = [module for module in parsed if module.source.path in paths]
        self.explanations = [one for module in self.modules for one in explanations(module.source)]
        names = deciding(parsed)
        self._batches = [
            (module, batch)
            for module in self.modules
            for batch in _batches([one for one in mutants_of(module, names) if _is_meant(one, only)])
        ]
        self._unasked = [one for one in unasked(folders, of) if _is_meant(one.mutant, only)]
        self.total = len(self._unasked) + sum(len(batch) for _, batch in self._batches)
        self._local = threading.local()
        self._engines: list[worker.Worker] = []
        self._timeout_s = min(TIMEOUT_S, worker.shared().bounds.timeout_s)

    def tests(self) -> list[RegoTest]:
        """Those that any mutant is put to."""
        packages = {tests for module, _ in self._batches for tests in self.reach.tests_of(module.package)}
        packages.update(self.reach.tests_of_roll_call() if self._unasked else ())
        return [test for test in self.reach.bundle.tests if test.package in packages]

    def cases_failing(self, bundle: Bundle) -> list[str]:
        """The cases that do not hold under these policies."""
        return [one.name for one in run_cases(read_cases(bundle, self._facts)) if not one.passed]

    def done(self, engines: int, progress: Progress) -> list[Result]:
        """The results, in the order of the files and their lines; those of the roll call come first."""
        with ExitStack() as ending, ThreadPoolExecutor(engines) as threads:
            ending.callback(self._stop)
            tasks = [threads.submit(self._of_roll_call, self._unasked)]
            tasks += [threads.submit(self._of_module, module, batch) for module, batch in self._batches]
            results: list[Result] = []
            try:
                for task in tasks:
                    results += task.result()
                    progress(len(results), self.total)
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
            return results

    def _engine(self) -> worker.Worker:
        """Each thread has an engine of its own, which is a process."""
        if not hasattr(self._local, "engine"):
            self._local.engine = worker.Worker(worker.shared().bounds)
            self._local.telling = Telling(self.reach, self._local.engine)
            self._engines.append(self._local.engine)
        engine: worker.Worker = self._local.engine
        return engine

    def _stop(self) -> None:
        for engine in self._engines:
            engine.stop()

    def _of_module(self, module: Parsed, mutants: Iterable[Mutant]) -> list[Result]:
        engine = self._engine()
        killing = Killing(self.reach, self.reach.tests_of(module.package), engine, timeout_s=self._timeout_s)
        results = []
        for mutant in mutants:
            fate = killing.of_module(mutant, module.package)
            if fate == "survived" and self.cases_failing(_with(self.reach.bundle, mutant.mutated)):
                fate = "killed"
            if fate == "survived":
                reason = reason_for(mutant, self.explanations)
                told = self._local.telling.told(mutant.mutated, module.package, deep=not reason)
                results.append(Result(mutant, fate, told, reason))
            else:
                results.append(Result(mutant, fate))
        return results

    def _of_roll_call(self, entries: Iterable[Unasked]) -> list[Result]:
        engine = self._engine()
        killing = Killing(self.reach, self.reach.tests_of_roll_call(), engine, timeout_s=self._timeout_s)
        results = []
        for entry in entries:
            bundle = entry.bundle()
            fate: Fate = killing.of_config(bundle.data) if bundle else "not viable"
            if bundle and fate == "survived" and self.cases_failing(bundle):
                fate = "killed"
            if fate == "survived":
                told = self._local.telling.told_of_roll_call(entry.mutant.of, entry.action, entry.phase)
                results.append(Result(entry.mutant, fate, told))
            else:
                results.append(Result(entry.mutant, fate))
        return results


def _with(bundle: Bundle, changed: Source) -> Bundle:
    modules = tuple(changed if one.path == changed.path else one for one in bundle.modules)
    return replace(bundle, modules=modules)


def _is_meant(mutant: Mutant, only: Sequence[str]) -> bool:
    return not only or any(part in name for part in only for name in (mutant.source.file, mutant.of))


def _batches(mutants: Sequence[Mutant]) -> Iterator[Sequence[Mutant]]:
    waiting = iter(mutants)
    while batch := list(itertools.islice(waiting, AT_ONCE)):
        yield batch
