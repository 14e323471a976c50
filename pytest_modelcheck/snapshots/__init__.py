"""Snapshots on syrupy: what a reviewer sees in the pull request is what the test compares."""
