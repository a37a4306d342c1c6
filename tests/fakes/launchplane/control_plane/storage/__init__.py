"""Where the host's records live: files, or a database."""
