"""Stand-ins for the places that audiences go to: on loopback, with a memory, and as strict as the real ones."""
