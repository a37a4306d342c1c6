"""What stands in the place of each of the host's functions, by its name there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any

from launchplane_gate_launchplane.bridge.denied import GateDenied
from launchplane_gate_launchplane.bridge.heard import Heard, Hearing, call_of
from launchplane_gate_launchplane.protocol import Answer, HostGate

DEFAULT_TIMEOUT_S = 60  # of the host

Function = Callable[..., Any]
Wrapper = Callable[[Function], Function]

EVIDENCE = {"apply_deployment_evidence": "deployment_record", "apply_promotion_evidence": "promotion_record"}
EXECUTORS = (
    "execute_generic_web_deploy",
    "execute_generic_web_prod_promotion",
    "execute_odoo_prod_promotion",
    "execute_odoo_prod_rollback",
    "execute_verireel_stable_deploy",
    "execute_verireel_prod_promotion",
    "execute_verireel_prod_rollback",
    "_apply_verireel_testing_verification_records",
)
CUTOVER = "/v1/product-profiles/context-cutover/apply"
EXECUTED = frozenset(
    {
        "/v1/drivers/generic-web/deploy",
        "/v1/drivers/generic-web/prod-promotion",
        "/v1/drivers/odoo/prod-promotion",
        "/v1/drivers/odoo/prod-rollback",
        "/v1/drivers/verireel/testing-deploy",
        "/v1/drivers/verireel/prod-deploy",
        "/v1/drivers/verireel/prod-promotion",
        "/v1/drivers/verireel/prod-rollback",
        "/v1/drivers/verireel/testing-verification",
        "/v1/evidence/deployments",
        "/v1/evidence/promotions",
    }
)
ROUTES = EXECUTED | {CUTOVER}


class _Answered(GateDenied):
    """Ends the host's handling of a request that has its answer already."""


class Wrappers:
    """Each is a function that takes the original and gives what stands in its place."""

    def __init__(self, gate: HostGate) -> None:
        self._gate = gate
        self._hearing = Hearing()

    def of_service(self) -> Mapping[str, Wrapper]:
        """By the names that the host's service looks up."""
        executors = {name: partial(self._executor, takes="request") for name in EXECUTORS}
        evidence = {name: partial(self._executor, takes=takes) for name, takes in EVIDENCE.items()}
        heard = {
            "_trace_id": self._trace_id,
            "_idempotency_scope": self._scope,
            "_idempotency_key": self._key,
            "_request_fingerprint": self._fingerprint,
            "_check_idempotent_request": self._check,
            "_write_idempotency_record": self._write,
            "_accepted_payload": self._payload,
            "_json_response": self._response,
        }
        return {**heard, **executors, **evidence}

    def provider(self, original: Function) -> Function:
        """In the place of the one function by which the host speaks to its provider."""

        @wraps(original)
        def dokploy_request(
            *, path: str, method: str = "GET", payload: Any = None, query: Any = None, **rest: Any
        ) -> Any:
            timeout_s = rest.pop("timeout_seconds", 60)

            def send(payload: Any, timeout_s: float) -> Any:
                return original(
                    path=path, method=method, payload=payload, query=query, timeout_seconds=timeout_s, **rest
                )

            return self._gate.change(
                method=method,
                path=path if path.startswith("/") else f"/{path}",
                payload=payload,
                query=query,
                timeout_s=timeout_s,
                send=send,
            )

        return dokploy_request

    # -- what is heard

    def _trace_id(self, original: Function) -> Function:
        @wraps(original)
        def trace_id() -> str:
            self._hearing.now = Heard(trace_id=original())
            return self._hearing.now.trace_id

        return trace_id

    def _scope(self, original: Function) -> Function:
        @wraps(original)
        def scope(identity: Any) -> Any:
            found = original(identity)
            if heard := self._hearing.now:
                heard.identity, heard.scope = identity, found
            return found

        return scope

    def _key(self, original: Function) -> Function:
        @wraps(original)
        def key(environ: Any) -> Any:
            found = original(environ)
            if heard := self._hearing.now:
                heard.key = found
            return found

        return key

    def _fingerprint(self, original: Function) -> Function:
        @wraps(original)
        def fingerprint(payload: Any) -> Any:
            found = original(payload)
            if heard := self._hearing.now:
                heard.payload, heard.fingerprint = payload, found
            return found

        return fingerprint

    # -- whose the key is

    def _check(self, original: Function) -> Function:
        @wraps(original)
        def check(*, route_path: str, **rest: Any) -> Any:
            look = partial(original, route_path=route_path, **rest)
            heard = self._hearing.now
            if heard is None:
                return look()
            heard.route = route_path
            if route_path not in EXECUTED:
                return look()
            heard.check = look
            return None

        return check

    def _write(self, original: Function) -> Function:
        @wraps(original)
        def write(**arguments: Any) -> Any:
            heard = self._hearing.now
            return None if heard and heard.is_taken else original(**arguments)

        return write

    # -- the call

    def _executor(self, original: Function, *, takes: str) -> Function:
        """``takes``: the argument that says what is wanted."""

        @wraps(original)
        def executor(**arguments: Any) -> Any:
            heard = self._hearing.now
            if heard is None or heard.is_within or heard.route not in EXECUTED:
                return original(**arguments)
            answer = self._asked(heard, original, arguments, arguments[takes])
            if answer is None:
                return self._as_before(heard, original, arguments)
            heard.is_taken, heard.original_trace_id = True, answer.original_trace_id
            return answer.result

        return executor

    def cut_over(self, original: Function) -> Function:
        """In the place of what gives a product's lanes another context; its key stays the host's."""

        @wraps(original)
        def cut_over(**arguments: Any) -> Any:
            heard = self._hearing.now
            if heard is None or heard.is_within or heard.route != CUTOVER:
                return original(**arguments)
            answer = self._asked(heard, original, arguments, arguments["request"])
            return original(**arguments) if answer is None else answer.result

        return cut_over

    def _asked(self, heard: Heard, original: Function, arguments: Mapping[str, Any], request: Any) -> Answer | None:
        def execute(record_store: Any) -> Any:
            return original(**{**arguments, "record_store": record_store})

        heard.is_within = True
        try:
            return self._gate.run(call_of(heard, request, arguments, execute))
        except GateDenied as denied:
            heard.denied = denied
            raise
        finally:
            heard.is_within = False

    def _as_before(self, heard: Heard, original: Function, arguments: Mapping[str, Any]) -> Any:
        """What is not governed: the host looks its key up now, and its answer is that of the request."""
        if (answer := heard.check()) is not None:
            heard.answer = answer
            raise _Answered(status=0, code="", message="answered by the host's own record")
        heard.is_within = True
        try:
            return original(**arguments)
        finally:
            heard.is_within = False

    # -- the answer

    def _payload(self, original: Function) -> Function:
        @wraps(original)
        def payload(**arguments: Any) -> Any:
            heard = self._hearing.now
            if heard and heard.original_trace_id:
                arguments |= {"replayed": True, "original_trace_id": heard.original_trace_id}
            return original(**arguments)

        return payload

    def _response(self, original: Function) -> Function:
        @wraps(original)
        def response(*, payload: Any, status_code: int, **rest: Any) -> Any:
            heard = self._hearing.now
            if heard and heard.answer is not None:
                answer, heard.answer = heard.answer, None
                return answer
            if heard and heard.denied:
                denied, heard.denied = heard.denied, None
                error = {"code": denied.code, "message": denied.message}
                status_code, payload = denied.status, {**payload, "status": "rejected", "error": error}
            return original(payload=payload, status_code=status_code, **rest)

        return response
