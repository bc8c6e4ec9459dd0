package dedup

// All scripts take
//
//	KEYS[1…3] the job's bucket in three generations that follow each other
//	ARGV[1]   packed: field 8 bytes, body 2, publication 4, nonce 8, and for a
//	          change the target state, attempt, code and verb, a byte each
//	ARGV[2]   the number of the first generation
//	ARGV[3]   window, milliseconds
//	ARGV[4]   lease, milliseconds
//
// and return one string: a byte, Redis's time in 6 bytes (milliseconds) and the
// entry as it now stands, nothing for none. The byte is [replyMoved] if Redis is
// in none of the last two generations, and nothing was done; [replyDone] if the
// entry is as was asked for; [replyRefused] if it was left as it is.
//
// Generations: with the time in the second or third one, the generation before
// it, which may hold the job, is among the keys. It would not be with the time in
// the first. One later than the time's is looked into because a clock may go back.
const prologue = `
local OPEN, CLAIMED, ACCEPTED, UNKNOWN = 1, 2, 3, 8
local char, byte, sub, floor = string.char, string.byte, string.sub, math.floor

local function pack(n, size)
  local s = ''
  for _ = 1, size do
    s = char(n % 256) .. s
    n = floor(n / 256)
  end
  return s
end

local function unpack(s, from, to)
  local n = 0
  for i = from, to do n = n * 256 + byte(s, i) end
  return n
end

local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local window = tonumber(ARGV[3])
local generation = floor(now / window)
local here = generation - tonumber(ARGV[2]) + 1

local function reply(code, entry)
  return char(code) .. pack(now, 6) .. (entry or '')
end

if here ~= 2 and here ~= 3 then return reply(0) end

local ask = ARGV[1]
local field, body, publication, nonce = sub(ask, 1, 8), sub(ask, 9, 10), sub(ask, 11, 14), sub(ask, 15, 22)

local entry, at = false, 4
while not entry and at >= here do
  at = at - 1
  entry = redis.call('HGET', KEYS[at], field)
end

local state, attempt = 0, 0
if entry then state, attempt = byte(entry, 1, 2) end

local function is_known(s) return s ~= '\0\0' and s ~= '\0\0\0\0' end

-- The same message, as far as both sides know it.
local function same_publication()
  return not is_known(publication) or publication == sub(entry, 9, 12)
end

-- Another body under the same key; one message has one body.
local function is_conflict()
  local kept = sub(entry, 3, 4)
  return is_known(kept) and is_known(body) and kept ~= body and publication ~= sub(entry, 9, 12)
end

-- The first 12 bytes of a new entry. What the caller does not know stays.
local function head(to, n)
  if entry and not is_known(body) then body = sub(entry, 3, 4) end
  if entry and not is_known(publication) then publication = sub(entry, 9, 12) end
  return char(to, n) .. body .. pack(floor(now / 1000), 4) .. publication
end

-- Writes into the present generation, where the entry lasts longest.
local function put(new)
  if redis.call('HSET', KEYS[here], field, new) == 1 then
    if entry then redis.call('HDEL', KEYS[at], field) end
    if redis.call('HLEN', KEYS[here]) == 1 then
      redis.call('PEXPIREAT', KEYS[here], string.format('%.0f', (generation + 3) * window))
    end
  end
  return reply(1, new)
end
`

// lookupSource reads. It always answers replyDone or replyMoved.
const lookupSource = prologue + `
return reply(1, entry)
`

// claimSource writes a claim where there is no entry, where it is open, or where
// the claim is the caller's own, whose lease then starts again.
const claimSource = prologue + `
local own = state == CLAIMED and sub(entry, 13, 20) == nonce
if entry and not own and (state ~= OPEN or is_conflict()) then return reply(2, entry) end
return put(head(CLAIMED, entry and attempt or 1) .. nonce .. pack(now + tonumber(ARGV[4]), 6))
`

// changeSource settles (verb S), reopens (O) or resolves (R).
const changeSource = prologue + `
local to, n, code, verb = byte(ask, 23), byte(ask, 24), sub(ask, 25, 25), sub(ask, 26, 26)

local function is_allowed()
  if not entry then return verb ~= 'R' end
  if state == CLAIMED then
    local own, stale = sub(entry, 13, 20) == nonce, unpack(entry, 21, 26) <= now
    if verb == 'R' then return own and stale and n == attempt end
    return own or (stale and to == ACCEPTED)
  end
  if verb == 'R' or is_conflict() then return false end
  if state == OPEN then
    if verb == 'O' then return n == attempt end
    return n == 0 or n >= attempt or to == ACCEPTED
  end
  if state == UNKNOWN then
    if verb == 'O' then return n == attempt + 1 end
    return n == attempt or to == ACCEPTED
  end
  return false
end

-- Settled so before, as by a call that is repeated.
if verb == 'S' and state == to and same_publication() then return reply(1, entry) end
if not is_allowed() then return reply(2, entry) end
if verb == 'O' then return put(head(OPEN, n)) end
local seen = state > CLAIMED and sub(entry, 14, 14) or '\0'
return put(head(to, n > 0 and n or attempt) .. code .. seen)
`
