"""What a set of policies comes to: which rules are asked of what, and what each of them rests on."""
