"""Limits written into the source: where a marker stands, what its limit becomes, the edit. Needs libcst (`update`)."""
