"""Greetings, from a data file that lies beside the code."""
