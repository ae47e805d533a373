"""Providers' batch APIs: many requests in one batch, answered within a day."""
