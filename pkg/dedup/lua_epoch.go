package dedup

// epochSource keeps the epochs of tags: field e of the hashes KEYS[1…]. It is one of
//
//	<run> <evicted> <events> <claims>
//	- <run> <evicted> <events> <claims> <since> <token>
//
// The first says that the tag is whole in the process that has the run id, up to
// these sequences of the streams, and that this process had evicted so many keys.
// The second says that it is not, since when (milliseconds), who replays it, and
// how far that has come.
//
//	ARGV[1] look, begin, advance, finish, check, suspend or forget
//	ARGV[2] the token of who replays
//	ARGV[3] the sequence of the events
//	ARGV[4] the sequence of the claims
//	ARGV[5] window, milliseconds
//
// It returns seven numbers a key: whether the tag is whole; whether what was asked
// for was done; Redis's time, milliseconds; events; claims; since; and which process
// this is, the first 48 bits of its run id.
const epochSource = clockSource + `
local verb, token, events, claims = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local function info(section, pattern, default)
  local text = redis.pcall('INFO', section)
  return type(text) == 'string' and string.match(text, pattern) or default
end
local run = info('server', 'run_id:(%w+)', 'none')
local evicted = info('stats', 'evicted_keys:(%d+)', '0')

local function number(n) return string.format('%.0f', n) end

-- Reads the epoch of a key.
local function read(key)
  local e = { run = '', evicted = evicted, events = 0, claims = 0, since = now, token = '' }
  local words = {}
  for word in string.gmatch(call('HGET', key, 'e') or '', '%S+') do words[#words + 1] = word end
  e.is_replayed = words[1] == '-'
  if e.is_replayed then table.remove(words, 1) end
  if words[4] then
    e.run, e.evicted, e.events, e.claims = words[1], words[2], tonumber(words[3]), tonumber(words[4])
  end
  e.is_same = e.run == run and e.evicted == evicted
  e.is_whole = e.is_same and not e.is_replayed
  e.is_known = words[4] and e.evicted == evicted
  if not e.is_known then e.events, e.claims = 0, 0 end
  if e.is_replayed then e.token = words[6] end
  if e.is_replayed and e.run == run then e.since = tonumber(words[5]) end
  return e
end

local function write(key, e)
  local text = run .. ' ' .. evicted .. ' ' .. number(e.events) .. ' ' .. number(e.claims)
  if not e.is_whole then text = '- ' .. text .. ' ' .. number(e.since) .. ' ' .. token end
  call('HSET', key, 'e', text)
end

local function move(e)
  e.events, e.claims = math.max(e.events, events), math.max(e.claims, claims)
end

-- Forgets which buckets there were in generations before one.
local function forget_buckets(key, first)
  for _, name in ipairs(call('HKEYS', key)) do
    local digits = string.match(name, '^b(%d+)$') -- nothing at all in miniredis, which tonumber refuses
    local generation = digits and tonumber(digits)
    if generation and generation < first then call('HDEL', key, name) end
  end
end

-- The verbs say whether they did what they say.
local verbs = {}

function verbs.look(key, e) return e.is_whole end

function verbs.begin(key, e)
  if e.is_whole then return false end
  if not e.is_known then forget_buckets(key, math.huge) end -- some are gone; the replay finds the others
  write(key, e)
  return true
end

function verbs.suspend(key, e)
  if not e.is_whole then return false end
  e.is_whole = false
  write(key, e)
  return true
end

function verbs.advance(key, e)
  if not (e.is_replayed and e.is_same and e.token == token) then return false end
  move(e)
  e.is_whole = verb == 'finish'
  write(key, e)
  return true
end
verbs.finish = verbs.advance

function verbs.check(key, e)
  if not e.is_whole then return false end
  move(e)
  write(key, e)
  forget_buckets(key, floor(now / tonumber(ARGV[5])) - 2)
  return true
end

function verbs.forget(key, e)
  call('HDEL', key, 'e')
  e.is_whole = false
  return true
end

local result = {}
local function add(n) result[#result + 1] = n end
for _, key in ipairs(KEYS) do
  local e = read(key)
  local is_done = verbs[verb](key, e)
  add(e.is_whole and 1 or 0)
  add(is_done and 1 or 0)
  add(now)
  add(e.events)
  add(e.claims)
  add(e.since)
  add(tonumber(string.sub(run, 1, 12), 16) or 0)
end
return result
`

// lockSource takes or renews the lock KEYS[1] for ARGV[1] for ARGV[2] milliseconds,
// or with 0 gives it up. It returns whether the caller has it, or had.
const lockSource = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] ~= '0' then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
elseif holder then
  redis.call('DEL', KEYS[1])
end
return 1
`
