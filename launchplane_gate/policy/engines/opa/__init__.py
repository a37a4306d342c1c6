"""A real OPA server, examined before it is believed."""
