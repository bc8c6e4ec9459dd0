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
const findSource = `
local char, byte, sub, floor, call = string.char, string.byte, string.sub, math.floor, redis.call

local time = call('TIME')
local seconds = tonumber(time[1])
local now = seconds * 1000 + floor(time[2] / 1000)
local window = tonumber(ARGV[3])
local generation = floor(now / window)
local here = generation - ARGV[2] + 1

local function pack6(n)
  local high, low = floor(n / 4294967296), n % 4294967296
  return char(floor(high / 256), high % 256,
    floor(low / 16777216), floor(low / 65536) % 256, floor(low / 256) % 256, low % 256)
end

if here ~= 2 and here ~= 3 then return '\0' .. pack6(now) end

local ask = ARGV[1]
local field = sub(ask, 1, 8)
local entry, at = false, 4
while not entry and at >= here do
  at = at - 1
  entry = call('HGET', KEYS[at], field)
end
`

// writeSource is what claims and changes share.
const writeSource = findSource + `
local OPEN, CLAIMED, ACCEPTED, UNKNOWN = 1, 2, 3, 8
local NO_BODY, NO_PUBLICATION = '\0\0', '\0\0\0\0'
local body, publication, nonce = sub(ask, 9, 10), sub(ask, 11, 14), sub(ask, 15, 22)

local state, attempt, kept_body, kept_publication = 0, 0, NO_BODY, NO_PUBLICATION
if entry then
  state, attempt = byte(entry, 1, 2)
  kept_body, kept_publication = sub(entry, 3, 4), sub(entry, 9, 12)
end

-- Another body under the same key; but one message has one body.
local function is_conflict()
  if publication ~= NO_PUBLICATION and publication == kept_publication then return false end
  return kept_body ~= NO_BODY and body ~= NO_BODY and kept_body ~= body
end

local function refuse()
  return '\2' .. pack6(now) .. (entry or '')
end

-- Writes an entry of a state, an attempt and what follows the first 12 bytes, into
-- the present generation, where it lasts longest. What the caller does not know
-- stays.
local function put(to, n, rest)
  if body == NO_BODY then body = kept_body end
  if publication == NO_PUBLICATION then publication = kept_publication end
  local new = char(to, n) .. body .. sub(pack6(seconds), 3, 6) .. publication .. rest
  if call('HSET', KEYS[here], field, new) == 1 then
    if entry then call('HDEL', KEYS[at], field) end
    if call('HLEN', KEYS[here]) == 1 then
      call('PEXPIREAT', KEYS[here], string.format('%.0f', (generation + 3) * window))
    end
  end
  return '\1' .. pack6(now) .. new
end
`

// lookupSource reads. It always answers replyDone or replyMoved.
const lookupSource = findSource + `
return '\1' .. pack6(now) .. (entry or '')
`

// claimSource writes a claim where there is no entry, where it is open, or where
// the claim is the caller's own, whose lease then starts again.
const claimSource = writeSource + `
local own = state == CLAIMED and sub(entry, 13, 20) == nonce
if entry and not own and (state ~= OPEN or is_conflict()) then return refuse() end
return put(CLAIMED, entry and attempt or 1, nonce .. pack6(now + tonumber(ARGV[4])))
`

// changeSource settles (verb S), reopens (O) or resolves (R).
const changeSource = writeSource + `
local to, n, code, verb = byte(ask, 23), byte(ask, 24), sub(ask, 25, 25), sub(ask, 26, 26)

local function is_stale()
  local a, b, c, d, e, f = byte(entry, 21, 26)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f <= now
end

local function is_allowed()
  if not entry then return verb ~= 'R' end
  if state == CLAIMED then
    local own = sub(entry, 13, 20) == nonce
    if verb == 'R' then return own and n == attempt and is_stale() end
    return own or (to == ACCEPTED and is_stale())
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
if verb == 'S' and state == to and (publication == NO_PUBLICATION or publication == kept_publication) then
  return '\1' .. pack6(now) .. entry
end
if not is_allowed() then return refuse() end
if verb == 'O' then return put(OPEN, n, '') end
local seen = state > CLAIMED and sub(entry, 14, 14) or '\0'
return put(to, n > 0 and n or attempt, code .. seen)
`
