"""Providers' batch APIs: requests handed in together, answered within a day."""
