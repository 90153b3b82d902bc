"""The price book: from a seller, a model and a usage to a charge."""
