"""What tells two sets of policies apart: in words, and by an input that one allows and the other denies."""
