"""Evidence of what a registry says of a pinned image: its platforms, and the commit that each was built from."""

from launchplane_gate_oci.plugin import OciPlugin

__all__ = ["OciPlugin"]
