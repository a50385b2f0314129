"""Where older versions keep their messages."""
