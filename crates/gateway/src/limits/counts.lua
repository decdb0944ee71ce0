-- What both scripts share: a count is a hash {w: start of its window, n: counted in it,
-- p: counted in the window before}. Times are milliseconds since the epoch, from the server.

local DAY = 86400000

local function number(n)
  return string.format('%.0f', n)
end

-- The server's time; a test may set it.
local function time(given)
  if given ~= '' then return tonumber(given) end
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- First day of the month of `days` since the epoch, and of the next (civil from days).
local function month(days)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524)
    - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local first = days - (doy - math.floor((153 * mp + 2) / 5))
  local year = yoe + era * 400 + (mp >= 10 and 1 or 0)
  local leap = (year % 4 == 0 and year % 100 ~= 0) or year % 400 == 0
  local lengths = { 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, leap and 29 or 28 }
  return first, first + lengths[mp + 1]
end

-- Start and end of the window that `now` is in: a number of seconds, `week` or `month`.
local function bounds(window, now)
  if window == 'month' then
    local from, to = month(math.floor(now / DAY))
    return from * DAY, to * DAY
  end
  local offset = window == 'week' and 4 * DAY or 0
  local length = window == 'week' and 7 * DAY or tonumber(window) * 1000
  local start = math.floor((now - offset) / length) * length + offset
  return start, start + length
end

-- A count rolled to the window of `now`. A clock that went back stays in the later window.
local function seen(key, window, now)
  local from, to = bounds(window, now)
  local stored = redis.call('HMGET', key, 'w', 'n', 'p')
  local w, n, p = tonumber(stored[1]), tonumber(stored[2]) or 0, tonumber(stored[3]) or 0
  if not w then return { from = from, to = to, n = 0, p = 0, fresh = true } end
  if w >= from then
    from, to = bounds(window, w)
    return { from = w, to = to, n = n, p = p }
  end
  local before = bounds(window, from - 1)
  return { from = from, to = to, n = 0, p = w == before and n or 0, fresh = true }
end

local function write(key, count, amount)
  redis.call('HSET', key, 'w', number(count.from), 'n', number(count.n + amount),
    'p', number(count.p))
  redis.call('PEXPIREAT', key, number(2 * count.to - count.from))
end
