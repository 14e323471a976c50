"""The process that measures another revision."""
