"""What a test demands: checks, their markers, the plan of a test."""
