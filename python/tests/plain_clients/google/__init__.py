"""Stands for the namespace of Google's packages."""
