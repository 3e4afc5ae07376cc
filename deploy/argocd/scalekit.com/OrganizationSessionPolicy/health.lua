-- The health of an OrganizationSessionPolicy; docs/argocd.md explains it. Uses only the libraries that
-- Argo CD allows, so not string. Every field may be absent.
local function at(value, ...)
  for _, key in ipairs({...}) do
    if type(value) ~= "table" then return nil end
    value = value[key]
  end
  return value
end

local conditions = {}
local listed = at(obj, "status", "conditions")
if type(listed) == "table" then
  for _, condition in ipairs(listed) do
    local kind = at(condition, "type")
    if kind ~= nil then conditions[kind] = condition end
  end
end

local function is(kind, status)
  return at(conditions, kind, "status") == status
end

local function health(status, kind, otherwise)
  local reason, message = at(conditions, kind, "reason"), at(conditions, kind, "message")
  local said = otherwise
  if reason ~= nil and message ~= nil then
    said = tostring(reason) .. ": " .. tostring(message)
  elseif reason ~= nil or message ~= nil then
    said = tostring(reason or message)
  end
  return {status = status, message = said}
end

-- Argo CD decides this itself before it runs the script; here it is for other callers.
if at(obj, "metadata", "deletionTimestamp") ~= nil then
  return health("Progressing", "Ready", "being deleted")
end

local generation = at(obj, "metadata", "generation")
if generation == nil or at(obj, "status", "observedGeneration") ~= generation then
  return {status = "Progressing", message = "the operator has not reconciled this version of the spec yet"}
end
if is("Stalled", "True") then
  return health("Degraded", "Stalled", "a person has to act")
end
if at(obj, "spec", "suspend") ~= true and at(conditions, "Ready", "reason") == "Suspended" then
  return health("Suspended", "Ready", "suspended")
end
if at(obj, "spec", "suspend") == true then
  return {status = "Suspended", message = "spec.suspend is true: nothing is read or written"}
end
if is("Reconciling", "True") then
  return health("Progressing", "Reconciling", "in progress")
end
if is("Ready", "True") then
  return health("Healthy", "Ready", "ready")
end
if conditions["Ready"] == nil then
  return {status = "Progressing", message = "there is no condition Ready yet"}
end
-- Not Ready, and nothing is pending: Stale after a long outage of Scalekit, or Uninstalled.
return health("Degraded", "Ready", "not ready, and nothing is pending")
