"""Work at the bench: pages."""
