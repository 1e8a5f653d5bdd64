"""JSON of customers and contacts."""
