-- A deletion goes on while suspended, so it can't be suspended or resumed. The operator does not
-- reconcile a suspended resource, so it can't be refreshed.
local deleting = obj.metadata.deletionTimestamp ~= nil
local suspended = obj.spec.suspend == true

local actions = {}
actions["refresh"] = {["disabled"] = suspended and not deleting}
actions["suspend"] = {["disabled"] = suspended or deleting}
actions["resume"] = {["disabled"] = not suspended or deleting}
return actions
