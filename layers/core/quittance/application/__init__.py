"""The use cases, one a module, and the ports through which they meet the world."""
