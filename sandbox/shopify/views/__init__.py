"""The records of the books as the API's types: one class per type, one attribute per field.

A field's resolver is the attribute of the same name in snake_case; nothing here writes.
"""
