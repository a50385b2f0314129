"""Helpers of bruno."""
