"""Two revisions timed in turns: in one process (P1), or in pairs of processes (P2)."""
