"""The one variable through which a compose file gets its image: where it is used, and what it has to hold.

A compose deployment ends well although nothing changed, where the file does not use the variable that was set.
"""

from __future__ import annotations

import io
import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml
from dotenv.parser import Binding, parse_stream

MAX_CHARACTERS = 64 * 1024
MAX_BLANKS = 200  # in a row: dotenv's reader takes a time that grows with their square
MAX_DIGITS = 6

_BLANKS = re.compile(rf"[^\S\r\n]{{{MAX_BLANKS + 1}}}")
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map")} | {"!"}
_INTERPOLATED = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?+])[^${}]*)?\})", re.ASCII)


class Unusable(Exception):
    """Why a compose target cannot be deployed to, or does not tell its image."""


class _NotPlain(yaml.MarkedYAMLError):
    """What YAML can, and a file that is read to decide on a deploy must not do."""


class _Loader(yaml.SafeLoader):
    """Reads mappings, lists, texts and null, and nothing that means another thing than what is written.

    No number or date is made of a text: some of them are none, and take a reader of them down. Aliases and merge keys
    are refused, which make a little text into any amount of structure, and so is a key that stands twice: one of the
    two would be deployed, and not the other.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012  # so PyYAML has it
        first: [(tag, form) for tag, form in resolvers if tag == "tag:yaml.org,2002:null"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # so the stubs of PyYAML have it
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise _NotPlain(problem="an anchor or an alias (&name, *name)", problem_mark=event.start_mark)
        if getattr(event, "tag", None) not in {None, *_PLAIN_TAGS}:
            raise _NotPlain(problem="a tag (!name)", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if "<<" in keys:
            raise _NotPlain(problem="a merge key (<<)", problem_mark=node.start_mark)
        if len(keys) != len({str(key) for key in keys}):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def value_for(file: str, variable: str, image: str) -> str:
    """What the variable has to hold so that every service which uses it runs an image.

    The file may leave part of the reference to the variable: ``${IMAGE}``, ``repository@${DIGEST}``. Raises Unusable
    where no service uses it, or where one could not run this image.
    """
    values = set()
    for service, template in _images(file, variable).items():
        before, after = _around(template, variable, service)
        if not (image.startswith(before) and image.endswith(after) and len(image) > len(before) + len(after)):
            raise Unusable(f"the service {service} of the compose file runs {template}, which cannot become {image}")
        values.add(image[len(before) : len(image) - len(after)])
    if len(values) != 1:
        raise Unusable(f"the services of the compose file want different values in {variable}")
    return values.pop()


def image_set(file: str, variable: str, env: str) -> str | None:
    """The image that a compose target is set to run by its variable; None where it holds none. Raises Unusable."""
    value = _bindings(env).get(variable)
    if not value:
        return None
    found = set()
    for service, template in _images(file, variable).items():
        before, after = _around(template, variable, service)
        found.add(f"{before}{value}{after}")
    if len(found) != 1:
        raise Unusable(f"the services of the compose file run different images by {variable}")
    return found.pop()


def env_with(env: str, variable: str, value: str) -> str:
    """An environment with one variable changed or added, and every other line as it was. Raises Unusable."""
    parts, placed = [], False
    for binding in _read(env):
        text = binding.original.string
        if binding.key != variable:
            parts.append(text)
        elif not placed:
            blank = text[: len(text) - len(text.lstrip())]  # a binding begins with the blank lines above it
            parts.append(f"{blank}{variable}={value}\n")
            placed = True
    changed = "".join(parts)
    if placed:
        return changed
    return changed + ("" if not changed or changed.endswith("\n") else "\n") + f"{variable}={value}\n"


def wanted(file: str, variable: str) -> dict[str, int]:
    """How many containers each service wants that uses the variable; 0 for one that is not started.

    One in a profile is not, unless it is asked for; of a number that another variable holds, at least one is wanted.
    Raises Unusable where no service uses the variable.
    """
    services = _services(file)
    return {name: _replicas(name, services[name]) for name in _images(file, variable)}


def env_without(env: str, variable: str) -> list[str]:
    """What else stands in an environment, in its order, without what is blank. Raises Unusable."""
    others = (binding.original.string.strip() for binding in _read(env) if binding.key != variable)
    return [text for text in others if text]


def check_env(env: str) -> None:
    """Raises Unusable for an environment that is not read."""
    if len(env) > MAX_CHARACTERS:
        raise Unusable(f"the environment is longer than {MAX_CHARACTERS} characters; shorten it in Dokploy")
    if _BLANKS.search(env):
        raise Unusable(f"the environment has more than {MAX_BLANKS} blanks in a row; take them out in Dokploy")


def _read(env: str) -> Iterator[Binding]:
    check_env(env)
    return parse_stream(io.StringIO(env))


def _replicas(name: str, service: dict[str, Any]) -> int:
    deploy = service.get("deploy")
    asked = deploy.get("replicas") if isinstance(deploy, dict) else None
    if asked is None:
        asked = service.get("scale")
    if service.get("profiles"):
        return 0
    if not (isinstance(asked, str) and asked.isascii() and asked.isdecimal()):
        return 1
    if len(asked) > MAX_DIGITS:
        raise Unusable(f"the service {name} of the compose file wants a number of replicas of {len(asked)} digits")
    return int(asked)


def _bindings(env: str) -> dict[str, str | None]:
    return {binding.key: binding.value for binding in _read(env) if binding.key}


def _services(file: str) -> dict[str, Any]:
    """Raises Unusable for what is no compose file."""
    if len(file) > MAX_CHARACTERS:
        raise Unusable(f"the compose file is longer than {MAX_CHARACTERS} characters; shorten it in Dokploy")
    try:
        document = yaml.load(file, Loader=_Loader)  # noqa: S506 # nosec B506  # a SafeLoader
    except _NotPlain as error:
        raise Unusable(f"the compose file has {error.problem}{_line(error)}; write out what it stands for") from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:  # the latter two of escapes
        raise Unusable(f"the compose file is not YAML{_line(error)}") from None
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        raise Unusable("the compose file has no services")
    return {str(name): service for name, service in services.items() if isinstance(service, dict)}


def _line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _images(file: str, variable: str) -> dict[str, str]:
    """The image of each service that uses the variable in it. Raises Unusable where none does."""
    images = {
        name: service["image"] for name, service in _services(file).items() if isinstance(service.get("image"), str)
    }
    using = {name: image for name, image in images.items() if variable in _variables(image)}
    if not using:
        raise Unusable(
            f"no service of the compose file has an image with ${{{variable}}}, so setting it changes nothing"
        )
    return using


def _variables(template: str) -> list[str]:
    return [match[2] or match[3] for match in _INTERPOLATED.finditer(template) if not match[1]]


def _around(template: str, variable: str, service: str) -> tuple[str, str]:
    """What stands before and after the one use of the variable. Raises Unusable for anything less plain."""
    uses = list(_INTERPOLATED.finditer(template))
    if len(uses) != 1 or uses[0][4] in (":+", "+"):
        raise Unusable(f"the image of the service {service} is made of more than {variable}: {template}")
    return template[: uses[0].start()], template[uses[0].end() :]
