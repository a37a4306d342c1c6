"""Tools for policy authors."""
