"""Make a checkout of the host ask a gate: ``python -m launchplane_gate_launchplane.edit CHECKOUT``.

It knows the host by the names of its functions, calls and arguments, and keeps no line of it.
"""
