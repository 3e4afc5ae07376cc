-- A deletion is never held back by suspend, so there is nothing to suspend or
-- resume in one; the operator does not reconcile a suspended resource, so a refresh is idle.
local deleting = obj.metadata.deletionTimestamp ~= nil
local suspended = obj.spec.suspend == true

local actions = {}
actions["refresh"] = {["disabled"] = suspended and not deleting}
actions["suspend"] = {["disabled"] = suspended or deleting}
actions["resume"] = {["disabled"] = not suspended or deleting}
return actions
