"""What a rule says of itself, read from the YAML comment above its package."""

from __future__ import annotations

from typing import Any, cast

import yaml
from pydantic import ValidationError

from launchplane_gate.policy.bundle.metadata import RuleMetadata
from launchplane_gate.policy.bundle.syntax import Finding, Parsed

try:  # the same in C, which is ten times as fast, where PyYAML was built with it
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

LARGEST = 64 * 1024  # characters
DEEPEST = 16

_PLAIN = frozenset({"tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"})
_REMEDY = "Write `# METADATA`, `# title: ...` and `# custom:` with `#   remedy: ...` right above the package."


def read_metadata(module: Parsed) -> RuleMetadata | Finding:
    above = module.source.text.split("\n")[: module.package_line - 1]  # as Rego counts lines
    block: list[str] = []
    while above and above[-1].startswith("#"):
        block.insert(0, above.pop().rstrip("\r"))
    if "# METADATA" not in block:
        return Finding(module.source.file, module.package_line, "the rule has no metadata", _REMEDY)
    start = block.index("# METADATA") + 1
    line = len(above) + start
    text = "\n".join(comment[1:] for comment in block[start:])
    try:
        _bound(text)
        return RuleMetadata.model_validate(yaml.load(text, Loader=_Loader))  # noqa: S506 # nosec B506  # a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        return Finding(module.source.file, line + (mark.line + 1 if mark else 0), f"metadata: {problem}", _REMEDY)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return Finding(module.source.file, line, f"metadata: {place}: {first['msg']}".replace(": :", ":"), _REMEDY)


def _bound(text: str) -> None:
    """Raises YAMLError for what is more than a few plain values: some of it would take the loader down, or grow."""
    if len(text) > LARGEST:
        raise yaml.MarkedYAMLError(problem=f"is larger than {LARGEST // 1024} KB")
    depth = 0
    for event in yaml.parse(text, Loader=SafeLoader):
        problem = ""
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            problem = "is nested too deep" if depth > DEEPEST else ""
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style:
            problem = "merges keys; write them out"
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            problem = "has an anchor or an alias; write it out"
        if getattr(event, "tag", None) is not None:
            problem = "has a tag; leave it out"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark", event.start_mark))


class _Loader(SafeLoader):
    """Refuses a key that is there twice, of which YAML would keep the last one, and makes neither dates nor numbers."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # of PyYAML's own form
        first: [(tag, form) for tag, form in resolvers if tag in _PLAIN]
        for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} is there twice", problem_mark=node.value[index][0].start_mark
                )
        return super().construct_mapping(node, deep)
