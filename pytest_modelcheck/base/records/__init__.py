"""Records of two runs: read with suspicion, compared, merged."""
