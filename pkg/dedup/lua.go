package dedup

// The scripts of lookups, claims and changes take, for one job after the other,
//
//	KEYS[1…3] the job's bucket in three generations that follow each other
//	KEYS[4]   the epoch of the job's tag
//	ARGV[1]   packed: field 8 bytes, body 2, publication 4, nonce 8, and for a
//	          change the target state, attempt, code and verb, a byte each, the
//	          event 5 bytes, the statuses seen 1
//	ARGV[2]   the number of the first generation
//	ARGV[3]   window, milliseconds
//	ARGV[4]   lease, milliseconds
//	ARGV[5]   the numbers of the buckets, 2 bytes for each key, 0 for an epoch
//	ARGV[6]   1 to ask the epochs, 0 not to
//
// and return a list of strings, one a job: a byte, Redis's time in 6 bytes
// (milliseconds) and the entry as it now stands, nothing for none. The byte is
// [replyDone] if the entry is as was asked for; [replyRefused] if it is not;
// [replyNotWhole] if nothing was done because Redis may have lost entries of the
// tag. If Redis is in none of the last two generations, nothing was done, and one
// string that begins with [replyMoved] is all they return.
//
// Many jobs in a call share what it costs Redis to run a script at all, which is
// more than what it does for one of them.
//
// Generations: with the time in the second or third one, the generation before
// it, which may hold the job, is among the keys. It would not be with the time in
// the first. One later than the time's is looked into because a clock may go back.
const clockSource = `
local char, byte, sub, floor, call = string.char, string.byte, string.sub, math.floor, redis.call

local time = call('TIME')
local seconds = tonumber(time[1])
local now = seconds * 1000 + floor(time[2] / 1000)

local function pack6(n)
  local high, low = floor(n / 4294967296), n % 4294967296
  return char(floor(high / 256), high % 256,
    floor(low / 16777216), floor(low / 65536) % 256, floor(low / 256) % 256, low % 256)
end
`

const findSource = clockSource + `
local window = tonumber(ARGV[3])
local generation = floor(now / window)
local here = generation - ARGV[2] + 1
if here ~= 2 and here ~= 3 then return '\0' .. pack6(now) end

-- The job's buckets are KEYS[base + 1…3]; the epoch's key is the last.
local base, epoch_key, buckets = 0, KEYS[#KEYS], ARGV[5]
local field, entry, at
-- Of a job that is not in the present generation: 1 if the generation before has its
-- bucket, and 2 if the one after has.
local others
local is_checked -- whether is_evicted has looked at the job's buckets

local function look(g)
  at, entry = g, call('HGET', KEYS[base + g], field)
  return entry
end

local function find()
  is_checked = false
  if look(here) then return end
  local before, after = KEYS[base + here - 1], KEYS[base + 3]
  others = here == 2 and call('EXISTS', before, after, after) or call('EXISTS', before)
  if others > 1 and look(3) then return end
  if others % 2 == 1 then look(here - 1) end
end
`

// eachSource runs answer for each job; a script defines it before.
const eachSource = `
local jobs = #KEYS / 4
local size = #ARGV[1] / jobs
local replies = {}
for job = 1, jobs do
  ask, base = sub(ARGV[1], (job - 1) * size + 1, job * size), 4 * (job - 1)
  epoch_key = KEYS[base + 4]
  field = sub(ask, 1, 8)
  find()
  replies[job] = answer()
end
return replies
`

// rulesSource is what all that write share. It works on the entry found.
//
// The epoch's hash also has a bit for each bucket that was begun, by generation
// (fields b1234): a bucket that is gone although its bit is set was evicted.
const rulesSource = `
local OPEN, CLAIMED, ACCEPTED, CANCELLED, UNKNOWN = 1, 2, 3, 7, 8
local NO_BODY, NO_PUBLICATION, NO_EVENT = '\0\0', '\0\0\0\0', '\0\0\0\0\0'
local NO_NONCE, REPLAYED = '\0\0\0\0\0\0\0\0', '\0\0\0\0\0\0\0\1'
local DOUBT, STATUSES = 16, 15

local body, publication
local state, attempt, kept_body, kept_publication, kept_code, seen, other, kept_event

-- Reads the entry that was found.
local function open_entry()
  state, attempt, kept_body, kept_publication = 0, 0, NO_BODY, NO_PUBLICATION
  kept_code, seen, other, kept_event = '\0', 0, 0, NO_EVENT
  if not entry then return end
  state, attempt = byte(entry, 1, 2)
  kept_body, kept_publication = sub(entry, 3, 4), sub(entry, 9, 12)
  if state == CLAIMED then
    seen, other = byte(entry, 27, 28)
    other = other or 0
  elseif state > CLAIMED then
    kept_code, seen, kept_event = sub(entry, 13, 13), byte(entry, 14), sub(entry, 15, 19)
  end
end

-- Another body under the same key; but one message has one body.
local function is_conflict()
  if publication ~= NO_PUBLICATION and publication == kept_publication then return false end
  return kept_body ~= NO_BODY and body ~= NO_BODY and kept_body ~= body
end

local function is_stale()
  local a, b, c, d, e, f = byte(entry, 21, 26)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f <= now
end

local function with(bits, more)
  local mask = 1
  for _ = 1, 7 do
    if floor(more / mask) % 2 == 1 and floor(bits / mask) % 2 == 0 then bits = bits + mask end
    mask = mask * 2
  end
  return bits
end

local function is_attested() return seen % (STATUSES + 1) > 0 end

-- The attempt that evidence shows to be accepted, of a claim that ends as to; false
-- for none. A clear answer outweighs evidence of its own attempt, and of no other.
local function proven(to)
  if is_attested() and (to == UNKNOWN or to == OPEN) then return attempt end
  return to ~= ACCEPTED and other > 0 and other
end
local function in_doubt() return floor(seen / DOUBT) % 2 == 1 end

-- What a call has read of tags, because it may have many jobs of one: the epoch, and
-- the bits of the three generations.
local tags, names = {}, {}
for g = 1, 3 do names[g] = 'b' .. string.format('%.0f', generation + g - here) end

local function tag()
  local t = tags[epoch_key]
  if not t then
    local read = call('HMGET', epoch_key, 'e', names[1], names[2], names[3])
    t = { read[2] or '', read[3] or '', read[4] or '', epoch = read[1] }
    tags[epoch_key] = t
  end
  return t
end

-- Sets or clears the bit of a bucket, or tells it.
local function bit_of(g, value)
  local high, low = byte(buckets, 2 * (base + g) - 1, 2 * (base + g))
  local bucket = high * 256 + low
  local i, mask = floor(bucket / 8) + 1, 2 ^ (bucket % 8)
  local bits = tag()[g]
  local old = i <= #bits and byte(bits, i) or 0
  local is_set = floor(old / mask) % 2 == 1
  if value == nil or value == is_set then return is_set end
  if i > #bits then bits = bits .. string.rep('\0', i - #bits) end
  old = value and old + mask or old - mask
  bits = sub(bits, 1, i - 1) .. char(old) .. sub(bits, i + 1)
  tag()[g] = bits
  call('HSET', epoch_key, names[g], bits)
end

-- What is_whole has found out of epochs, and the run id of this process.
local wholeness, server = {}, nil

-- Whether a bucket is gone that a job may have been in which was not found.
local function is_evicted()
  is_checked = true
  local is_gone = others % 2 == 0 and bit_of(here - 1)
    or bit_of(here) and call('EXISTS', KEYS[base + here]) == 0
  if is_gone then
    call('HDEL', epoch_key, 'e')
    wholeness[epoch_key] = false
  end
  return is_gone
end

-- Whether the entry just written is the first of its bucket.
local function is_first()
  if is_checked then return not bit_of(here) end
  return call('HLEN', KEYS[base + here]) == 1
end

local written -- when entries are, in four bytes

-- Writes an entry of a state, an attempt and what follows the first 12 bytes, into
-- the present generation, where it lasts longest. What the caller does not know
-- stays.
local function put(to, n, rest)
  if body == NO_BODY then body = kept_body end
  if publication == NO_PUBLICATION then publication = kept_publication end
  local before, from = entry, KEYS[base + at]
  written = written or sub(pack6(seconds), 3, 6)
  entry = char(to, n) .. body .. written .. publication .. rest
  if call('HSET', KEYS[base + here], field, entry) == 0 then return end
  if before then
    call('HDEL', from, field)
    if call('EXISTS', from) == 0 then bit_of(at, false) end
  end
  if is_first() then
    call('PEXPIREAT', KEYS[base + here], string.format('%.0f', (generation + 3) * window))
    bit_of(here, true)
  end
end

local function settle(to, n, code, bits, event)
  put(to, n, code .. char(bits) .. event)
end

-- Whether the tag has all its entries: its epoch is of this process.
local function find_wholeness()
  if not server then
    local info = redis.pcall('INFO', 'server')
    server = (type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'none') .. ' '
  end
  local epoch = tag().epoch
  return epoch and sub(epoch, 1, #server) == server
end

local function is_whole()
  if wholeness[epoch_key] == nil then wholeness[epoch_key] = find_wholeness() or false end
  return wholeness[epoch_key]
end
`

const writeSource = findSource + rulesSource + `
local ask, nonce
local stamp = pack6(now)

local function read_ask()
  body, publication, nonce = sub(ask, 9, 10), sub(ask, 11, 14), sub(ask, 15, 22)
  open_entry()
end

local function reply(code) return code .. stamp .. (entry or '') end
local function is_lost() return ARGV[6] == '1' and not is_whole() end
`

// lookupSource reads.
const lookupSource = findSource + `
local ask
local stamp = pack6(now)
local function answer() return '\1' .. stamp .. (entry or '') end
` + eachSource

// claimSource writes a claim where there is no entry, where it is open, or where
// the claim is the caller's own, whose lease then starts again.
const claimSource = writeSource + `
local lease = pack6(now + tonumber(ARGV[4]))

local function answer()
  read_ask()
  if is_lost() then return reply('\3') end
  local own = state == CLAIMED and sub(entry, 13, 20) == nonce
  if entry and not own and (state ~= OPEN or is_conflict()) then return reply('\2') end
  if not entry and ARGV[6] == '1' and is_evicted() then return reply('\3') end
  put(CLAIMED, entry and attempt or 1, nonce .. lease .. (own and sub(entry, 27) or '\0'))
  return reply('\1')
end
` + eachSource

// changeSource settles (verb S), reopens (O), resolves (R), opens again (G), takes
// evidence (A) or marks statuses (M).
const changeSource = writeSource + `
local to, n, code, verb, event, bits, same, held_by, own, adds_event
local verbs = {}

local function read_change()
  read_ask()
  to, n, code, verb = byte(ask, 23), byte(ask, 24), sub(ask, 25, 25), sub(ask, 26, 26)
  event, bits = sub(ask, 27, 31), byte(ask, 32)
  same = publication == NO_PUBLICATION or kept_publication == NO_PUBLICATION or publication == kept_publication
  held_by = state == CLAIMED and sub(entry, 13, 20)
  own = held_by == nonce
  adds_event = kept_event == NO_EVENT and event ~= NO_EVENT
end

-- Settled so before, as by a call that is repeated, or with its event now.
local function settle_again()
  local is_sure = to == ACCEPTED and event ~= NO_EVENT and in_doubt()
  if adds_event or is_sure then
    settle(state, attempt, kept_code, is_sure and seen - DOUBT or seen, adds_event and event or kept_event)
  end
  return reply('\1')
end

-- What must not rest on entries that may be behind: changes without a claim.
local function is_unfounded()
  if verb == 'S' or verb == 'O' then
    return nonce == NO_NONCE and to ~= ACCEPTED and is_lost()
  end
  return verb ~= 'M' and is_lost()
end

local function may_settle()
  if not entry then return true end
  if state == CLAIMED then
    -- A replayed claim does not know whose it was: the message and attempt tell.
    local lost = held_by == REPLAYED and n == attempt and nonce ~= NO_NONCE and publication == kept_publication
    return own or lost or (to == ACCEPTED and is_stale())
  end
  if is_conflict() then return false end
  if state == OPEN then return n == 0 or n >= attempt or to == ACCEPTED end
  return state == UNKNOWN and (n == attempt or to == ACCEPTED)
end

function verbs.S()
  if state == ACCEPTED and same and adds_event and in_doubt() then
    settle(state, attempt, kept_code, seen, event) -- evidence came between the ledger and the event
    return reply('\2')
  end
  if not may_settle() then return reply('\2') end
  n = n > 0 and n or attempt
  local accepted = state == CLAIMED and proven(to)
  if accepted then
    settle(ACCEPTED, accepted, code, DOUBT, event)
    return reply('\2')
  end
  settle(to, n, code, state > CLAIMED and seen or 0, kept_event ~= NO_EVENT and kept_event or event)
  return reply('\1')
end

function verbs.O()
  if entry and not own then
    if is_conflict() then return reply('\2') end
    if not (state == OPEN and n == attempt or state == UNKNOWN and n == attempt + 1) then return reply('\2') end
  end
  local accepted = own and proven(OPEN)
  if accepted then
    settle(ACCEPTED, accepted, '\0', 0, NO_EVENT)
    return reply('\2')
  end
  put(OPEN, n, '')
  return reply('\1')
end

function verbs.R()
  if not (own and n == attempt and is_stale()) then return reply('\2') end
  local accepted = proven(UNKNOWN)
  settle(accepted and ACCEPTED or UNKNOWN, accepted or n, code, 0, NO_EVENT)
  return reply(accepted and '\2' or '\1')
end

function verbs.G()
  if entry and is_conflict() then return reply('\2') end
  if state == OPEN and attempt == n + 1 then return reply('\1') end
  if entry and not (state > ACCEPTED and attempt == n) then return reply('\2') end
  put(OPEN, n + 1, '')
  return reply('\1')
end

function verbs.A()
  if not entry then return reply('\2') end
  if state == CLAIMED and not is_stale() then
    local more, another = with(seen, n == attempt and bits or 0), n ~= attempt and other == 0 and char(n) or sub(entry, 28)
    local noted = sub(entry, 13, 26) .. char(more) .. another
    if noted ~= sub(entry, 13) then put(CLAIMED, attempt, noted) end
  elseif state == OPEN or state == CLAIMED then
    settle(ACCEPTED, n, '\0', 0, NO_EVENT)
  elseif state == UNKNOWN or (to == ACCEPTED and state > ACCEPTED and n ~= attempt) then
    settle(ACCEPTED, n, kept_code, with(seen, DOUBT), kept_event)
  end
  return reply('\1')
end

function verbs.M()
  if state <= CLAIMED then return reply('\2') end
  local more = with(seen, bits)
  if more ~= seen then settle(state, attempt, kept_code, more, kept_event) end
  return reply('\1')
end

local function answer()
  read_change()
  if verb == 'S' and state == to and same then return settle_again() end
  if is_unfounded() then return reply('\3') end
  return verbs[verb]()
end
` + eachSource
