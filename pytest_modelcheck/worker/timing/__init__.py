"""Both revisions timed in turns."""
