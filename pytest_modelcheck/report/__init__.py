"""The record, shown: HTML page, report.json, terminal. Nothing here measures or judges."""
