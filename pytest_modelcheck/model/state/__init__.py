"""State: what a model and its inputs keep, and what belongs to the whole process: found, saved, put back."""
