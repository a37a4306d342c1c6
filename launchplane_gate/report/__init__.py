"""What a command found out, in the forms in which it is read: text for people, JSON for programs."""
