"""A small application that looks around in the file system it finds itself in."""
