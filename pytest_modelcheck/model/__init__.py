"""A user's model, run without a trace."""
