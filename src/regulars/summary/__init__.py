"""What came out of a build, for a person to read: customers, revenue, segment sizes, what to look at next."""
