"""Replaying: decisions that are on record, asked again under other policies, and what becomes of them."""
