"""Why a decision fell as it did, rule by rule, and what would make it pass."""
