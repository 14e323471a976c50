"""Two structures side by side: which modules and operators are the same ones, and what differs, in words."""
