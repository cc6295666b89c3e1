"""`regulars publish`: audiences and customer properties, where marketing happens, and kept there."""
