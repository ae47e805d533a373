"""Text in, validated records out."""
