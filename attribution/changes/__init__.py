"""Where changes come from: one file a source."""
