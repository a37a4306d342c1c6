"""The pages that a team looks at, as files and in a browser."""
