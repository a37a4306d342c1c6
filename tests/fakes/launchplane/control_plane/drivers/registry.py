"""Each driver, the one that it stands upon, and the routes that it answers with what a caller must be allowed to do."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DriverDescriptor:
    """A trap: a product of a driver that stands upon ``generic-web`` is let through that one's routes too."""

    driver_id: str
    base_driver_id: str = ""
    actions: dict[str, str] = field(default_factory=dict)  # by the last part of the route


DESCRIPTORS = (
    DriverDescriptor(
        "generic-web",
        actions={"deploy": "generic_web_deploy.execute", "prod-promotion": "generic_web_prod_promotion.execute"},
    ),
    DriverDescriptor(
        "odoo",
        actions={"prod-promotion": "odoo_prod_promotion.execute", "prod-rollback": "odoo_prod_rollback.execute"},
    ),
    DriverDescriptor(
        "verireel",
        base_driver_id="generic-web",
        actions={
            "testing-deploy": "verireel_testing_deploy.execute",
            "testing-verification": "verireel_testing_verification.write",
            "prod-deploy": "verireel_prod_deploy.execute",
            "prod-promotion": "verireel_prod_promotion.execute",
            "prod-rollback": "verireel_prod_rollback.execute",
        },
    ),
)


def list_driver_descriptors() -> tuple[DriverDescriptor, ...]:
    return DESCRIPTORS


def read_driver_descriptor(driver_id: str) -> DriverDescriptor:
    """Raises FileNotFoundError."""
    for descriptor in DESCRIPTORS:
        if descriptor.driver_id == driver_id.strip():
            return descriptor
    raise FileNotFoundError(f"no driver {driver_id}")
