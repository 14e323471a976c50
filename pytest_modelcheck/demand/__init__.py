"""What a test demands: checks, their markers, the plan of a test."""

SUBJECT = "modelcheck"  # the marker that names a subject, and checks nothing
