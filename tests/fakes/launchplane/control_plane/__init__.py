"""A stand-in for Launchplane where the real one is not to be had: its names, signatures and traps, in our own words.

Only what the plugin touches. Its folder is put on the path, so that this is ``control_plane``.
"""

STANDS_IN = True
