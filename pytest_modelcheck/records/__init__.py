"""The record of a run: its types, how it is built, read, matched, compared and merged. Knows no section by name."""
