-- Raises all the counts that a call demands, or none of them.
-- KEYS  the counts, then the families of keyed counts
-- ARGV  time or '', most keys of a family, number of counts, then for each count its window, its
--       amount and the place of its family in KEYS (0: none), then for each limit the place of
--       its count, its max and 1 if it slides
-- Reply {1, start of each count's window …}
--    or {0, place of the limit, n, p, start, end, now}
--    or {2, place of the count, keys, start, end, now}

local now = time(ARGV[1])
local max_keys = tonumber(ARGV[2])
local total = tonumber(ARGV[3])
local counts, at = {}, 4
for i = 1, total do
  local count = seen(KEYS[i], ARGV[at], now)
  count.window, count.amount = ARGV[at], tonumber(ARGV[at + 1])
  count.family = tonumber(ARGV[at + 2])
  counts[i], at = count, at + 3
end

local place = 1
while ARGV[at] do
  local count = counts[tonumber(ARGV[at])]
  local max, used = tonumber(ARGV[at + 1]), count.n
  if ARGV[at + 2] == '1' then
    local left = math.min(count.to - now, count.to - count.from)
    used = used + math.ceil(count.p * left / (count.to - count.from))
  end
  if used + count.amount > max then
    return { 0, place, count.n, count.p, count.from, count.to, now }
  end
  place, at = place + 1, at + 3
end

local families = {}
for i, count in ipairs(counts) do
  if count.fresh and count.family > 0 then
    local key = KEYS[count.family]
    local family = families[key] or seen(key, count.window, now)
    if family.n >= max_keys then
      return { 2, i, family.n, family.from, family.to, now }
    end
    family.added = (family.added or 0) + 1
    families[key] = family
  end
end

for key, family in pairs(families) do write(key, family, family.added) end
local reply = { 1 }
for i, count in ipairs(counts) do
  write(KEYS[i], count, count.amount)
  reply[i + 1] = count.from
end
return reply
