"""JSON of orders."""
