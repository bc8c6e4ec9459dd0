package ratelimit

// quotaScripts are the pure functions of tally and roster on Redis's clock, and
// what keeps their state. Each command has one key.
type quotaScripts struct{ tally, roster, leave script }

func newQuotaScripts() quotaScripts {
	return quotaScripts{tally: newScript(tallySource), roster: newScript(rosterSource), leave: newScript(leaveSource)}
}

// tallySource is tally.take and tally.giveBack.
//
// KEYS[1] a hash: total, oldest, newest, and the count of each step.
// ARGV    window, step (milliseconds), limit, messages wanted, or given back if negative.
// Returns messages taken, delay after which to ask again (milliseconds).
const tallySource = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, step, limit, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local at = math.floor(now / step)
local function name(i) return string.format('%.0f', i) end
local function count(i) return tonumber(redis.call('HGET', KEYS[1], name(i)) or 0) end

local kept = redis.call('HMGET', KEYS[1], 'total', 'oldest', 'newest')
local total, oldest, newest = tonumber(kept[1] or 0), tonumber(kept[2] or at), tonumber(kept[3] or at)
local changed = false
if newest > at then -- the clock jumped back
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], name(at), name(total))
  oldest, newest, changed = at, at, true
end
local first = math.floor((now - window) / step) - 1
while oldest < first and oldest <= newest do
  total = total - count(oldest)
  redis.call('HDEL', KEYS[1], name(oldest))
  oldest, changed = oldest + 1, true
end
if total == 0 then
  oldest, newest = at, at
end

local taken, again = 0, 0
if want > 0 then
  taken = math.min(want, math.max(0, limit - total))
  if taken > 0 then
    redis.call('HINCRBY', KEYS[1], name(at), name(taken))
    total, newest, changed = total + taken, at, true
  end
  if taken < want then
    local over, i = total - limit, oldest
    while i < newest do
      over = over - count(i)
      if over < 0 then break end
      i = i + 1
    end
    again = (i + 2) * step + window - now
  end
else
  for i = at, at - 1, -1 do
    local n = math.min(-want, count(i))
    if n > 0 then
      redis.call('HINCRBY', KEYS[1], name(i), name(-n))
      total, want, changed = total - n, want + n, true
    end
  end
end
if changed and total == 0 then
  redis.call('DEL', KEYS[1])
elseif changed then
  redis.call('HSET', KEYS[1], 'total', name(total), 'oldest', name(oldest), 'newest', name(newest))
  redis.call('PEXPIRE', KEYS[1], name(window + 3 * step))
end
return {taken, again}
`

// settleRosterSource is roster.settle. A score is twice the time of the last
// message, and one more if it is shared. What a jump of the clock left in the
// future comes back in parts.
const settleRosterSource = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[1])
local function score(at, shared) return string.format('%.0f', 2 * at + shared) end
for _, who in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. score(now, 1), '+inf', 'LIMIT', 0, 1000)) do
  redis.call('ZADD', KEYS[1], score(now, tonumber(redis.call('ZSCORE', KEYS[1], who)) % 2), who)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. score(now - window, 0))
`

// rosterSource is roster.take.
//
// KEYS[1] a sorted set of recipients by score.
// ARGV    window (milliseconds), limit, recipients (eight bytes each).
// Returns delay after which to ask again (milliseconds), then for each recipient 0
// for no room, 1 for counted before, 2 for new.
const rosterSource = settleRosterSource + `
local limit, taken = tonumber(ARGV[2]), false
local reply = {0}
local n = redis.call('ZCARD', KEYS[1])
for i = 3, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], score(now, 1), ARGV[i])
    reply[i - 1], taken = 1, true
  elseif n < limit then
    redis.call('ZADD', KEYS[1], score(now, 0), ARGV[i])
    n = n + 1
    reply[i - 1], taken = 2, true
  else
    reply[i - 1] = 0
  end
end
if n >= limit then
  local free = redis.call('ZRANGE', KEYS[1], n - limit, n - limit, 'WITHSCORES')
  reply[1] = math.floor(tonumber(free[2]) / 2) + window + 1 - now
end
if taken then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', window + 1000))
end
return reply
`

// leaveSource is roster.giveBack.
//
// KEYS[1] as rosterSource has it.
// ARGV    window (milliseconds), recipients.
// Returns how many are not counted any more.
const leaveSource = settleRosterSource + `
local gone = 0
for i = 2, #ARGV do
  local s = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if s and tonumber(s) % 2 == 0 then
    gone = gone + redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return gone
`
