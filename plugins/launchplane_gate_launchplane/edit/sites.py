"""Where the host's service writes what a lane runs, or was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the service lets an executor, or a writer of evidence, change a lane."""

    route: str
    executor: str
    takes: str  # the part of the envelope that it is given
    given_as: str = "request"
    driver_id: str = ""
    product: str = "request.product"
    assigns: str = "driver_result"
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, str]:
        return {"record_store": "record_store", self.given_as: f"request.{self.takes}", **self.more}


_ROOT = {"control_plane_root": "resolved_root"}

CUTOVER = "/v1/product-profiles/context-cutover/apply"
CUT_OVER = "control_plane_product_context_cutover.apply_product_context_cutover"

SITES = (
    Site(
        route="/v1/evidence/deployments",
        executor="apply_deployment_evidence",
        takes="deployment",
        given_as="deployment_record",
        assigns="result",
    ),
    Site(
        route="/v1/drivers/generic-web/deploy",
        executor="execute_generic_web_deploy",
        takes="deploy",
        driver_id="generic-web",
        product="profile.product",
        more=_ROOT | {"profile": "profile", "lane": "lane"},
    ),
    Site(
        route="/v1/drivers/generic-web/prod-promotion",
        executor="execute_generic_web_prod_promotion",
        takes="promotion",
        driver_id="generic-web",
        more=_ROOT,
    ),
    Site(
        route="/v1/drivers/odoo/prod-promotion",
        executor="execute_odoo_prod_promotion",
        takes="promotion",
        driver_id="odoo",
        more=_ROOT | {"state_dir": "state_dir", "database_url": "database_url"},
    ),
    Site(
        route="/v1/drivers/odoo/prod-rollback",
        executor="execute_odoo_prod_rollback",
        takes="rollback",
        driver_id="odoo",
        more=_ROOT,
    ),
    Site(
        route="/v1/drivers/verireel/testing-deploy",
        executor="execute_verireel_stable_deploy",
        takes="deploy",
        driver_id="verireel",
        more=_ROOT,
    ),
    Site(
        route="/v1/drivers/verireel/testing-verification",
        executor="_apply_verireel_testing_verification_records",
        takes="verification",
        driver_id="verireel",
        assigns="result",
    ),
    Site(
        route="/v1/drivers/verireel/prod-deploy",
        executor="execute_verireel_stable_deploy",
        takes="deploy",
        driver_id="verireel",
        more=_ROOT,
    ),
    Site(
        route="/v1/drivers/verireel/prod-promotion",
        executor="execute_verireel_prod_promotion",
        takes="promotion",
        driver_id="verireel",
        more=_ROOT,
    ),
    Site(
        route="/v1/drivers/verireel/prod-rollback",
        executor="execute_verireel_prod_rollback",
        takes="rollback",
        driver_id="verireel",
        more=_ROOT,
    ),
    Site(
        route="/v1/evidence/promotions",
        executor="apply_promotion_evidence",
        takes="promotion",
        given_as="promotion_record",
        assigns="result",
    ),
)

ROUTES = frozenset({*(site.route for site in SITES), CUTOVER})
