"""The record of a run: its types, how it is built, read, compared, merged."""
