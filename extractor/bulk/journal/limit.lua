-- What workers may ask of one endpoint together, as `sharing.Pool` decides it. KEYS: where it is kept.
-- ARGV: clock or "", and the request as JSON: given (limit, capacity, rate by name), requests, tokens, pause,
-- quotas (name, limit, remaining, rate), wanted. Returns how many are granted, the wait, the pause.
local now, request = tonumber(ARGV[1]), cjson.decode(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local state = redis.call('GET', KEYS[1])
state = state and cmsgpack.unpack(state) or {given = {}, learned = {}, known = {}, paused = 0}

local function refill(bucket)
  if now > bucket.at then
    bucket.level = math.min(bucket.capacity, bucket.level + (now - bucket.at) * bucket.rate)
    bucket.at = now
  end
end

local function each(act)
  for _, buckets in pairs({state.given, state.learned}) do
    for name, bucket in pairs(buckets) do
      act(bucket, name)
    end
  end
end

local function take(requests, tokens)
  each(function(bucket, name)
    local amount = name == 'requests' and requests or tokens
    bucket.level = math.min(bucket.level - amount, bucket.capacity)
  end)
end

local function wait(tokens)
  local longest = 0
  each(function(bucket, name)
    refill(bucket)
    local amount = name == 'requests' and 1 or tokens
    local missing = math.min(amount, bucket.capacity) - bucket.level
    if missing > 1e-9 then
      longest = math.max(longest, missing / bucket.rate)
    end
  end)
  return longest
end

local function learn(name, limit, remaining, rate)
  local known = state.known[name]
  if known == limit then
    local bucket = state.learned[name]
    refill(bucket)
    bucket.rate, bucket.level = rate, math.min(bucket.level, remaining)
  elseif state.given[name] or known == false then
    return
  elseif known == nil then
    state.known[name] = limit
    state.learned[name] = {capacity = limit, rate = rate, level = remaining, at = now}
  else
    state.known[name], state.learned[name] = false, nil
  end
end

for name, told in pairs(request.given) do
  local limit, capacity, rate = told[1], told[2], told[3]
  local before = state.given[name]
  if not before or before.limit ~= limit then
    local level = capacity
    if before then
      refill(before)
      level = math.min(level, before.level)
    end
    state.given[name] = {limit = limit, capacity = capacity, rate = rate, level = level, at = now}
  end
end
take(request.requests, request.tokens)
if request.pause > 0 then
  state.paused = math.max(state.paused, now + request.pause)
end
for _, quota in ipairs(request.quotas) do
  learn(quota[1], quota[2], quota[3], quota[4])
end

local granted, seconds, pause = 0, 0, math.max(0, state.paused - now)
if pause > 0 then
  seconds = pause
else
  for _, tokens in ipairs(request.wanted) do
    seconds = wait(tokens)
    if seconds > 0 then
      break
    end
    take(1, tokens)
    granted = granted + 1
  end
end
redis.call('SET', KEYS[1], cmsgpack.pack(state), 'PX', 3600000 + math.ceil(pause * 1000))
return {granted, string.format('%.17g', seconds), string.format('%.17g', pause)}
