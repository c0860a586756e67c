"""`make bench`: this bridge beside others on the same octets. Not part of the test suite: it asserts nothing about time."""
