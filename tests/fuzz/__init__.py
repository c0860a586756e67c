"""Fuzzing: arbitrary octets against every framer, decoder, dialogue and file reader. `make fuzz`; the short form is a test."""
