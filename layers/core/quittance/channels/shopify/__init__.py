"""Shopify: hints, reads and acts of a shop through its Admin GraphQL API; importing this loads no HTTP library."""
