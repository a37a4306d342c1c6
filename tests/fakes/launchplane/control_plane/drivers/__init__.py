"""Which drivers there are."""
