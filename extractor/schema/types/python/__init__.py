"""Python types, by Pydantic's own description of them."""
