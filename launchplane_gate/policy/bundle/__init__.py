"""What the policies are: read, held to one form, and told apart by their content."""
