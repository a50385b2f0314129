"""Live calls, as far as models meet them."""
