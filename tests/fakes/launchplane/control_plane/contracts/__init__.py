"""Records as the host's stores hold them."""
