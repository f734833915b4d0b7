-- Health of a ClusterPropagation for Argo CD: argocd-cm, resource.customizations.health.ace-operator.io_ClusterPropagation.
-- The same as kstatus makes of it, but for clusters that are suspended (docs/gitops.md).
local health = { status = "Progressing", message = "the operator has not looked at it yet" }

if obj.spec ~= nil and obj.spec.suspend == true then
  health.status = "Suspended"
  health.message = "spec.suspend: nothing is added or repaired, revocations go on"
  return health
end

if obj.status == nil or obj.status.conditions == nil then
  return health
end
-- What is said of an older spec says nothing of this one.
if obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function isTrue(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end
local function says(condition)
  return condition.reason .. ": " .. (condition.message or "")
end

if isTrue("Stalled") then
  health.status = "Degraded"
  health.message = says(conditions["Stalled"])
elseif isTrue("Ready") then
  health.status = "Healthy"
  health.message = says(conditions["Ready"])
elseif conditions["Ready"] ~= nil then
  health.message = says(conditions["Ready"])
end
return health
