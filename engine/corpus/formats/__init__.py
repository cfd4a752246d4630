"""One file format a file: bytes in, a table of rows out."""
