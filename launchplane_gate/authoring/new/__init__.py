"""Beginning a rule: its module, its test and its place on the roll call, tried before anything is written."""
