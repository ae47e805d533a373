-- One trip of a worker: keep answers, give claims back, claim, look. KEYS: the base of all names.
-- ARGV: owner, lease, clock or "", then four lists, each after its length:
-- key and value; key; key and since; key and since.
local base, owner, lease, now = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local claims, owners = base .. 'claims', base .. 'owners'
local place = 3

local function given()
  place = place + 1
  return ARGV[place]
end

local function kept(key, since)
  local value = redis.call('GET', base .. 'answer:' .. key)
  return value and tonumber(string.sub(value, 1, 17)) >= since and value
end

local function drop(key)
  if redis.call('HGET', claims, key) == owner then
    redis.call('HDEL', claims, key)
  end
end

local function claim(key, since)
  local value = kept(key, since)
  if value then
    return value
  end
  local holder = redis.call('HGET', claims, key)
  local granted = 1
  if holder and holder ~= owner then
    local ends = redis.call('ZSCORE', owners, holder)
    if ends and tonumber(ends) > now then
      return 0
    end
    granted = 2
  end
  redis.call('HSET', claims, key, owner)
  return granted
end

if lease > 0 then
  redis.call('ZADD', owners, string.format('%.6f', now + lease), owner)
end
for _ = 1, tonumber(given()) do
  local key, value = given(), given()
  local at = string.format('%017.6f', now)
  redis.call('SET', base .. 'answer:' .. key, at .. value)
  redis.call('ZADD', base .. 'at', at, key)
  drop(key)
end
for _ = 1, tonumber(given()) do
  drop(given())
end
local claimed, found = {}, {}
for nth = 1, tonumber(given()) do
  local key, since = given(), tonumber(given())
  claimed[nth] = claim(key, since)
end
for nth = 1, tonumber(given()) do
  local key, since = given(), tonumber(given())
  found[nth] = kept(key, since) or ''
end
return {claimed, found}
