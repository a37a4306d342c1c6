"""Promotions that a repository proposes, in files: read, decided on, and never made."""
