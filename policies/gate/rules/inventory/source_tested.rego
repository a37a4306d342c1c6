# METADATA
# title: Tests passed on what the source lane runs
# description: >-
#   The record of the very deployment that the source lane's inventory rests on says that what was done after it passed:
#   migrations, and whatever tests were told of. What the asker says of that counts for nothing. It is asked of
#   VeriReel's products, and of those whose roll call has it.
# custom:
#   follows: [inventory.source_present]
#   remedy: >-
#     Have the source lane tested, and say what was found of its deployment; where tests failed, mend what they found
#     and deploy to the source lane again.
package gate.rules.inventory.source_tested

import data.gate.lib.releases
import data.gate.lib.say

satisfied if _named.update == "pass"

_named := releases.deployment_behind(input.source.inventory, input.source.deployments)

message := sprintf("What was done after the deploy of %v to %v ended %v.", [
	object.get(input, ["source", "inventory", "source_git_ref"], "nothing known"),
	object.get(input, ["source", "lane", "instance"], "the source lane"),
	say.each([sprintf("%v", [ended]) | ended := _named.update; is_string(ended)], "as nobody has told"),
]) if not satisfied
