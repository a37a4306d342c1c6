"""Cases: what a product team expects of the policies, in YAML, without a line of Rego.

A case starts from a good question, states the facts that differ, and says of each rule what comes of it. It holds for
the folder of policies that it stands in and those before that one, whatever further ones add.
"""
