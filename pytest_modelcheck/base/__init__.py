"""Another revision: its record measured or read, and what changed between two records."""
