"""What the host does: its executors, and writers of evidence."""
