"""The language of templates: JSON with comments, and expressions. Pure: it knows of no Azure.

jsonc         text becomes values
expressions   text becomes a tree
evaluate      a tree becomes a value
functions, arithmetic, arguments, hashes     what expressions may call
"""
