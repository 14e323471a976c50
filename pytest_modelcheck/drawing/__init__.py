"""What panels are drawn with: pictures, plots, templates. Knows no check."""
