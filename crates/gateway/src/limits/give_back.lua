-- Gives back what was reserved, into the windows it was taken from; never below zero.
-- KEYS  the counts
-- ARGV  for each count its window, its amount and the start of the window it was taken from

for i, key in ipairs(KEYS) do
  local window, amount, from = ARGV[3 * i - 2], tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local stored = redis.call('HMGET', key, 'w', 'n', 'p')
  local w, n, p = tonumber(stored[1]), tonumber(stored[2]) or 0, tonumber(stored[3]) or 0
  if w == from then
    redis.call('HSET', key, 'n', number(math.max(0, n - amount)))
  elseif w and bounds(window, w - 1) == from then
    redis.call('HSET', key, 'p', number(math.max(0, p - amount)))
  end
end
return 1
