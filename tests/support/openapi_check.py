"""Holds recorded exchanges against an OpenAPI 3.1 document.

Arguments: the document. Standard input: one exchange a line, as JSON with method, path (without
query), status, content_type and body. Prints each fault on a line; exit 1 if there is one. With
--all every operation of the document must have been answered with its first 2xx status.
"""

import json
import re
import sys

from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate


def matcher(template):
    return re.compile("^" + re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(template)) + "$")


def find_path(document, path):
    if path in document["paths"]:
        return path
    for template in document["paths"]:
        if matcher(template).match(path):
            return template
    return None


def faults_of(document, exchange, seen):
    where = f"{exchange['method']} {exchange['path']} {exchange['status']}"
    template = find_path(document, exchange["path"])
    if template is None:
        return [f"{where}: no such path"]
    operation = document["paths"][template].get(exchange["method"].lower())
    if operation is None:
        # Another method: the refusal must be a problem all the same.
        return [] if exchange["status"] == 405 else [f"{where}: no such method"]
    response = operation["responses"].get(str(exchange["status"]))
    if response is None:
        return [f"{where}: this status is not described"]
    seen.add((template, exchange["method"].lower(), exchange["status"]))
    media = exchange["content_type"].split(";")[0]
    if media not in response["content"]:
        return [f"{where}: content type {media} is not described"]
    if not media.endswith("json"):
        return []
    schema = {"$ref": "#/components/schemas/_", "components": document["components"]}
    schema["components"]["schemas"]["_"] = response["content"][media]["schema"]
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    errors = validator.iter_errors(json.loads(exchange["body"]))
    return [f"{where}: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in errors]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    validate(document)
    seen, faults, count = set(), [], 0
    for line in sys.stdin:
        faults += faults_of(document, json.loads(line), seen)
        count += 1
    if "--all" in sys.argv:
        for template, operations in document["paths"].items():
            for method in operations:
                if not any(s[:2] == (template, method) and s[2] == 200 for s in seen):
                    faults.append(f"{method} {template}: was never answered with 200")
    for fault in faults:
        print(fault)
    print(f"{count} exchanges, {len(faults)} faults")
    return 1 if faults or count == 0 else 0


sys.exit(main())
