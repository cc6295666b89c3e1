"""Files of a shop into the landing tables, with every row accounted for."""
