"""Documentation that is made, not written: the data dictionary and dbt's own pages, both from the project's YAML."""
