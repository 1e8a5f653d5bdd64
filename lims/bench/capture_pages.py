"""Captures and devices: pages."""
