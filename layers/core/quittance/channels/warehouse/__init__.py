"""Warehouses: reports of goods that arrived, pushed over HTTP or written into a CSV file."""
