"""Is the SQL tested as hard as it looks? Small wrong versions of every segment model, each of which must be noticed."""
