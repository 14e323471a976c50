"""One folder a check; each owns all that is said about it."""
