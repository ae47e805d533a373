"""Records corrected by a person beside their texts, and kept as gold. The page is served on loopback."""
