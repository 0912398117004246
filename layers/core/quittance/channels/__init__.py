"""The adapters of the places where a seller sells, one folder each; they know neither each other nor the table."""
