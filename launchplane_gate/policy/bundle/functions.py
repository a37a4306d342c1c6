"""The built-in functions of Rego that policies may call, with the number of arguments that each takes.

Each depends on its arguments alone, and the engines agree on it. Whoever extends the list adds a vector to
``vectors.json`` that says what is right.
"""

FUNCTIONS = {
    "array.concat": 2,
    "array.slice": 3,
    "concat": 2,
    "contains": 2,
    "count": 1,
    "endswith": 2,
    "format_int": 2,
    "is_array": 1,
    "is_boolean": 1,
    "is_null": 1,
    "is_number": 1,
    "is_object": 1,
    "is_set": 1,
    "is_string": 1,
    "max": 1,
    "min": 1,
    "object.get": 3,
    "object.keys": 1,
    "object.remove": 2,
    "object.union": 2,
    "regex.match": 2,
    "replace": 3,
    "sort": 1,
    "split": 2,
    "sprintf": 2,
    "startswith": 2,
    "sum": 1,
    "time.clock": 1,
    "time.parse_rfc3339_ns": 1,
    "time.weekday": 1,
    "to_number": 1,
    "trim": 2,
    "trim_prefix": 2,
    "trim_suffix": 2,
}

FUNCTIONS_OF_TESTS = {**FUNCTIONS, "json.filter": 2, "json.patch": 2, "json.remove": 2, "numbers.range": 2}
