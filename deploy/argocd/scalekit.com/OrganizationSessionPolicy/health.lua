-- How Argo CD reads an OrganizationSessionPolicy; explained in docs/argocd.md.
-- Only what Argo CD opens for customizations is used: no string library.
-- Every field may be absent.
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

-- Argo CD says so by itself before it asks; another caller gets the same answer.
if at(obj, "metadata", "deletionTimestamp") ~= nil then
  return health("Progressing", "Ready", "being deleted")
end

local generation = at(obj, "metadata", "generation")
if generation == nil or at(obj, "status", "observedGeneration") ~= generation then
  return {status = "Progressing", message = "the operator has not reconciled this version of the spec yet"}
end
if is("Stalled", "True") then
  return health("Degraded", "Stalled", "it needs a person")
end
if at(obj, "spec", "suspend") == true or at(conditions, "Ready", "reason") == "Suspended" then
  return {status = "Suspended", message = "spec.suspend is true: nothing is read or written"}
end
if is("Reconciling", "True") then
  return health("Progressing", "Reconciling", "under way")
end
if is("Ready", "True") then
  return health("Healthy", "Ready", "ready")
end
if conditions["Ready"] == nil then
  return {status = "Progressing", message = "the operator has not said yet whether it is ready"}
end
-- Not ready and nothing under way: Stale, when Scalekit could not be read for long.
return health("Degraded", "Ready", "not ready, and nothing is under way")
