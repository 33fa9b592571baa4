"""The template language: JSON with comments, and expressions. Pure: independent of Azure.

jsonc         text to values
expressions   text to a tree
evaluate      a tree to a value
functions, arithmetic, arguments, hashes     the functions that expressions can call
"""
