"""Shapes that cross a boundary.

What strangers send is judged by pydantic models; what sstl writes itself is a plain msgspec structure.
"""
