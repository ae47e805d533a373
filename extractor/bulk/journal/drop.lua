-- Drop an answer that is damaged, unless another one has taken its place. KEYS: the base of all names.
-- ARGV: key, the damaged value. Returns whether it was dropped.
local base, key, value = KEYS[1], ARGV[1], ARGV[2]
if redis.call('GET', base .. 'answer:' .. key) ~= value then
  return 0
end
redis.call('DEL', base .. 'answer:' .. key)
redis.call('ZREM', base .. 'at', key)
return 1
