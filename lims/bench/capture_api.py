"""Captures and devices: JSON face."""
