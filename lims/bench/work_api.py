"""Work at the bench: JSON face."""
