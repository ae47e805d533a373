-- Forget answers, and the claims and names of workers that died. KEYS: the base of all names.
-- ARGV: before which time, clock or "", how many answers at most. Returns how many.
local base, before, now = KEYS[1], ARGV[1], tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local owners, claims = base .. 'owners', base .. 'claims'
redis.call('ZREMRANGEBYSCORE', owners, '-inf', string.format('%.6f', now))
local held = redis.call('HGETALL', claims)
for nth = 1, #held, 2 do
  if not redis.call('ZSCORE', owners, held[nth + 1]) then
    redis.call('HDEL', claims, held[nth])
  end
end
local keys = redis.call('ZRANGEBYSCORE', base .. 'at', '-inf', '(' .. before, 'LIMIT', 0, ARGV[3])
for _, key in ipairs(keys) do
  redis.call('DEL', base .. 'answer:' .. key)
  redis.call('ZREM', base .. 'at', key)
end
return #keys
